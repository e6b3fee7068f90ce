/**
 * Memory that is lent and used again: many messages are opened at the same time, in every chunking, by readers that stop
 * early, throw, or keep what they were given. Nothing of one may appear in another, and nothing unproven anywhere.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { BerReader } from '../../src/asn1/ber-reader.ts';
import { derOctetString, derSequence, TAG } from '../../src/asn1/der-writer.ts';
import { ContentEncryptor } from '../../src/cms/content-encryptor.ts';
import { openEnvelope } from '../../src/cms/enveloped-data-reader.ts';
import { DEFAULT_PROFILE } from '../../src/cms/profile.ts';
import { collect, type ReopenableSource } from '../../src/cms/reopenable-source.ts';
import {
  type SignedDataParts,
  signedAttributes,
  signedDataDetached,
  signedDataOpaque,
} from '../../src/cms/signed-data-writer.ts';
import { envelopedDataOf } from '../../src/cms/streamed-envelope-writer.ts';
import { type SignedResult, verifySignedData } from '../../src/cms/verification.ts';
import { KeyUnwrapper } from '../../src/keys/key-unwrapper.ts';
import { systemEntropy } from '../../src/keys/system-entropy.ts';
import { findCms } from '../../src/smime/open-cms.ts';
import { openSealed } from '../../src/smime/open-sealed.ts';
import type { RangedSource } from '../../src/smime/ranged-source.ts';
import { rsaRecipient, rsaSender, signerOf } from './sealed-message.ts';

const unwrapper = new KeyUnwrapper([{ certificate: rsaRecipient.certificate, key: rsaRecipient.privateKey }]);
const judge = async (): Promise<{ ok: true }> => ({ ok: true });
const CHUNKS = [63, 64, 65, 4095, 4096, 4097, 65_535, 65_536, 65_537];
const TINY_CHUNKS = [1, 2, 3, 7];
/** Round lines of base64, pieces and the memory of the kernels. */
const SIZES = [0, 1, 47, 48, 49, 56, 57, 58, 75, 76, 77, 8191, 49_151, 49_153, 65_535, 65_536, 65_537, 66_121, 150_001];
const SEGMENTS = [1, 15, 1000, 4096, 65_536];
const CIPHERS = ['aes-256-cbc', 'aes-256-gcm', 'chacha20-poly1305'] as const;
type Cipher = (typeof CIPHERS)[number];

/** Octets that no other content has, wherever they are looked at: each line says whose it is. */
function contentOf(id: number, size: number): Buffer {
  const line = `message ${String(id).padStart(6, '0')} `;
  return Buffer.alloc(size, line.repeat(Math.ceil(65_521 / line.length)).slice(0, 65_521), 'latin1');
}

/** `views`: pieces are the message's own memory, which nobody may write to. */
type Way = 'at once' | 'waits' | 'views';
const WAYS: readonly Way[] = ['at once', 'waits', 'views'];

/** Memory of its own is overwritten before it is used again; every piece gives others their turn. */
function sourceOf(octets: Buffer, size: number, way: Way, vouches: boolean): RangedSource {
  const source: RangedSource = {
    async *open(from = 0, to = octets.length, scratch = false): AsyncGenerator<Buffer, void, undefined> {
      const own = Buffer.alloc(size);
      for (let at = from; at < Math.min(to, octets.length); at += size) {
        if (size > 60) await setImmediate();
        if (way === 'views') {
          yield octets.subarray(at, Math.min(to, octets.length, at + size));
          continue;
        }
        const memory: Buffer = scratch ? own.fill(0xee) : Buffer.alloc(size);
        yield memory.subarray(0, octets.copy(memory, 0, at, Math.min(to, octets.length, at + size)));
      }
      if (scratch) own.fill(0xee);
    },
  };
  if (way === 'at once') {
    source.readInto = (target, from) => octets.copy(target.fill(0xee), 0, Math.min(from, octets.length), from + size);
  }
  if (vouches) source.identity = async () => 'same';
  return source;
}

/** The same value with its string in segments of some size, of indefinite length. */
function segmented(string: Buffer, tag: number, size: number): Buffer {
  const parts: Buffer[] = [Buffer.of(tag, 0x80)];
  for (let at = 0; at < string.length; at += size) parts.push(derOctetString(string.subarray(at, at + size)));
  return Buffer.concat([...parts, Buffer.alloc(2)]);
}

function fieldsOf(sequence: BerReader): Buffer[] {
  const fields: Buffer[] = [];
  while (!sequence.atEnd) fields.push(sequence.readElement().whole);
  return fields;
}

function wrapped(type: Buffer, fields: readonly Buffer[]): Buffer {
  return derSequence(type, Buffer.concat([Buffer.of(0xa0, 0x80), derSequence(...fields), Buffer.alloc(2)]));
}

function encrypted(content: Buffer, cipher: Cipher, segment: number): Buffer {
  const encryptor = new ContentEncryptor({ ...DEFAULT_PROFILE, content: cipher }, systemEntropy);
  const infos = encryptor.recipientInfos([rsaRecipient.certificate]);
  const object = Buffer.concat(envelopedDataOf(encryptor, infos, [content]));
  const outer = BerReader.over(object).enter(TAG.sequence);
  const type = outer.readElement().whole;
  const [version, recipients, inside, ...tail] = fieldsOf(outer.enter(0xa0).enter(TAG.sequence));
  assert.ok(version && recipients && inside);
  const [innerType, algorithm, string] = fieldsOf(BerReader.over(inside).enter(TAG.sequence));
  assert.ok(innerType && algorithm && string);
  const ciphertext = BerReader.over(string).readElement().content;
  const info = derSequence(innerType, algorithm, segmented(ciphertext, 0xa0, segment));
  return wrapped(type, [version, recipients, info, ...tail]);
}

async function signatureOf(content: Buffer): Promise<SignedDataParts> {
  const signer = signerOf(rsaSender);
  const digest = createHash('sha256').update(content).digest();
  const attributes = signedAttributes({ digest, signer, signingTime: new Date(), profile: DEFAULT_PROFILE });
  return { signer, attributes, signature: await signer.sign(attributes), profile: DEFAULT_PROFILE };
}

async function opaque(content: Buffer, segment: number): Promise<Buffer> {
  const object = signedDataOpaque([await signatureOf(content)], content);
  const outer = BerReader.over(object).enter(TAG.sequence);
  const type = outer.readElement().whole;
  const [version, digests, , ...tail] = fieldsOf(outer.enter(0xa0).enter(TAG.sequence));
  assert.ok(version && digests);
  const data = Buffer.from('06092a864886f70d010701', 'hex');
  const inside = Buffer.concat([Buffer.of(0xa0, 0x80), segmented(content, 0x24, segment), Buffer.alloc(2)]);
  return wrapped(type, [version, digests, derSequence(data, inside), ...tail]);
}

async function multipart(content: Buffer): Promise<Buffer> {
  const signature = signedDataDetached(await signatureOf(content)).toString('base64');
  const [head, middle, end] = [
    'Content-Type: multipart/signed; boundary=zz; micalg=sha-256; protocol="application/pkcs7-signature"\r\n\r\n--zz\r\n',
    '\r\n--zz\r\nContent-Type: application/pkcs7-signature\r\nContent-Transfer-Encoding: base64\r\n\r\n',
    '\r\n--zz--\r\n',
  ];
  return Buffer.concat([Buffer.from(head), content, Buffer.from(`${middle}${signature}${end}`)]);
}

function asMail(object: Buffer, width: number): Buffer {
  const lines = object.toString('base64').match(new RegExp(`.{1,${width}}`, 'g')) ?? [];
  const head = 'Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\n';
  return Buffer.from(`${head}${lines.join('\r\n')}\r\n`);
}

/** What a reader does with what it is given. */
type Manner = 'keeps' | 'stops' | 'throws';

/** @param lent pieces are good until the next is asked for, and no longer */
async function consume(pieces: AsyncIterable<Buffer>, expected: Buffer, manner: Manner, lent = false): Promise<void> {
  const kept: Buffer[] = [];
  let octets = 0;
  const wanted = manner === 'keeps' ? Number.POSITIVE_INFINITY : expected.length / 2;
  const stop = new Error('the reader has enough');
  try {
    for await (const piece of pieces) {
      if (!lent) kept.push(piece);
      octets += piece.length;
      if (piece.length > 60) await setImmediate();
      if (lent) kept.push(Buffer.from(piece));
      if (octets < wanted) continue;
      if (manner === 'throws') throw stop;
      break;
    }
  } catch (thrown) {
    if (thrown !== stop) throw thrown;
  }
  await setImmediate();
  const all = Buffer.concat(kept);
  if (manner === 'keeps') assert.equal(all.length, expected.length);
  assert.ok(all.equals(expected.subarray(0, all.length)), 'octets of another message, or of another place');
}

function released(result: SignedResult | null, lent = false): AsyncIterable<Buffer> {
  assert.ok(result?.ok && result.valid, result?.ok === true && !result.valid ? result.detail : 'not read');
  return result.release(lent);
}

interface Job {
  readonly chunk: number;
  readonly way: Way;
  readonly vouches: boolean;
  readonly manner: Manner;
}

type Open = (content: Buffer, job: Job, variant: number) => Promise<void>;
const at = <T>(list: readonly T[], index: number): T => list[index % list.length] as T;

/** Opens and releases twice, the second time with the reader's manner. */
const FORMS: Readonly<Record<string, Open>> = {
  async encrypted(content, { chunk, way, vouches, manner }, variant) {
    const mail = asMail(
      encrypted(content, at(CIPHERS, variant), at(SEGMENTS, variant)),
      at([76, 64, 400, 10], variant),
    );
    const { object } = await findCms(sourceOf(mail, chunk, way, vouches), 'smime');
    const result = await openEnvelope(object, { unwrapper });
    assert.ok(result.ok);
    await Promise.all([
      consume(result.release(), content, 'keeps'),
      consume(result.release(), content, manner),
      consume(result.release(), content, 'stops'),
    ]);
    result.close();
  },
  async opaque(content, { chunk, way, vouches, manner }, variant) {
    const object = await opaque(content, at(SEGMENTS, variant));
    const mail = variant % 2 === 0 ? asMail(object, at([76, 64, 400], variant)) : object;
    const found = await findCms(sourceOf(mail, chunk, way, vouches), variant % 2 === 0 ? 'smime' : 'der');
    const result = await verifySignedData(found.object, { judge });
    await Promise.all([consume(released(result), content, 'keeps'), consume(released(result), content, manner)]);
  },
  async multipart(content, { chunk, way, vouches, manner }) {
    const {
      object,
      content: part,
      seen,
    } = await findCms(sourceOf(await multipart(content), chunk, way, vouches), 'smime');
    const result = await verifySignedData(object, { content: part, seen, judge });
    await Promise.all([
      consume(released(result), content, 'keeps'),
      consume(released(result), content, manner),
      consume(released(result, true), content, 'keeps', true),
    ]);
  },
  async sealed(content, { chunk, way, vouches, manner }, variant) {
    const inside = await multipart(content);
    const mail = asMail(encrypted(inside, at(CIPHERS, variant), at(SEGMENTS, variant)), at([76, 64, 400], variant));
    const { object } = await findCms(sourceOf(mail, chunk, way, vouches), 'smime');
    const result = await openSealed(object, { unwrapper, judge });
    assert.ok(result.ok);
    await Promise.all([
      consume(released(result.signed), content, 'keeps'),
      consume(result.envelope.release(), inside, manner),
    ]);
    result.envelope.close();
  },
};

describe('memory that is lent', function () {
  this.timeout(120_000);

  for (const [name, open] of Object.entries(FORMS)) {
    it(`shows nothing of one message in another (${name}, in every chunking)`, async () => {
      const jobs: Promise<void>[] = [];
      let id = 0;
      for (const way of WAYS) {
        for (const chunk of [...CHUNKS, ...TINY_CHUNKS]) {
          for (const manner of ['keeps', 'stops', 'throws'] as const) {
            id++;
            const size = TINY_CHUNKS.includes(chunk) ? at(SIZES.slice(0, 12), id) : at(SIZES, id * 5);
            jobs.push(open(contentOf(id, size), { chunk, way, vouches: id % 2 === 0, manner }, id));
          }
        }
      }
      await Promise.all(jobs);
    });
  }

  it('notices that pass two reads another message of the same size', async () => {
    const [one, other] = [contentOf(1, 100_000), contentOf(2, 100_000)];
    const makers: readonly ((content: Buffer) => Promise<Buffer>)[] = [
      async (content) => asMail(encrypted(content, 'aes-256-cbc', 1000), 76),
      async (content) => asMail(encrypted(content, 'aes-256-gcm', 1000), 76),
      async (content) => asMail(await opaque(content, 1000), 76),
      multipart,
    ];
    for (const [index, make] of makers.entries()) {
      let read = await make(one);
      const source: RangedSource = {
        open: (...range) => sourceOf(read, 4096, 'waits', false).open(...range),
        readInto: (target, from) => sourceOf(read, 4096, 'at once', false).readInto?.(target, from) ?? 0,
      };
      const { object, content, seen } = await findCms(source, 'smime');
      const opened = index < 2 ? await openEnvelope(object, { unwrapper }) : null;
      const result = opened === null ? await verifySignedData(object, { content, seen, judge }) : null;
      read = await make(other);
      const pieces = opened?.ok === true ? opened.release() : released(result);
      await assert.rejects(consume(pieces, other, 'keeps'), { code: 'cms.source-changed' }, `maker ${index}`);
    }
  });

  it('gives nothing of what was changed anywhere', async () => {
    const content = contentOf(1, 3000);
    const source = (octets: Buffer): ReopenableSource => sourceOf(octets, 700, 'at once', true);
    for (const cipher of CIPHERS.slice(1)) {
      const object = encrypted(content, cipher, 100);
      for (let place = 0; place < object.length; place += 97) {
        const damaged = Buffer.from(object);
        damaged[place] = (damaged[place] ?? 0) ^ 1;
        const { object: found } = await findCms(sourceOf(damaged, 700, 'at once', true), 'der');
        const result = await openEnvelope(found, { unwrapper });
        if (result.ok) assert.deepEqual(await collect(result.release(), 1e6), content, `${cipher} at ${place}`);
      }
    }
    for (const object of [await opaque(content, 100)]) {
      for (let place = 0; place < object.length; place += 97) {
        const damaged = Buffer.from(object);
        damaged[place] = (damaged[place] ?? 0) ^ 1;
        const result = await verifySignedData(source(damaged), { judge });
        if (result.ok && result.valid) assert.deepEqual(await collect(result.release(), 1e6), content, `at ${place}`);
      }
    }
  });
});
