/** Assessments for tests of what is printed: values as the relay would make them. */
import assert from 'node:assert/strict';
import { type Address, parseAddress } from '../../src/address.ts';
import { DEFAULT_PROFILE } from '../../src/cms/profile.ts';
import type { Candidate } from '../../src/directory/directory.ts';
import { decideRecipient } from '../../src/policy/decide-recipient.ts';
import type { Fallback, Level } from '../../src/policy/rules.ts';
import type { Assessment, JudgedCandidate } from '../../src/relay/assessment.ts';
import type { TrustVerdict } from '../../src/trust/trust.ts';
import type { Certificate } from '../../src/x509/certificate.ts';
import type { PathFailureCode } from '../../src/x509/path.ts';

export function address(text: string): Address {
  const parsed = parseAddress(text);
  assert.ok(parsed !== null, text);
  return parsed;
}

/** Only what is printed of a certificate. */
export function certificate(name: string, emails: readonly string[], issuerName: string): Certificate {
  return {
    sha256: name.padEnd(64, '0'),
    rfc822Names: emails,
    smtpUtf8Mailboxes: [],
    subjectName: emails[0] ?? name,
    subjectText: `CN=${emails[0] ?? name}`,
    issuerName,
    issuerText: `CN=${issuerName}`,
  } as unknown as Certificate;
}

export const ROOT = { subjectName: 'Bank Root', subjectText: 'CN=Bank Root' } as unknown as Certificate;
export const ISSUER = { subjectName: 'Bank CA 2', subjectText: 'CN=Bank CA 2' } as unknown as Certificate;

function candidate(leaf: Certificate | null, source: string, problem: string | null = null): Candidate {
  return { certificate: leaf, problem, companions: [], source, rank: 0, seenAt: new Date('2026-11-23T08:00:00Z') };
}

export function usable(name: string, source: string, lost: JudgedCandidate['lost'] = null): JudgedCandidate {
  const leaf = certificate(name, ['bob@bank.example'], 'Bank CA 2');
  const verdict: TrustVerdict = {
    ok: true,
    path: {
      certificates: [leaf, ISSUER, ROOT],
      validFrom: new Date('2026-01-01T00:00:00Z'),
      validUntil: new Date('2027-01-01T00:00:00Z'),
      policies: [],
      revocation: [],
    },
    collection: 'default',
    revocation: 'not checked',
  };
  return { candidate: candidate(leaf, source), verdict, lost };
}

export function unusable(
  name: string,
  source: string,
  code: PathFailureCode,
  text: string,
  issuer = 'Bank CA 2',
): JudgedCandidate {
  const leaf = certificate(name, ['bob@bank.example'], issuer);
  const failure = { code, text, certificate: leaf, rank: 1 };
  return { candidate: candidate(leaf, source), verdict: { ok: false, failure, attempts: [failure] }, lost: null };
}

export function malformed(source: string, problem: string): JudgedCandidate {
  return { candidate: candidate(null, source, problem), verdict: null, lost: null };
}

interface Parts {
  readonly sign?: Level;
  readonly encrypt?: Level;
  readonly withoutCertificate?: Fallback;
  readonly unusableFallback?: Fallback;
  readonly trust?: readonly string[];
  readonly judged?: readonly JudgedCandidate[];
  readonly failures?: readonly { readonly source: string; readonly reason: string }[];
  readonly signer?: Assessment['signer'];
  readonly content?: Assessment['content'];
  readonly from?: Address | null;
}

export const SIGNER: Assessment['signer'] = {
  signing: { kind: 'yes', address: address('anna@example.org') },
  certificate: certificate('aa', ['anna@example.org'], 'Example Issuing CA'),
  validUntil: new Date('2027-03-03T00:00:00Z'),
  problem: null,
  assumed: true,
};

export function assessment(parts: Parts): Assessment {
  const defaults = { path: 'defaults', file: 'sealgate.yaml', line: 19 };
  const rule = { path: 'rules.to.bank.example', file: 'sealgate.yaml', line: 22 };
  const builtIn = { path: 'built-in', file: null, line: null };
  const judged = parts.judged ?? [];
  const failures = parts.failures ?? [];
  const asked = parts.encrypt !== 'never';
  const chosen = judged.find(({ verdict, lost }) => verdict?.ok === true && lost === null) ?? null;
  const facts: Assessment['certificate'] = !asked
    ? { kind: 'not-asked' }
    : chosen !== null
      ? { kind: 'usable' }
      : failures.length > 0
        ? { kind: 'failed', reason: 'x' }
        : judged.length > 0
          ? { kind: 'unusable', reasons: ['x'] }
          : { kind: 'none' };
  const from = parts.from === undefined ? address('anna@example.org') : parts.from;
  const base = {
    from,
    to: address('bob@bank.example'),
    internal: false,
    settings: {
      sign: { value: parts.sign ?? 'if-possible', origin: defaults },
      encrypt: { value: parts.encrypt ?? 'required', origin: rule },
      withoutCertificate: { value: parts.withoutCertificate ?? 'plain', origin: builtIn },
      unusable: { value: parts.unusableFallback ?? 'refuse', origin: defaults },
      profile: { value: 'default', origin: builtIn },
      trust: { value: parts.trust ?? null, origin: parts.trust === undefined ? builtIn : rule },
    },
    profile: DEFAULT_PROFILE,
    answer: asked ? { candidates: judged.map((entry) => entry.candidate), failures } : null,
    judged,
    chosen,
    collectionOrigin: chosen === null ? null : parts.trust === undefined ? builtIn : rule,
    certificate: facts,
    signer: parts.signer ?? SIGNER,
    content: parts.content ?? ('none' as const),
    revocation: 'not checked' as const,
  };
  const decision = decideRecipient({
    settings: base.settings,
    certificate: facts,
    signing: base.signer.signing,
    content: base.content,
    nullSender: from === null,
  });
  return { ...base, decision };
}
