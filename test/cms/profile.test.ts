/** Profiles: what the built-in ones are, how one is made of an administrator's words, whom they encrypt to and sign for. */
import assert from 'node:assert/strict';
import { CONTENT_CIPHERS } from '../../src/cms/algorithms/content-ciphers.ts';
import {
  type AlgorithmSupport,
  DEFAULT_PROFILE,
  PROFILES,
  type ProfileSpec,
  resolveProfile,
  signingStyle,
} from '../../src/cms/profile.ts';
import { canEncryptTo } from '../../src/cms/recipient-info.ts';
import { signerAlgorithm } from '../../src/cms/signer-algorithm.ts';
import { algorithmSupport } from '../../src/keys/algorithm-support.ts';
import { type KeyKind, makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import { profileOf } from '../support/cms-maker.ts';

const root = makeAuthority();
const certificateOf = (key: KeyKind) => makeCertificate(root, { key, emails: [`${key}@example.org`] }).certificate;
const EVERYTHING: AlgorithmSupport = { runtime: 'Node 99', has: () => true };
const WITHOUT_LATTICES: AlgorithmSupport = { runtime: 'Node 20.0.0', has: (name) => !name.startsWith('ml-') };

function spec(base: string, changes: ProfileSpec['changes'] = {}, capabilities = true): ProfileSpec {
  return { base, changes, capabilities };
}

function problem(given: ProfileSpec, support = EVERYTHING): string {
  const result = resolveProfile('test', given, support);
  assert.ok(!result.ok);
  return result.problem;
}

describe('cms/profile', () => {
  it('never writes with a broken cipher (C9)', () => {
    for (const { name, content } of Object.values(PROFILES)) assert.equal(CONTENT_CIPHERS[content].legacy, false, name);
  });

  it('gives a built-in profile as itself, so that what is prepared for it is kept', () => {
    const result = resolveProfile('default', spec('default'), WITHOUT_LATTICES);
    assert.ok(result.ok);
    assert.equal(result.profile, DEFAULT_PROFILE);
  });

  it('overrides each primitive alone', () => {
    const changes = {
      digest: 'sha512',
      signature: 'rsa-pss',
      content: 'aes-128-gcm',
      contentDerivation: 'hkdf-sha256',
      keyTransport: 'rsa-oaep',
      oaepHash: 'sha384',
      oaepMaskHash: 'sha512',
      keyAgreement: 'x963-sha512',
      recipients: ['rsa'],
      rsaBitsMin: 4096,
      keyIdentifier: true,
      chain: 'with-root',
    } as const;
    for (const [key, value] of Object.entries(changes)) {
      const result = resolveProfile('own', spec('default', { [key]: value }), EVERYTHING);
      assert.ok(result.ok);
      assert.deepEqual(result.profile, { ...DEFAULT_PROFILE, name: 'own', [key]: value });
    }
    const silent = resolveProfile('own', spec('modern', {}, false), EVERYTHING);
    assert.ok(silent.ok);
    assert.deepEqual(silent.profile, { ...PROFILES['modern'], name: 'own', capabilities: [] });
  });

  it('says what is wrong with a specification', () => {
    assert.match(problem(spec('modem')), /no profile modem to start from: default, modern, bsi, pq/);
    assert.match(problem(spec('toString')), /no profile toString/);
    assert.match(problem(spec('default', { recipients: [] })), /no kind of key/);
    assert.match(problem(spec('pq', { content: 'aes-128-gcm' })), /too short for ML-KEM-768/);
  });

  it('says which algorithm is missing, and which Node has it', () => {
    assert.match(
      problem(spec('pq'), WITHOUT_LATTICES),
      /^ml-kem-768, ml-kem-1024 is missing in this Node 20\.0\.0: Node 24 or later has it$/,
    );
    const noChaCha: AlgorithmSupport = { runtime: 'Node 20.0.0', has: (name) => name !== 'chacha20-poly1305' };
    assert.match(problem(spec('default', { content: 'chacha20-poly1305' }), noChaCha), /^chacha20-poly1305 is missing/);
    for (const name of ['default', 'modern', 'bsi']) {
      assert.ok(resolveProfile(name, spec(name), WITHOUT_LATTICES).ok, name);
    }
  });

  it('asks the running Node, not its version', () => {
    for (const name of Object.keys(CONTENT_CIPHERS).filter((cipher) => !/des|rc2/.test(cipher))) {
      assert.equal(algorithmSupport.has(name), true, name);
    }
    for (const name of ['P-256', 'brainpoolP512r1', 'X448']) assert.equal(algorithmSupport.has(name), true, name);
    assert.equal(algorithmSupport.has('aes-256-xyz'), false);
    assert.equal(algorithmSupport.has('ml-kem-768'), Number(process.versions.node.split('.')[0]) >= 24);
  });

  it('tells whom it encrypts to', () => {
    const fits = (key: KeyKind, profile: string): string => {
      const answer = canEncryptTo(certificateOf(key), profileOf(profile));
      return answer.ok ? 'yes' : answer.reason;
    };
    for (const key of ['rsa-2048', 'p-256', 'p-521', 'brainpoolP384r1', 'x25519', 'x448'] as const) {
      assert.equal(fits(key, 'default'), 'yes', key);
      assert.equal(fits(key, 'modern'), 'yes', key);
      assert.match(fits(key, 'pq'), /key, profile pq of a test encrypts to ml-kem-768, ml-kem-1024/);
    }
    assert.match(fits('rsa-2048', 'bsi'), /RSA of 2048 bits, profile bsi of a test needs at least 3000/);
    assert.equal(fits('rsa-3072', 'bsi'), 'yes');
    assert.match(fits('x25519', 'bsi'), /x25519 key, profile bsi of a test encrypts to rsa, ec/);
    assert.match(fits('ed25519', 'default'), /signatures only/);
    assert.match(fits('rsa-1024', 'default'), /1024 bits/);
    if (algorithmSupport.has('ml-kem-768')) {
      assert.equal(fits('ml-kem-768', 'pq'), 'yes');
      assert.match(fits('ml-kem-512', 'pq'), /ml-kem-512 key, profile/);
    }
  });

  it('tells what a key signs with', () => {
    const algorithm = (key: KeyKind, profile: string): string => {
      const answer = signerAlgorithm(certificateOf(key), profileOf(profile));
      return answer.ok ? answer.algorithm : answer.reason;
    };
    assert.equal(algorithm('rsa-2048', 'default'), 'rsa-pkcs1-sha256');
    assert.equal(algorithm('rsa-2048', 'modern'), 'rsa-pss-sha256');
    assert.equal(algorithm('rsa-pss', 'default'), 'rsa-pss-sha256');
    assert.match(algorithm('rsa-2048', 'bsi'), /needs at least 3000/);
    assert.equal(algorithm('p-256', 'bsi'), 'ecdsa-sha256');
    assert.equal(algorithm('brainpoolP512r1', 'default'), 'ecdsa-sha512');
    assert.equal(algorithm('ed448', 'default'), 'ed448');
    assert.match(algorithm('x25519', 'default'), /x25519 does not sign/);
    assert.match(algorithm('secp256k1', 'default'), /EC on curve secp256k1/);
  });

  it('lets profiles share a signature only where nothing of it differs', () => {
    assert.equal(signingStyle(DEFAULT_PROFILE), signingStyle(profileOf('default', { content: 'aes-128-cbc' })));
    for (const changes of [{ chain: 'leaf' }, { keyIdentifier: true }, { capabilities: [] }] as const) {
      assert.notEqual(signingStyle(DEFAULT_PROFILE), signingStyle(profileOf('default', changes)));
    }
  });
});
