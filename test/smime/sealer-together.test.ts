/**
 * Messages sealed at the same time, in every chunking and with sinks that take their time: each comes out as it does alone.
 * Kernels, pools of memory and key pairs are shared by all of them.
 */
import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { startSealing } from '../../src/smime/sealer.ts';
import { splitMessage } from '../mime/message-vectors.ts';
import { AS_IT_CAME, ENCRYPTED, RSA, SIGNED, SIGNED_ENCRYPTED } from './samples.ts';
import { type Asked, requestFor } from './sealed-message.ts';

const CHUNKS = [7, 63, 64, 65, 4095, 4096, 4097, 65_535, 65_536, 65_537];
/** Of the body: round lines, blocks and the memory of the kernels. */
const SIZES = [0, 1, 56, 57, 58, 997, 998, 999, 4096, 65_400, 65_535, 65_536, 65_537, 66_121, 131_073, 200_001];
const HEAD = 'From: anna@example.org\r\nMIME-Version: 1.0\r\n';
const FORMS: readonly Asked[] = [
  { form: AS_IT_CAME },
  { form: SIGNED },
  { form: ENCRYPTED, groups: RSA },
  { form: SIGNED_ENCRYPTED, groups: RSA },
];

/** 7-bit text, 8-bit text, octets without lines, and base64; every line says whose it is. */
const BODIES: readonly ((whose: string, size: number) => Buffer)[] = [
  (whose, size) => body('Content-Type: text/plain\r\n', `${whose}: plain lines of text\r\n`, size),
  (whose, size) =>
    body('Content-Type: text/plain; charset=utf-8\r\n', `${whose}: Gr\u00fc\u00dfe \r\nFrom me\r\n`, size),
  (whose, size) => body('Content-Type: application/x\r\n', `${whose}\u0000\u00ff no lines at all`, size),
  (whose, size) => body('Content-Transfer-Encoding: base64\r\n', `${Buffer.from(whose).toString('base64')}\r\n`, size),
];

function body(fields: string, line: string, size: number): Buffer {
  const head = Buffer.from(`${HEAD}${fields}\r\n`);
  return Buffer.concat([head, Buffer.alloc(size, Buffer.from(line, 'utf8'))]);
}

async function sealed(message: Buffer, chunk: number): Promise<Buffer[]> {
  const kept: Buffer[][] = FORMS.map(() => []);
  const request = requestFor(message, FORMS, {}, kept);
  const forms = request.forms.map((form, index) => ({
    ...form,
    // looked at only when others had their turn: the piece is the sink's until it says that it took it
    write: async (piece: Buffer) => {
      await setImmediate();
      kept[index]?.push(Buffer.from(piece));
    },
  }));
  const sealing = startSealing({ ...request, forms });
  const { body: octets } = splitMessage(message);
  for (let at = 0; at < octets.length; at += chunk) {
    await sealing.write(Buffer.from(octets.subarray(at, at + chunk)));
    if (chunk > 60) await setImmediate();
  }
  await sealing.end();
  return kept.map((pieces) => Buffer.concat(pieces));
}

describe('messages sealed at the same time', function () {
  this.timeout(120_000);

  for (const [kind, make] of BODIES.entries()) {
    it(`are what each is alone (body ${kind + 1} of ${BODIES.length})`, async () => {
      const jobs: { readonly message: Buffer; readonly chunk: number; readonly alone: Buffer[] }[] = [];
      for (const [index, size] of SIZES.entries()) {
        const message = make(`message ${kind}-${String(index).padStart(3, '0')}`, size);
        const alone = await sealed(message, Math.max(1, size));
        for (const chunk of CHUNKS) if (chunk > 60 || size < 5000) jobs.push({ message, chunk, alone });
      }
      await Promise.all(
        jobs.map(async ({ message, chunk, alone }, index) => {
          for (let turn = 0; turn < index % 5; turn++) await setImmediate();
          const together = await sealed(message, chunk);
          for (const [form, octets] of together.entries()) {
            assert.ok(octets.equals(alone[form] ?? Buffer.alloc(0)), `${message.length} in ${chunk}, form ${form}`);
          }
        }),
      );
    });
  }
});
