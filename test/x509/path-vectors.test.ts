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

/**
 * Cases about what a certificate is for: purpose `any` does not ask, so they are asked for signing mail, and the code says
 * that they were refused for that.
 */
const ASKED_FOR_SIGN: Readonly<Record<string, string>> = {
  'rfc5280::eku::ee-wrong-eku': 'extended-key-usage',
  'webpki::ee-basicconstraints-ca': 'ca-as-end-entity',
};

/** Wrong only for the name of the server that the case asks about. Nothing here asks certificates for names of servers. */
const SERVER_NAMES: readonly string[] = [
  'webpki::san::mismatch-domain-san',
  'webpki::san::mismatch-subdomain-san',
  'webpki::san::mismatch-subdomain-apex-san',
  'webpki::san::mismatch-apex-subdomain-san',
  'webpki::san::public-suffix-wildcard-san',
  'webpki::san::wildcard-embedded-leftmost-san',
  'webpki::san::wildcard-not-in-leftmost-san',
  'webpki::san::wildcard-match-across-labels-san',
  'webpki::san::wildcard-embedded-ulabel-san',
  'webpki::san::unicode-emoji-san',
  'webpki::san::no-san',
];

const HINT =
  '§4.2.1.1 and §4.2.1.2 bind issuers; §6.1 does not look at key identifiers, they are hints (RFC 4158 §3.5.12)';
const ROOT_AKI = 'RFC 5280 §4.2.1.1 lets a root have any; only the profile of the web PKI does not';
const EKU = 'RFC 8550 §4.4.4: absent or anyExtendedKeyUsage is good for mail; RFC 5280 §4.2.1.12: critical or not';
/** Where the suite is answered otherwise, and why ours is the answer for mail. RFC 5280 unless another is named. */
const LIMBO_DEVIATIONS: Readonly<Record<string, string>> = {
  'pathlen::max-chain-depth-1-self-issued':
    'no pathLenConstraint but a limit of the suite; ours bounds work, so self-issued certificates count in it',
  'rfc5280::aki::leaf-missing-aki': HINT,
  'rfc5280::aki::intermediate-missing-aki': HINT,
  'rfc5280::aki::cross-signed-root-missing-aki': HINT,
  'rfc5280::ski::root-missing-ski': HINT,
  'rfc5280::ski::intermediate-missing-ski': HINT,
  'rfc5280::nc::permitted-dns-match-noncritical':
    '§4.2.1.10 binds issuers; §6.1.4 (g) applies constraints critical or not, and refusing would lose that',
  'rfc5280::serial::zero': '§4.1.2.2: users should handle zero gracefully',
  'rfc5280::serial::too-long':
    '§4.1.2.2 binds issuers; 21 octets were issued, and openssl verify -x509_strict takes them',
  'rfc5280::root-non-critical-basic-constraints': '§4.2.1.9 binds issuers; PKITS 4.6.4 wants it accepted',

  'webpki::aki::root-with-aki-missing-keyidentifier': ROOT_AKI,
  'webpki::aki::root-with-aki-authoritycertissuer': ROOT_AKI,
  'webpki::aki::root-with-aki-authoritycertserialnumber': ROOT_AKI,
  'webpki::aki::root-with-aki-all-fields': ROOT_AKI,
  'webpki::aki::root-with-aki-ski-mismatch': ROOT_AKI,
  'webpki::eku::ee-anyeku': EKU,
  'webpki::eku::ee-critical-eku': EKU,
  'webpki::eku::ee-without-eku': EKU,
  'webpki::eku::root-has-eku':
    'RFC 5280 does not forbid it; a root whose extension leaves out mail cannot issue for mail',
  'webpki::san::san-critical-with-nonempty-subject': '§4.2.1.6 says that it should not be critical, to issuers',
  'webpki::v1-cert': 'RFC 8550 §2.3 wants version 1 read',
};

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
    const purposeOf = ({ id }: LimboCase): Purpose => (id in ASKED_FOR_SIGN ? 'sign' : 'any');
    const answers = new Map(testcases.map((one) => [one.id, limboAnswer(one, purposeOf(one))]));
    const differs = ({ id, expected_result }: LimboCase) =>
      (answers.get(id) === 'ok') !== (expected_result === 'SUCCESS');
    const found = testcases.filter(differs).map(({ id }) => id);
    assert.deepEqual(
      found
        .filter((id) => !(id in LIMBO_DEVIATIONS) && !SERVER_NAMES.includes(id))
        .map((id) => `${id}: ${answers.get(id)}`),
      [],
    );
    assert.deepEqual(
      Object.keys(LIMBO_DEVIATIONS).filter((id) => !found.includes(id)),
      [],
      'stale deviations',
    );
    assert.deepEqual(
      SERVER_NAMES.filter((id) => answers.get(id) !== 'ok'),
      [],
      'wrong for more than its name',
    );
    for (const [id, code] of Object.entries(ASKED_FOR_SIGN)) assert.equal(answers.get(id), code, id);
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
