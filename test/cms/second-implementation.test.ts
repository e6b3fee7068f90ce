/**
 * What no installed program reads (X448, ML-KEM, ML-DSA, CEK-HKDF, ChaCha20-Poly1305 and the rarer parameters of the rest),
 * with the second implementation of test/interop/noble, in both directions. It stands among the unit tests because only
 * Node 24 and later have lattices, and these run there too.
 */
import assert from 'node:assert/strict';
import { judgeOf } from '../../src/cli/cms-trust.ts';
import type { HashName } from '../../src/cms/algorithms/digests.ts';
import { AGREEMENT_SCHEMES, type AgreementScheme } from '../../src/cms/algorithms/key-agreements.ts';
import { openEnvelope } from '../../src/cms/enveloped-data-reader.ts';
import { bufferSource, collect } from '../../src/cms/reopenable-source.ts';
import { verifySignedData } from '../../src/cms/verification.ts';
import { algorithmSupport } from '../../src/keys/algorithm-support.ts';
import { KeyUnwrapper } from '../../src/keys/key-unwrapper.ts';
import { systemEntropy } from '../../src/keys/system-entropy.ts';
import { SLH_DSA_SETS } from '../../src/x509/certificate-oids.ts';
import { octetString, oid, sequence, set } from '../interop/noble/asn1.ts';
import { type EnvelopeWay, envelope, openEnvelope as openElsewhere } from '../interop/noble/envelope.ts';
import { readCertificate } from '../interop/noble/keys.ts';
import { HASH_OID } from '../interop/noble/primitives.ts';
import { signedData, verifySignedData as verifyElsewhere } from '../interop/noble/signed-data.ts';
import { MatrixCast, runPeer } from '../interop/peers/cms-matrix.ts';
import { keyOf, NoblePeer } from '../interop/peers/noble-peer.ts';
import { OpensslPeer } from '../interop/peers/openssl-peer.ts';
import { type KeyKind, type MadeCertificate, makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import { encryptContent, profileOf, signContent } from '../support/cms-maker.ts';

const CONTENT = Buffer.from(Array.from({ length: 1000 }, (_, i) => (i * 7) & 0xff));
const root = makeAuthority();
const people = new Map<KeyKind, MadeCertificate>();

function person(key: KeyKind): MadeCertificate {
  const made = people.get(key) ?? makeCertificate(root, { key, emails: [`${key}@example.org`] });
  people.set(key, made);
  return made;
}

async function weOpen(object: Buffer, to: MadeCertificate): Promise<Buffer | string> {
  const unwrapper = new KeyUnwrapper([{ certificate: to.certificate, key: to.privateKey }]);
  const opened = await openEnvelope(bufferSource(object), { unwrapper });
  if (!opened.ok) return opened.failure.reason;
  return (await collect(opened.release(), 1_000_000)) ?? 'too long';
}

async function weOpenTheirs(key: KeyKind, way: EnvelopeWay): Promise<void> {
  const to = person(key);
  const object = envelope(CONTENT, [readCertificate(to.der)], way);
  const named = `${key} ${JSON.stringify(way)}`;
  assert.deepEqual(await weOpen(object, to), CONTENT, named);
  const changed = Buffer.from(object);
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
  if (/gcm|chacha/.test(way.cipher)) assert.equal(await weOpen(changed, to), 'cannot-decrypt', named);
}

async function theyOpenOurs(key: KeyKind, changes: Parameters<typeof profileOf>[1]): Promise<void> {
  const to = person(key);
  const profile = profileOf('default', changes);
  const object = await encryptContent(CONTENT, { profile, recipients: [to], entropy: systemEntropy });
  const opened = openElsewhere(object, readCertificate(to.der), keyOf(to));
  assert.deepEqual(opened, CONTENT, `${key} ${JSON.stringify(changes)}`);
}

describe('cms/second implementation', function () {
  this.timeout(120_000);
  const lattices = algorithmSupport.has('ml-kem-768');

  it('reads every algorithm of ours, and we read its', async () => {
    const control = new OpensslPeer();
    const cells = await runPeer(new NoblePeer(), new MatrixCast(), control);
    control.close();
    assert.deepEqual(
      cells.filter(({ outcome }) => outcome === 'FAIL'),
      [],
    );
    const others = cells.filter(({ outcome }) => outcome !== 'ok').map(({ row }) => row);
    const expected = lattices ? /^CompressedData$/ : /^(CompressedData$|ML-|SLH-)/;
    assert.deepEqual(
      others.filter((row) => !expected.test(row)),
      [],
    );
  });

  it('agrees on keys by every scheme, with and without ukm, by both names, with NULL beside the wrap', async () => {
    for (const [scheme, { oid: schemeOid }] of Object.entries(AGREEMENT_SCHEMES) as [
      AgreementScheme,
      { readonly oid: string },
    ][]) {
      for (const key of ['p-256', 'p-521', 'brainpoolP512r1', 'x25519', 'x448'] as const) {
        const way = { cipher: 'aes-256-gcm', scheme: schemeOid };
        await weOpenTheirs(key, way);
        await weOpenTheirs(key, { ...way, ukm: Buffer.from('material'), byKeyIdentifier: true });
        await weOpenTheirs(key, { ...way, ukm: Buffer.alloc(0), wrapNull: true });
        await theyOpenOurs(key, { keyAgreement: scheme, content: 'aes-192-gcm', keyIdentifier: true });
      }
    }
  });

  it('transports keys by OAEP with hashes that need not agree', async () => {
    const hashes: readonly HashName[] = ['sha256', 'sha384', 'sha512'];
    for (const oaepHash of hashes) {
      for (const oaepMaskHash of hashes) {
        await theyOpenOurs('rsa-2048', { keyTransport: 'rsa-oaep', oaepHash, oaepMaskHash });
        const way = { oaepHash: HASH_OID[oaepHash], oaepMaskHash: HASH_OID[oaepMaskHash] };
        await weOpenTheirs('rsa-2048', { cipher: 'chacha20-poly1305', transport: 'rsa-oaep', ...way });
      }
    }
  });

  it('binds the content key to every cipher (CEK-HKDF), and to nothing else', async () => {
    for (const [content, key] of [
      ['aes-128-cbc', 'rsa-2048'],
      ['aes-192-cbc', 'p-256'],
      ['aes-256-cbc', 'x448'],
      ['aes-128-gcm', 'rsa-2048'],
      ['aes-256-gcm', 'x25519'],
      ['chacha20-poly1305', 'p-384'],
    ] as const) {
      await weOpenTheirs(key, { cipher: content, bound: true });
      await theyOpenOurs(key, { content, contentDerivation: 'hkdf-sha256' });
    }
  });

  it('reads authenticated attributes, which the tag covers', async () => {
    const attribute = sequence(oid('1.2.840.113549.1.9.16.2.4'), set(octetString(Buffer.from('hint'))));
    for (const cipher of ['aes-128-gcm', 'aes-256-gcm', 'chacha20-poly1305']) {
      await weOpenTheirs('x25519', { cipher, attributes: [attribute] });
    }
  });

  if (lattices) {
    it('signs with every set of SLH-DSA, and verifies what it signs with the quick ones', async () => {
      const judge = judgeOf({ anchors: [root.certificate], intermediates: [] }, new Date());
      for (const set of SLH_DSA_SETS) {
        const signer = person(set);
        const made = await signContent(CONTENT, { profile: profileOf('pq'), signers: [signer], issuers: [root] });
        assert.deepEqual(verifyElsewhere(made.opaque, null, readCertificate(root.der)), CONTENT, set);
        const own = await verifySignedData(bufferSource(made.detached), { content: bufferSource(CONTENT), judge });
        assert.ok(own.ok && own.valid, set);
        const changed = Buffer.concat([CONTENT, Buffer.of(0)]);
        assert.throws(() => verifyElsewhere(made.detached, changed, readCertificate(root.der)), /other content/, set);
        if (!set.endsWith('128f')) continue;
        const object = signedData(CONTENT, readCertificate(signer.der), keyOf(signer), { detached: false });
        const result = await verifySignedData(bufferSource(object), { content: null, judge });
        assert.ok(result.ok && result.valid, set);
      }
    });

    it('encapsulates with every KDF, with and without ukm, by both names', async () => {
      for (const [key, cipher] of [
        ['ml-kem-512', 'aes-128-gcm'],
        ['ml-kem-768', 'aes-256-cbc'],
        ['ml-kem-1024', 'chacha20-poly1305'],
      ] as const) {
        for (const last of ['28', '29', '30']) {
          const way = { cipher, kdf: `1.2.840.113549.1.9.16.3.${last}` };
          await weOpenTheirs(key, way);
          await weOpenTheirs(key, { ...way, ukm: Buffer.from('material'), byKeyIdentifier: true });
          await weOpenTheirs(key, { ...way, ukm: Buffer.alloc(0) });
        }
        await theyOpenOurs(key, { content: cipher, keyIdentifier: true });
        await theyOpenOurs(key, { content: cipher });
      }
    });

    it('verifies ML-DSA with the digests of RFC 9882 §3.3, and refuses shorter ones', async () => {
      for (const [key, digest, valid] of [
        ['ml-dsa-44', 'sha256', true],
        ['ml-dsa-44', 'shake256', true],
        ['ml-dsa-65', 'sha384', true],
        ['ml-dsa-65', 'sha256', false],
        ['ml-dsa-87', 'shake256', true],
        ['ml-dsa-87', 'sha384', false],
      ] as const) {
        const signer = person(key);
        const way = { detached: false, digest: HASH_OID[digest] };
        const object = signedData(CONTENT, readCertificate(signer.der), keyOf(signer), way);
        const judge = judgeOf({ anchors: [root.certificate], intermediates: [] }, new Date());
        const result = await verifySignedData(bufferSource(object), { content: null, judge });
        assert.ok(result.ok);
        assert.equal(result.valid, valid, `${key} ${digest}: ${result.signers[0]?.detail}`);
        if (!valid) assert.equal(result.signers[0]?.reason, 'digest-algorithm-mismatch');
      }
    });
  }
});
