/** EnvelopedData round a stored ciphertext: exact lengths at every size, the two forms, and streams that lie. */
import assert from 'node:assert/strict';
import { DerReader } from '../../src/asn1/der-reader.ts';
import { TAG } from '../../src/asn1/der-writer.ts';
import { ContentEncryptor } from '../../src/cms/content-encryptor.ts';
import {
  type EnvelopedDataParts,
  envelopedDataBytes,
  PRIMITIVE_CIPHERTEXT_MAX,
  SEGMENT_OCTETS,
  writeEnvelopedData,
} from '../../src/cms/enveloped-data-writer.ts';
import { type CryptoProfile, PROFILES } from '../../src/cms/profile.ts';
import { makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import { CountingEntropy } from '../support/counting-entropy.ts';

const authority = makeAuthority();
const rsa = makeCertificate(authority, { key: 'rsa-2048' }).certificate;
const ec = makeCertificate(authority, { key: 'p-256' }).certificate;
const encryptor = new ContentEncryptor(PROFILES['default'] as CryptoProfile, new CountingEntropy());

function partsFor(ciphertextBytes: number, certificates = [rsa]): EnvelopedDataParts {
  return {
    recipientInfos: encryptor.recipientInfos(certificates),
    contentEncryption: encryptor.algorithm,
    ciphertextBytes,
  };
}

/** Not a ciphertext at all: the writer never looks. */
function octets(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 7 + (i >> 16)) & 0xff;
  return bytes;
}

async function* chunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function collect(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const chunk of stream) all.push(chunk);
  return Buffer.concat(all);
}

interface Read {
  readonly version: number;
  readonly tag: number;
  readonly segments: number[];
  readonly ciphertext: Buffer;
}

function read(bytes: Buffer): Read {
  const limit = 2 ** 30;
  const outer = DerReader.over(bytes, limit);
  const contentInfo = outer.enter(TAG.sequence);
  outer.finish();
  assert.equal(contentInfo.read(TAG.oid).toString('hex'), '2a864886f70d010703');
  const explicit = contentInfo.enter(0xa0);
  contentInfo.finish();
  const enveloped = explicit.enter(TAG.sequence);
  explicit.finish();
  const version = enveloped.read(TAG.integer)[0] ?? -1;
  enveloped.read(TAG.set);
  const content = enveloped.enter(TAG.sequence);
  enveloped.finish();
  assert.equal(content.read(TAG.oid).toString('hex'), '2a864886f70d010701');
  assert.deepEqual(content.readWhole(TAG.sequence), encryptor.algorithm);
  const { tag, content: inside } = content.readElement();
  content.finish();
  if (tag === 0x80) return { version, tag, segments: [inside.length], ciphertext: inside };
  const parts: Buffer[] = [];
  const segments = DerReader.over(inside, limit);
  while (!segments.atEnd) parts.push(segments.read(TAG.octetString));
  return { version, tag, segments: parts.map(({ length }) => length), ciphertext: Buffer.concat(parts) };
}

describe('cms/enveloped-data-writer', () => {
  for (const size of [0, 1, 15, 16, 17, 112, 113, SEGMENT_OCTETS - 1, SEGMENT_OCTETS, SEGMENT_OCTETS + 1]) {
    it(`writes ${size} octets as one primitive string, as long as announced`, async () => {
      const parts = partsFor(size);
      const bytes = await collect(writeEnvelopedData(parts, chunks(octets(size), 1000)));
      assert.equal(bytes.length, envelopedDataBytes(parts));
      const found = read(bytes);
      assert.equal(found.tag, 0x80);
      assert.ok(found.ciphertext.equals(octets(size)));
    });
  }

  for (const extra of [0, 1, SEGMENT_OCTETS]) {
    it(`changes to segments of 64 KiB at 16 MiB and ${extra} octets`, async () => {
      const size = PRIMITIVE_CIPHERTEXT_MAX + extra;
      const parts = partsFor(size);
      const bytes = await collect(writeEnvelopedData(parts, chunks(octets(size), 100_000)));
      assert.equal(bytes.length, envelopedDataBytes(parts));
      const found = read(bytes);
      assert.equal(found.tag, extra === 0 ? 0x80 : 0xa0);
      assert.ok(found.ciphertext.equals(octets(size)));
      if (extra > 0) {
        assert.ok(found.segments.slice(0, -1).every((length) => length === SEGMENT_OCTETS));
        assert.equal(found.segments.at(-1), extra);
      }
    });
  }

  it('writes the same octets for every chunking', async () => {
    const size = PRIMITIVE_CIPHERTEXT_MAX + 12345;
    const parts = partsFor(size);
    const whole = octets(size);
    const first = await collect(writeEnvelopedData(parts, chunks(whole, 65536)));
    for (const chunk of [4099, 65537, size]) {
      assert.ok(first.equals(await collect(writeEnvelopedData(parts, chunks(whole, chunk)))), String(chunk));
    }
  });

  it('hands chunks on without copying them', async () => {
    const whole = octets(1000);
    const seen: Buffer[] = [];
    for await (const chunk of writeEnvelopedData(partsFor(1000), chunks(whole, 100))) seen.push(chunk);
    assert.equal(seen.length, 11);
    assert.ok(seen.slice(1).every((chunk) => chunk.buffer === whole.buffer));
  });

  it('has version 0 for key transport only, and 2 with a key agreement', async () => {
    for (const [certificates, version] of [
      [[rsa], 0],
      [[ec], 2],
      [[rsa, ec], 2],
    ] as const) {
      const bytes = await collect(writeEnvelopedData(partsFor(16, [...certificates]), chunks(octets(16), 16)));
      assert.equal(read(bytes).version, version);
    }
  });

  it('fails on a stream of another length, and never yields an octet too many', async () => {
    for (const size of [32, PRIMITIVE_CIPHERTEXT_MAX + 32]) {
      const parts = partsFor(size);
      await assert.rejects(collect(writeEnvelopedData(parts, chunks(octets(size - 1), 65536))), {
        code: 'cms.malformed',
      });
      await assert.rejects(collect(writeEnvelopedData(parts, chunks(Buffer.alloc(0), 65536))), {
        code: 'cms.malformed',
      });
      let yielded = 0;
      const tooLong = async (): Promise<void> => {
        for await (const chunk of writeEnvelopedData(parts, chunks(octets(size + 1), 65536))) yielded += chunk.length;
      };
      await assert.rejects(tooLong(), { code: 'cms.malformed' });
      assert.ok(yielded < envelopedDataBytes(parts));
    }
  });

  it('refuses lengths that are none and RecipientInfos that are not ours', async () => {
    for (const size of [-1, 1.5, Number.NaN, 2 ** 53]) {
      assert.throws(() => envelopedDataBytes(partsFor(size)), { code: 'cms.malformed' });
    }
    const parts = { ...partsFor(16), recipientInfos: Buffer.of(0x31, 0) };
    await assert.rejects(collect(writeEnvelopedData(parts, chunks(octets(16), 16))), { code: 'cms.malformed' });
  });

  it('announces lengths above 4 GiB', () => {
    const parts = partsFor(2 ** 32);
    const overhead = envelopedDataBytes(parts) - 2 ** 32;
    assert.ok(overhead > 65536 * 5 && overhead < 65536 * 5 + 1000, String(overhead));
  });

  it('closes the stored stream when the consumer stops early', async () => {
    let closed = false;
    async function* stored(): AsyncGenerator<Buffer> {
      try {
        yield octets(10);
        yield octets(10);
      } finally {
        closed = true;
      }
    }
    for await (const chunk of writeEnvelopedData(partsFor(20), stored())) {
      if (chunk.length === 10) break;
    }
    assert.equal(closed, true);
  });
});
