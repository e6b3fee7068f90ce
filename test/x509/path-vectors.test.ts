/**
 * x509-limbo and NIST PKITS as an oracle for no wrong accept: nothing that an independent suite calls invalid may be
 * accepted here, but for the exceptions listed with their reasons (a stale exception fails). Accepting too little is
 * counted: only what is said to be unsupported may be refused.
 *
 * The purpose is `any`, so that server certificates are not refused for not being for mail; what only the role of an
 * end entity forbids is asked again with `sign`.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { GatewayError } from '../../src/errors.ts';
import type { Certificate } from '../../src/x509/certificate.ts';
import { parseCertificate } from '../../src/x509/certificate-reader.ts';
import type { PathRequest } from '../../src/x509/path.ts';
import { validatePath } from '../../src/x509/path-validator.ts';
import { vectorsFolder } from '../support/vectors.ts';

/** null for what is no certificate: then there is nothing to accept. */
function read(octets: Buffer): Certificate | null {
  try {
    return parseCertificate(octets);
  } catch (thrown) {
    assert.ok(thrown instanceof GatewayError && thrown.code === 'x509.malformed', String(thrown));
    return null;
  }
}

const fromPem = (pem: string): Certificate | null =>
  read(Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64'));
const present = (list: (Certificate | null)[]): Certificate[] => list.filter((one) => one !== null);

/** `ok`, or the code of the refusal. */
function answer(leaf: Certificate | null, rest: Omit<PathRequest, 'leaf' | 'address'>): string {
  if (leaf === null) return 'malformed';
  const result = validatePath({ leaf, address: null, ...rest });
  return result.ok ? 'ok' : result.failure.code;
}

interface LimboCase {
  readonly id: string;
  readonly expected_result: 'SUCCESS' | 'FAILURE';
  readonly trusted_certs: string[];
  readonly untrusted_intermediates: string[];
  readonly peer_certificate: string;
  readonly validation_time: string | null;
}

/** Accepted although the suite says no; by prefix of the id. */
const LIMBO_EXCEPTIONS: Record<string, string> = {
  'webpki::san::': 'DNS names of servers: not asked about here',
  'pathlen::max-chain-depth-': 'the depth limit of a caller: ours is a fixed budget',
  'rfc5280::aki::leaf-missing-aki': 'AKI binds issuers of certificates; here it is a hint only',
  'rfc5280::aki::intermediate-missing-aki': 'as above',
  'rfc5280::aki::cross-signed-root-missing-aki': 'as above',
  'rfc5280::ski::root-missing-ski': 'SKI binds issuers of certificates; here it is a hint only',
  'rfc5280::ski::intermediate-missing-ski': 'as above',
  'webpki::aki::': 'profile of the web PKI',
  'webpki::eku::': 'profile of the web PKI; emailProtection is asked for sign and encrypt',
  'webpki::v1-cert': 'profile of the web PKI; RFC 8550 §2.2 wants v1 read',
  'rfc5280::serial::too-long': '§4.1.2.2 asks readers to be lenient',
  'rfc5280::serial::zero': '§4.1.2.2 asks readers to be lenient',
  'rfc5280::root-non-critical-basic-constraints': 'binds issuers; an extension we process means the same either way',
  'rfc5280::eku::ee-wrong-eku': 'serverAuth is what purpose any does not ask about',
  'rfc5280::leaf-ku-keycertsign': 'refused for sign and encrypt',
  'webpki::ee-basicconstraints-ca': 'refused for sign and encrypt',
};
const REFUSED_FOR_SIGN = [
  'rfc5280::leaf-ku-keycertsign',
  'webpki::ee-basicconstraints-ca',
  'rfc5280::eku::ee-wrong-eku',
];

describe('path vectors: x509-limbo', () => {
  it('C10 accepts nothing that limbo calls invalid; refuses nothing valid but name constraints', function () {
    const file = path.join(vectorsFolder(this), 'limbo/limbo-2023-12-upstream.json');
    const { testcases } = JSON.parse(readFileSync(file, 'utf8')) as { testcases: LimboCase[] };
    const used = new Set<string>();
    const wrong: string[] = [];
    let constrained = 0;
    for (const one of testcases) {
      const leaf = fromPem(one.peer_certificate);
      const rest = {
        anchors: present(one.trusted_certs.map(fromPem)),
        intermediates: present(one.untrusted_intermediates.map(fromPem)),
        at: new Date(one.validation_time ?? '2023-12-01'),
      };
      const got = answer(leaf, { ...rest, purpose: 'any' });
      if ((got === 'ok') === (one.expected_result === 'SUCCESS')) continue;
      if (got === 'constraint-unsupported') constrained++;
      else if (got !== 'ok') wrong.push(`${one.id}: ${got}`);
      else {
        const exception = Object.keys(LIMBO_EXCEPTIONS).find((prefix) => one.id.startsWith(prefix));
        if (exception === undefined) wrong.push(`${one.id}: accepted`);
        else used.add(exception);
      }
      if (REFUSED_FOR_SIGN.includes(one.id)) assert.notEqual(answer(leaf, { ...rest, purpose: 'sign' }), 'ok', one.id);
    }
    assert.deepEqual(wrong, []);
    assert.deepEqual(
      Object.keys(LIMBO_EXCEPTIONS).filter((prefix) => !used.has(prefix)),
      [],
      'stale exceptions',
    );
    assert.equal(testcases.length, 135);
    assert.equal(constrained, 9);
  });
});

interface PkitsCase {
  readonly id: string;
  readonly section: number;
  readonly title: string;
  readonly path: string[];
  readonly extra_certs: string[];
  readonly expected: 'valid' | 'invalid';
  readonly reason: string | null;
  readonly settings: { readonly initial_explicit_policy: boolean };
}

/** Reasons of PKITS that only a CRL shows; revocation is not checked in this version, and verdicts say so. */
const REVOCATION_REASONS = new Set([
  'revoked',
  'no-usable-crl',
  'crl-signature',
  'crl-unknown-critical',
  'crl-expired',
  'crl-sign-missing',
  'crl-scope',
]);

describe('path vectors: PKITS', () => {
  it('C10 accepts nothing that PKITS calls invalid without a CRL; refuses nothing valid but constraints and DSA', function () {
    const folder = path.join(vectorsFolder(this), 'pkits');
    const { tests } = JSON.parse(readFileSync(path.join(folder, 'tests-public.json'), 'utf8')) as {
      tests: PkitsCase[];
    };
    const load = (name: string): Certificate | null => read(readFileSync(path.join(folder, 'certs', name)));
    const wrong: string[] = [];
    const counts = { agreed: 0, needsCrl: 0, needsPolicyInput: 0, constraints: 0, dsa: 0 };
    for (const one of tests) {
      const certificates = one.path.map(load);
      const got = answer(certificates.at(-1) ?? null, {
        anchors: present(certificates.slice(0, 1)),
        intermediates: present([...certificates.slice(1, -1), ...one.extra_certs.map(load)]),
        at: new Date('2020-01-01'),
        purpose: 'any',
      });
      if ((got === 'ok') === (one.expected === 'valid')) counts.agreed++;
      else if (got === 'ok' && REVOCATION_REASONS.has(one.reason ?? '')) counts.needsCrl++;
      // asks for an explicit policy from outside, which no rule here can
      else if (got === 'ok' && one.settings.initial_explicit_policy) counts.needsPolicyInput++;
      else if (got === 'constraint-unsupported') counts.constraints++;
      else if (got === 'key-kind' && one.title.includes('DSA')) counts.dsa++;
      else wrong.push(`${one.id} ${one.title}: ${got}`);
    }
    assert.deepEqual(wrong, []);
    assert.deepEqual(counts, { agreed: 108, needsCrl: 29, needsPolicyInput: 2, constraints: 33, dsa: 2 });
  });
});
