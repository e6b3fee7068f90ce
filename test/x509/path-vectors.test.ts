/**
 * x509-limbo and NIST PKITS as oracles: every case is answered as the suite does, but for what is listed with its
 * reason (a stale reason fails). The purpose is `any`, so that server certificates are not refused for not being for
 * mail. PKITS cases that only a CRL decides are listed: whoever checks revocation empties the list.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Certificate } from '../../src/x509/certificate.ts';
import type { Purpose } from '../../src/x509/path.ts';
import { PATH_BUDGET, validatePath } from '../../src/x509/path-validator.ts';
import { isDsa, loadPkits, needsCrl, pkitsRequest, readCertificate } from '../support/pkits.ts';
import { vectorsFolder } from '../support/vectors.ts';

const fromPem = (pem: string): Certificate | null =>
  readCertificate(Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64'));
const present = (list: (Certificate | null)[]): Certificate[] => list.filter((one) => one !== null);

interface LimboCase {
  readonly id: string;
  readonly expected_result: 'SUCCESS' | 'FAILURE';
  readonly trusted_certs: string[];
  readonly untrusted_intermediates: string[];
  readonly peer_certificate: string;
  readonly validation_time: string | null;
  readonly max_chain_depth: number | null;
}

const HINT = 'key identifiers bind issuers of certificates; here they are hints only (RFC 4158 §3.5.12)';
const SERIAL = '§4.1.2.2 asks readers to be lenient';
const SERVER = 'what purpose any does not ask about; refused for sign';
const PROFILE = 'profile of the web PKI, which mail is no part of';
const SERVER_NAME = 'DNS names of servers are not asked about here';
/** Answers that differ from the suite's, each with its reason. The first group is of RFC 5280, the second of the web PKI. */
const LIMBO_DEVIATIONS: Readonly<Record<string, string>> = {
  'pathlen::max-chain-depth-1-self-issued': 'our depth is a budget: self-issued certificates count',
  'rfc5280::aki::leaf-missing-aki': HINT,
  'rfc5280::aki::intermediate-missing-aki': HINT,
  'rfc5280::aki::cross-signed-root-missing-aki': HINT,
  'rfc5280::ski::root-missing-ski': HINT,
  'rfc5280::ski::intermediate-missing-ski': HINT,
  'rfc5280::eku::ee-wrong-eku': SERVER,
  'rfc5280::nc::permitted-dns-match-noncritical': 'binds issuers; constraints are applied, critical or not',
  'rfc5280::serial::too-long': SERIAL,
  'rfc5280::serial::zero': SERIAL,
  'rfc5280::root-non-critical-basic-constraints': 'binds issuers; PKITS 4.6.4 wants it accepted',

  'webpki::aki::root-with-aki-missing-keyidentifier': PROFILE,
  'webpki::aki::root-with-aki-authoritycertissuer': PROFILE,
  'webpki::aki::root-with-aki-authoritycertserialnumber': PROFILE,
  'webpki::aki::root-with-aki-all-fields': PROFILE,
  'webpki::aki::root-with-aki-ski-mismatch': PROFILE,
  'webpki::eku::ee-anyeku': PROFILE,
  'webpki::eku::ee-critical-eku': PROFILE,
  'webpki::eku::ee-without-eku': PROFILE,
  'webpki::eku::root-has-eku': PROFILE,
  'webpki::san::mismatch-domain-san': SERVER_NAME,
  'webpki::san::mismatch-subdomain-san': SERVER_NAME,
  'webpki::san::mismatch-subdomain-apex-san': SERVER_NAME,
  'webpki::san::mismatch-apex-subdomain-san': SERVER_NAME,
  'webpki::san::public-suffix-wildcard-san': SERVER_NAME,
  'webpki::san::wildcard-embedded-leftmost-san': SERVER_NAME,
  'webpki::san::wildcard-not-in-leftmost-san': SERVER_NAME,
  'webpki::san::wildcard-match-across-labels-san': SERVER_NAME,
  'webpki::san::wildcard-embedded-ulabel-san': SERVER_NAME,
  'webpki::san::unicode-emoji-san': SERVER_NAME,
  'webpki::san::no-san': SERVER_NAME,
  'webpki::san::san-critical-with-nonempty-subject': PROFILE,
  'webpki::v1-cert': 'RFC 8550 §2.2 wants v1 read',
  'webpki::ee-basicconstraints-ca': SERVER,
};
const REFUSED_FOR_SIGN = ['rfc5280::eku::ee-wrong-eku', 'webpki::ee-basicconstraints-ca'];

/** `ok`, or the code of the refusal. */
function limboAnswer(one: LimboCase, purpose: Purpose): string {
  const leaf = fromPem(one.peer_certificate);
  if (leaf === null) return 'malformed';
  const result = validatePath(
    {
      leaf,
      anchors: present(one.trusted_certs.map(fromPem)),
      intermediates: present(one.untrusted_intermediates.map(fromPem)),
      at: new Date(one.validation_time ?? '2023-12-01'),
      purpose,
      address: null,
    },
    { ...PATH_BUDGET, depth: one.max_chain_depth ?? PATH_BUDGET.depth },
  );
  return result.ok ? 'ok' : result.failure.code;
}

describe('path vectors: x509-limbo', () => {
  it('C10 answers every case as the suite does, but for the deviations listed with their reasons', function () {
    const file = path.join(vectorsFolder(this), 'limbo/limbo-2023-12-upstream.json');
    const { testcases } = JSON.parse(readFileSync(file, 'utf8')) as { testcases: LimboCase[] };
    const answers = new Map(testcases.map((one) => [one.id, limboAnswer(one, 'any')]));
    const differs = ({ id, expected_result }: LimboCase) =>
      (answers.get(id) === 'ok') !== (expected_result === 'SUCCESS');
    const found = testcases.filter(differs).map(({ id }) => id);
    assert.deepEqual(
      found.filter((id) => !(id in LIMBO_DEVIATIONS)).map((id) => `${id}: ${answers.get(id)}`),
      [],
    );
    assert.deepEqual(
      Object.keys(LIMBO_DEVIATIONS).filter((id) => !found.includes(id)),
      [],
      'stale deviations',
    );
    for (const one of testcases.filter(({ id }) => REFUSED_FOR_SIGN.includes(id))) {
      assert.notEqual(limboAnswer(one, 'sign'), 'ok', one.id);
    }
    assert.equal(testcases.length, 135);
  });
});

/** Accepted without a revocation judge, and not valid by the CRL of the case. */
const NEEDS_CRL: readonly string[] = [
  '4.4.1',
  '4.4.2',
  '4.4.4',
  '4.4.5',
  '4.4.8',
  '4.4.10',
  '4.4.11',
  '4.4.20',
  '4.5.2',
  '4.5.5',
  '4.5.7',
  '4.7.4',
  '4.7.5',
  '4.14.2',
  '4.14.8',
  '4.14.11',
  '4.14.14',
  '4.14.16',
  '4.14.17',
  '4.14.20',
  '4.14.23',
  '4.14.26',
  '4.14.31',
  '4.14.32',
  '4.14.34',
  '4.14.35',
  '4.15.1',
  '4.15.4',
  '4.15.10',
];

describe('path vectors: PKITS', () => {
  it('C10 answers every case that needs no CRL, with the policies it is valid for; DSA is unsupported', function () {
    const vectors = vectorsFolder(this);
    const wrong: string[] = [];
    const dsa: string[] = [];
    const crl: string[] = [];
    for (const one of loadPkits(vectors)) {
      const request = pkitsRequest(one, vectors);
      const result = request === null ? null : validatePath(request);
      const got = result === null ? 'malformed' : result.ok ? 'ok' : result.failure.code;
      if (isDsa(one)) {
        if (got === 'key-kind' || got === 'signature-algorithm') dsa.push(one.id);
        else wrong.push(`${one.id} ${one.title}: ${got}`);
      } else if (got === 'ok' && needsCrl(one)) crl.push(one.id);
      else if ((got === 'ok') !== (one.expected === 'valid')) wrong.push(`${one.id} ${one.title}: ${got}`);
      else if (result?.ok) {
        const policies = [...(one.expected_user_constrained_policy_oids ?? [])].sort();
        const found = result.path.policies;
        if (one.section >= 8 && one.section <= 12 && found.join() !== policies.join()) {
          wrong.push(`${one.id} ${one.title}: valid for ${found.join()}, expected ${policies.join()}`);
        }
      }
    }
    assert.deepEqual(wrong, []);
    assert.deepEqual(dsa, ['4.1.4', '4.1.5']);
    assert.deepEqual(crl, NEEDS_CRL);
  });
});
