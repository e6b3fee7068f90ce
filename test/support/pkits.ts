/** NIST PKITS (public subset) as path requests: what is asked, and what the suite answers. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { GatewayError } from '../../src/errors.ts';
import type { Certificate } from '../../src/x509/certificate.ts';
import { parseCertificate } from '../../src/x509/certificate-reader.ts';
import type { PathRequest } from '../../src/x509/path.ts';

export interface PkitsCase {
  readonly id: string;
  readonly section: number;
  readonly title: string;
  /** Trust anchor first. */
  readonly path: string[];
  readonly crls: string[];
  readonly extra_certs: string[];
  readonly expected: 'valid' | 'invalid';
  readonly reason: string | null;
  readonly expected_user_constrained_policy_oids: string[] | null;
  readonly settings: {
    readonly initial_policy_set_oids: string[];
    readonly initial_explicit_policy: boolean;
    readonly initial_policy_mapping_inhibit: boolean;
    readonly initial_any_policy_inhibit: boolean;
  };
}

/** Reasons of PKITS that only a CRL shows. */
const REVOCATION_REASONS = new Set([
  'revoked',
  'no-usable-crl',
  'crl-signature',
  'crl-unknown-critical',
  'crl-expired',
  'crl-sign-missing',
  'crl-scope',
]);

/** @param vectors folder of all vectors */
export function loadPkits(vectors: string): PkitsCase[] {
  const file = path.join(vectors, 'pkits/tests-public.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { tests: PkitsCase[] }).tests;
}

/** Does only a CRL show that this path is not valid? */
export function needsCrl({ expected, reason, section }: PkitsCase): boolean {
  // 4.15.x has one case without a reason in the table: a delta CRL revokes
  return expected === 'invalid' && (REVOCATION_REASONS.has(reason ?? '') || (reason === null && section >= 14));
}

/** Signed with DSA, or a key that is: refused as unsupported. */
export function isDsa({ title }: PkitsCase): boolean {
  return title.includes('DSA');
}

/** null for what is no certificate: then there is nothing to accept. */
export function readCertificate(octets: Buffer): Certificate | null {
  try {
    return parseCertificate(octets);
  } catch (thrown) {
    assert.ok(thrown instanceof GatewayError && thrown.code === 'x509.malformed', String(thrown));
    return null;
  }
}

/** The request of one case; null when its leaf is no certificate. Purpose `any`: PKITS knows no mail. */
export function pkitsRequest(one: PkitsCase, vectors: string): PathRequest | null {
  const load = (name: string) => readCertificate(readFileSync(path.join(vectors, 'pkits/certs', name)));
  const certificates = one.path.map(load);
  const leaf = certificates.at(-1) ?? null;
  if (leaf === null) return null;
  const present = (list: (Certificate | null)[]) => list.filter((entry) => entry !== null);
  return {
    leaf,
    anchors: present(certificates.slice(0, 1)),
    intermediates: present([...certificates.slice(1, -1), ...one.extra_certs.map(load)]),
    at: new Date('2020-01-01'),
    purpose: 'any',
    address: null,
    policies: one.settings.initial_policy_set_oids,
    requireExplicitPolicy: one.settings.initial_explicit_policy,
    inhibitPolicyMapping: one.settings.initial_policy_mapping_inhibit,
    inhibitAnyPolicy: one.settings.initial_any_policy_inhibit,
  };
}
