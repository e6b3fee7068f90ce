/** Opening of envelopes: two passes, the rules of catalogue C13 and C17, limits, sources that change. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { der, derInteger, derOctetString, derOid, derSequence, derSetOf, TAG } from '../../src/asn1/der-writer.ts';
import { type EnvelopeResult, openEnvelope } from '../../src/cms/enveloped-data-reader.ts';
import type { Inspector } from '../../src/cms/proving-pass.ts';
import { type ReaderPolicy, STRICT_POLICY } from '../../src/cms/reader-policy.ts';
import { bufferSource, collect, type ReopenableSource } from '../../src/cms/reopenable-source.ts';
import { KeyUnwrapper } from '../../src/keys/key-unwrapper.ts';
import { type MadeCertificate, makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import { attribute, contentInfo, type EnvelopeShape, envelope, ID_DATA, keyTransport } from '../support/cms-builder.ts';

describe('openEnvelope', () => {
  const authority = makeAuthority();
  const bob: MadeCertificate = makeCertificate(authority, { emails: ['bob@example.com'] });
  const carol: MadeCertificate = makeCertificate(authority, { emails: ['carol@example.com'], key: 'p-256' });
  const unwrapper = new KeyUnwrapper([
    { certificate: bob.certificate, key: bob.privateKey },
    { certificate: carol.certificate, key: carol.privateKey },
  ]);
  // fixed: a random one would give a padding that happens to be right once in 256 runs
  const contentKey = Buffer.alloc(32, 5);
  const content = randomBytes(200_000);

  function sealed(shape: Partial<EnvelopeShape> = {}): Buffer {
    return envelope({
      recipientInfos: [keyTransport(bob, contentKey)],
      contentKey,
      content,
      cipher: 'aes-256-gcm',
      ...shape,
    });
  }
  function open(octets: Buffer, policy: Partial<ReaderPolicy> = {}): Promise<EnvelopeResult> {
    return openEnvelope(bufferSource(octets), { unwrapper, policy: { ...STRICT_POLICY, ...policy } });
  }
  async function reasonOf(octets: Buffer, policy: Partial<ReaderPolicy> = {}): Promise<string> {
    const result = await open(octets, policy);
    return result.ok ? 'opened' : result.failure.reason;
  }

  it('releases what was sealed, as often as asked, and nothing after close', async () => {
    for (const cipher of ['aes-256-gcm', 'aes-256-cbc'] as const) {
      const result = await open(sealed({ cipher }));
      assert.ok(result.ok);
      assert.equal(result.authenticated, cipher === 'aes-256-gcm');
      assert.equal(result.cipher, cipher);
      for (let time = 0; time < 2; time++) assert.deepEqual(await collect(result.release(), 1e6), content);
      result.close();
      await assert.rejects(collect(result.release(), 1e6), { code: 'crypto.failed' });
    }
  });

  it('says one thing of key, padding and tag (C17)', async () => {
    const damaged = sealed({ damage: (octets) => octets.writeUInt8((octets[5] ?? 0) ^ 1, 5) });
    const otherKey = sealed({ recipientInfos: [keyTransport(bob, randomBytes(32))] });
    const shortKey = sealed({ recipientInfos: [keyTransport(bob, randomBytes(16))] });
    const badPadding = sealed({ cipher: 'aes-256-cbc', damage: (octets) => octets.subarray(-32).fill(7) });
    const noBlock = sealed({ cipher: 'aes-256-cbc', content: Buffer.alloc(16), damage: (octets) => octets.fill(9) });
    for (const octets of [damaged, otherKey, shortKey, badPadding, noBlock]) {
      const result = await open(octets);
      assert.ok(!result.ok);
      assert.deepEqual(result.failure, { reason: 'cannot-decrypt', detail: 'the content does not decrypt' });
    }
  });

  it('takes a cipher only where it belongs, tags only of 16 octets, nonces only of 12 (C13)', async () => {
    assert.equal(await reasonOf(sealed({ cipher: 'aes-256-cbc', form: 'authEnveloped' })), 'malformed');
    assert.equal(await reasonOf(sealed({ form: 'enveloped' })), 'refused-by-policy');
    const parameters = (octets: number) => (iv: Buffer) =>
      derSequence(derOid('2.16.840.1.101.3.4.1.46'), derSequence(derOctetString(iv), derInteger(octets)));
    for (const octets of [1, 4, 8]) {
      assert.equal(
        await reasonOf(sealed({ tagOctets: octets, algorithm: parameters(octets) }), { shortTags: true }),
        'malformed',
      );
    }
    const short = sealed({ tagOctets: 12, algorithm: parameters(12) });
    assert.equal(await reasonOf(short), 'refused-by-policy');
    assert.equal(await reasonOf(short, { shortTags: true }), 'opened');
    assert.equal(await reasonOf(sealed({ tagOctets: 12 }), { shortTags: true }), 'cannot-decrypt');
    const longNonce = (iv: Buffer): Buffer =>
      derSequence(
        derOid('2.16.840.1.101.3.4.1.46'),
        derSequence(derOctetString(Buffer.concat([iv, iv])), derInteger(16)),
      );
    assert.equal(await reasonOf(sealed({ algorithm: longNonce })), 'malformed');
  });

  it('takes a full tag where the length is left out, as RFC 8551 §3.4 prints it', async () => {
    const algorithm = (iv: Buffer): Buffer =>
      derSequence(derOid('2.16.840.1.101.3.4.1.46'), derSequence(derOctetString(iv)));
    assert.equal(await reasonOf(sealed({ algorithm })), 'opened');
    assert.equal(await reasonOf(sealed({ algorithm, tagOctets: 12 })), 'cannot-decrypt');
  });

  it('counts authenticated attributes into the tag, though they come last', async () => {
    const type = '1.2.840.113549.1.7.2';
    const authenticated = derSetOf([
      attribute('1.2.840.113549.1.9.3', derOid(type)),
      attribute('1.2.3.4', derInteger(1)),
    ]);
    const octets = sealed({ authenticated, contentType: type });
    const result = await open(octets);
    assert.ok(result.ok);
    assert.deepEqual(await collect(result.release(), 1e6), content);
    const changed = Buffer.from(octets);
    const at = changed.lastIndexOf(derInteger(1));
    changed[at + 2] = 2;
    assert.equal(await reasonOf(changed), 'cannot-decrypt');
    assert.equal(await reasonOf(sealed({ contentType: type })), 'malformed');
  });

  it('finds recipients by name only and passes over those it does not know', async () => {
    const stranger = makeCertificate(authority, { freshKey: true });
    const unknown = der(0xa4, derOid('1.2.3.4.5'), derSequence());
    const infos = [unknown, keyTransport(stranger, randomBytes(32)), keyTransport(bob, contentKey)];
    assert.equal(await reasonOf(sealed({ recipientInfos: infos })), 'opened');
    assert.equal(await reasonOf(sealed({ recipientInfos: infos.slice(0, 2) })), 'not-for-me');
  });

  it('stops reading at the recipient past the limit, however many there are (C2)', async () => {
    const stranger = makeCertificate(authority, { freshKey: true });
    const one = keyTransport(stranger, randomBytes(32));
    const octets = sealed({ recipientInfos: Array.from({ length: 100_000 }, () => one) });
    const asked = { octets: 0 };
    const source: ReopenableSource = {
      async *open(): AsyncGenerator<Buffer, void, undefined> {
        for (let at = 0; at < octets.length; at += 65_536) {
          asked.octets = at + 65_536;
          yield octets.subarray(at, at + 65_536);
        }
      },
    };
    const result = await openEnvelope(source, { unwrapper });
    assert.ok(!result.ok && result.failure.reason === 'limit');
    assert.match(result.failure.detail, /recipients/);
    assert.ok(asked.octets < 5002 * one.length + 2 * 65_536, `${asked.octets} octets were read`);
  });

  it('refuses nesting without end', async () => {
    const deep = Buffer.concat([Buffer.alloc(2 * 100_000, Buffer.of(0x30, 0x80)), Buffer.alloc(2 * 100_000)]);
    assert.equal(await reasonOf(deep), 'malformed');
    const segments = Buffer.concat([Buffer.alloc(2 * 1000, Buffer.of(0x24, 0x80)), Buffer.alloc(2 * 1000)]);
    const head = sealed({ content: Buffer.alloc(0) });
    const nested = contentInfo(
      '1.2.840.113549.1.7.3',
      derSequence(
        derInteger(0),
        der(TAG.set, keyTransport(bob, contentKey)),
        derSequence(
          derOid(ID_DATA),
          derSequence(derOid('2.16.840.1.101.3.4.1.42'), derOctetString(Buffer.alloc(16))),
          der(0xa0, segments),
        ),
      ),
    );
    assert.equal(await reasonOf(nested), 'limit');
    assert.equal(await reasonOf(head), 'opened');
  });

  it('notices a source that is another in pass two, with and without a name of its own', async () => {
    for (const cipher of ['aes-256-gcm', 'aes-256-cbc'] as const) {
      const octets = sealed({ cipher });
      const changed = Buffer.from(octets);
      const middle = changed.length >> 1;
      changed[middle] = (changed[middle] ?? 0) ^ 1;
      for (const named of [true, false]) {
        let passes = 0;
        const source: ReopenableSource = {
          async *open(): AsyncGenerator<Buffer, void, undefined> {
            yield passes++ === 0 ? octets : changed;
          },
          ...(named ? { identity: async () => (passes < 2 ? 'first' : 'second') } : {}),
        };
        const result = await openEnvelope(source, { unwrapper });
        assert.ok(result.ok);
        await assert.rejects(collect(result.release(), 1e6), { code: 'cms.source-changed' });
      }
    }
  });

  it('gives what an inspector found only when the proof holds, and what it threw only then', async () => {
    const seen = { octets: 0 };
    const inspect = (): Inspector<string> => ({
      write: (unproven) => {
        seen.octets += unproven.length;
      },
      end: () => 'seen',
    });
    const good = await openEnvelope(bufferSource(sealed()), { unwrapper, inspect });
    assert.ok(good.ok && good.inspected === 'seen' && seen.octets > 0);
    const bad = sealed({ damage: (octets) => octets.writeUInt8((octets[0] ?? 0) ^ 1, 0) });
    const fail = (): never => {
      throw new Error('inner');
    };
    for (const inspector of [
      { write: fail, end: fail },
      { write: () => {}, end: fail },
    ]) {
      const failing = { unwrapper, inspect: () => inspector };
      const refused = await openEnvelope(bufferSource(bad), failing);
      assert.ok(!refused.ok && refused.failure.reason === 'cannot-decrypt');
      await assert.rejects(openEnvelope(bufferSource(sealed()), failing), /inner/);
    }
  });
});
