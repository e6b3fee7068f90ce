/** Sources that are read at once and sources that are waited for give the same, through every layer over them. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { ContentEncryptor } from '../../src/cms/content-encryptor.ts';
import { DEFAULT_PROFILE } from '../../src/cms/profile.ts';
import { collect, type Pieces } from '../../src/cms/reopenable-source.ts';
import { streamEnvelopedData } from '../../src/cms/streamed-envelope-writer.ts';
import { verifySignedData } from '../../src/cms/verification.ts';
import { KeyUnwrapper } from '../../src/keys/key-unwrapper.ts';
import { systemEntropy } from '../../src/keys/system-entropy.ts';
import { findCms } from '../../src/smime/open-cms.ts';
import { openSealed } from '../../src/smime/open-sealed.ts';
import { lentPieces, partOf, type RangedSource, rangedBuffer } from '../../src/smime/ranged-source.ts';
import { SigningUnit } from '../../src/smime/signing-unit.ts';
import { rsaRecipient, rsaSender, signerOf } from './sealed-message.ts';

const ENTITY = Buffer.from(`Content-Type: text/plain\r\n\r\n${'Nothing but text, line by line.\r\n'.repeat(9000)}`);
const unwrapper = new KeyUnwrapper([{ certificate: rsaRecipient.certificate, key: rsaRecipient.privateKey }]);
const judge = async (): Promise<{ ok: true }> => ({ ok: true });

/** Octets in pieces of some size: at once, or by promises from memory that is used again. */
function sourceOf(octets: Buffer, size: number, way: 'at once' | 'waits' | 'kept', vouches = true): RangedSource {
  const scratchMemory = Buffer.alloc(size);
  return {
    async *open(from = 0, to = octets.length, scratch = false): AsyncGenerator<Buffer, void, undefined> {
      for (let at = from; at < Math.min(to, octets.length); ) {
        const memory = scratch && way === 'waits' ? scratchMemory.fill(0xee) : Buffer.alloc(size);
        const copied = octets.copy(memory, 0, at, Math.min(to, at + size));
        at += copied;
        yield memory.subarray(0, copied);
      }
    },
    ...(way === 'at once'
      ? { readInto: (target, from) => octets.copy(target, 0, Math.min(from, octets.length), from + size) }
      : {}),
    ...(vouches ? { identity: async () => 'same' } : {}),
  };
}

async function signed(): Promise<Buffer> {
  const unit = new SigningUnit(signerOf(rsaSender), DEFAULT_PROFILE, systemEntropy);
  const { closing } = await unit.sign(createHash('sha256').update(ENTITY).digest(), new Date(), null);
  return Buffer.concat([unit.frame.innerHeader, unit.frame.opening, ENTITY, closing ?? Buffer.alloc(0)]);
}

async function encrypted(content: Buffer, cipher: 'aes-256-cbc' | 'aes-256-gcm', width: number): Promise<Buffer> {
  const encryptor = new ContentEncryptor({ ...DEFAULT_PROFILE, content: cipher }, systemEntropy);
  const infos = encryptor.recipientInfos([rsaRecipient.certificate]);
  const pieces = sourceOf(content, 50_000, 'kept').open();
  const object = (await collect(streamEnvelopedData(encryptor, infos, pieces), 1 << 24)) ?? Buffer.alloc(0);
  const lines = object.toString('base64').match(new RegExp(`.{1,${width}}`, 'g')) ?? [];
  const fields = 'Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\n';
  return Buffer.from(`${fields}${lines.map((line) => `${line}\r\n`).join('')}`);
}

async function piecesTogether(pieces: Pieces): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (let piece = await pieces.next(); piece !== null; piece = await pieces.next()) parts.push(Buffer.from(piece));
  await pieces.close();
  return Buffer.concat(parts);
}

const ways = fc.constantFrom('at once' as const, 'waits' as const, 'kept' as const);
const sizes = fc.integer({ min: 700, max: 90_000 });

describe('sources read in ranges', () => {
  it('give the octets of a part of a part, however they are read', async () => {
    const place = fc.nat({ max: 3000 });
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 3000 }),
        fc.integer({ min: 1, max: 500 }),
        ways,
        fc.tuple(place, place, place, place),
        async (data, size, way, [a, b, c, d]) => {
          const octets = Buffer.from(data);
          const part = partOf(partOf(sourceOf(octets, size, way), a, a + b), c, d < c ? null : d);
          const expected = octets.subarray(a, a + b).subarray(c, d < c ? undefined : d);
          assert.deepEqual(await collect(part.open(), 3000), expected);
          assert.deepEqual(await piecesTogether(lentPieces(part)), expected);
          if (part.openLent !== undefined) assert.deepEqual(await piecesTogether(part.openLent()), expected);
          assert.deepEqual(await piecesTogether(lentPieces(part, 7)), expected.subarray(7));
          assert.equal(await part.identity?.(), 'same');
        },
      ),
      { numRuns: 300 },
    );
  });

  it('lend memory to two readings at the same time, and use it again', async () => {
    const [a, b] = [Buffer.alloc(200_000, 1), Buffer.alloc(200_000, 2)];
    for (let count = 0; count < 20; count++) {
      const [first, second] = [lentPieces(rangedBuffer(a)), lentPieces(rangedBuffer(b))];
      for (let piece = first.next(); piece !== null; piece = first.next()) {
        second.next();
        assert.ok(piece instanceof Buffer && piece.every((octet) => octet === 1));
      }
      first.close();
      first.close();
      assert.equal(first.next(), null);
      second.close();
    }
  });

  for (const cipher of ['aes-256-cbc', 'aes-256-gcm'] as const) {
    it(`open what was signed and encrypted to the same octets (${cipher})`, async () => {
      const content = await signed();
      for (const width of [76, 64, 1000, 10]) {
        const message = await encrypted(content, cipher, width);
        await fc.assert(
          fc.asyncProperty(sizes, ways, fc.boolean(), async (size, way, vouches) => {
            const { object } = await findCms(sourceOf(message, size, way, vouches), 'smime');
            const result = await openSealed(object, { unwrapper, judge });
            assert.ok(result.ok && result.signed?.ok && result.signed.valid);
            assert.ok((await collect(result.signed.release(), 1 << 24))?.equals(ENTITY));
            assert.ok((await collect(result.envelope.release(), 1 << 24))?.equals(content));
          }),
          { numRuns: 10 },
        );
      }
    });
  }

  it('verify multipart/signed to the same octets, lent and kept', async () => {
    const message = await signed();
    await fc.assert(
      fc.asyncProperty(sizes, ways, fc.boolean(), async (size, way, vouches) => {
        const found = await findCms(sourceOf(message, size, way, vouches), 'smime');
        const { content, object, seen } = found;
        const result = await verifySignedData(object, { content, seen, judge });
        assert.ok(result.ok && result.valid);
        assert.ok((await collect(result.release(), 1 << 24))?.equals(ENTITY));
        const lent: Buffer[] = [];
        for await (const part of result.release(true)) {
          lent.push(Buffer.from(part));
          part.fill(0xee);
        }
        assert.ok(Buffer.concat(lent).equals(ENTITY));
      }),
      { numRuns: 40 },
    );
  });
});
