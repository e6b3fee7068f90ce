/**
 * The policy extensions of a certificate (RFC 5280 §4.2.1.4, §4.2.1.5, §4.2.1.11, §4.2.1.14) to plain values.
 *
 * Qualifiers are read past: they are text for people and bind nobody here. Refused with asn1.malformed: empty lists,
 * the same policy twice (§4.2.1.4), mappings from or to anyPolicy (§6.1.4 (a)), constraints that say nothing.
 */
import { DerReader } from '../asn1/der-reader.ts';
import { parseSmallInteger } from '../asn1/der-values.ts';
import { TAG } from '../asn1/der-writer.ts';
import { parseOid } from '../asn1/oid.ts';
import { gatewayError } from '../errors.ts';
import type { Certificate } from './certificate.ts';
import { EXTENSION } from './certificate-oids.ts';

/** RFC 5280 §4.2.1.4 */
export const ANY_POLICY = '2.5.29.32.0';

export interface PolicyFacts {
  /** Without anyPolicy; null when the extension is absent. */
  readonly policies: readonly string[] | null;
  readonly anyPolicy: boolean;
  /** Policies of the subject by policy of the issuer. */
  readonly mappings: ReadonlyMap<string, readonly string[]>;
  /** Certificates that may follow before the limit holds; null: no limit. */
  readonly requireExplicitPolicy: number | null;
  readonly inhibitPolicyMapping: number | null;
  readonly inhibitAnyPolicy: number | null;
}

const known = new WeakMap<Certificate, PolicyFacts>();

/**
 * @param certificate attacker-chosen, parsed
 * @throws GatewayError asn1.malformed
 */
export function policyFacts(certificate: Certificate): PolicyFacts {
  let facts = known.get(certificate);
  if (facts === undefined) {
    facts = readFacts(certificate);
    known.set(certificate, facts);
  }
  return facts;
}

function readFacts({ extensions }: Certificate): PolicyFacts {
  const extensionValue = (wanted: string): Buffer | null => extensions.find(({ oid }) => oid === wanted)?.value ?? null;
  const policies = extensionValue(EXTENSION.certificatePolicies);
  const mappings = extensionValue(EXTENSION.policyMappings);
  const constraints = extensionValue(EXTENSION.policyConstraints);
  const inhibit = extensionValue(EXTENSION.inhibitAnyPolicy);
  const all = policies === null ? null : parsePolicies(policies);
  return {
    policies: all === null ? null : [...all].filter((oid) => oid !== ANY_POLICY),
    anyPolicy: all?.has(ANY_POLICY) ?? false,
    mappings: mappings === null ? new Map() : parseMappings(mappings),
    ...(constraints === null
      ? { requireExplicitPolicy: null, inhibitPolicyMapping: null }
      : parseConstraints(constraints)),
    inhibitAnyPolicy: inhibit === null ? null : parseSkip(inhibit),
  };
}

function parsePolicies(value: Buffer): Set<string> {
  const list = sequenceIn(value);
  const policies = new Set<string>();
  do {
    const information = list.enter(TAG.sequence);
    const oid = parseOid(information.read(TAG.oid));
    if (policies.has(oid)) throw malformed(`policy ${oid} twice`);
    policies.add(oid);
    const qualifiers = information.enterOptional(TAG.sequence);
    if (qualifiers?.atEnd === true) throw malformed('policy with an empty list of qualifiers');
    information.finish();
  } while (!list.atEnd);
  return policies;
}

function parseMappings(value: Buffer): Map<string, string[]> {
  const list = sequenceIn(value);
  const mappings = new Map<string, string[]>();
  do {
    const mapping = list.enter(TAG.sequence);
    const issuerPolicy = parseOid(mapping.read(TAG.oid));
    const subjectPolicy = parseOid(mapping.read(TAG.oid));
    mapping.finish();
    if (issuerPolicy === ANY_POLICY || subjectPolicy === ANY_POLICY) throw malformed('mapping of anyPolicy');
    const targets = mappings.get(issuerPolicy);
    if (targets === undefined) mappings.set(issuerPolicy, [subjectPolicy]);
    else targets.push(subjectPolicy);
  } while (!list.atEnd);
  return mappings;
}

function parseConstraints(value: Buffer): Pick<PolicyFacts, 'requireExplicitPolicy' | 'inhibitPolicyMapping'> {
  const reader = sequenceIn(value);
  if (reader.atEnd) throw malformed('policy constraints without any');
  const explicit = reader.readOptional(0x80);
  const mapping = reader.readOptional(0x81);
  reader.finish();
  return {
    requireExplicitPolicy: explicit === null ? null : parseSmallInteger(explicit),
    inhibitPolicyMapping: mapping === null ? null : parseSmallInteger(mapping),
  };
}

function parseSkip(value: Buffer): number {
  const reader = DerReader.over(value);
  const skip = parseSmallInteger(reader.read(TAG.integer));
  reader.finish();
  return skip;
}

function sequenceIn(value: Buffer): DerReader {
  const outer = DerReader.over(value);
  const sequence = outer.enter(TAG.sequence);
  outer.finish();
  return sequence;
}

function malformed(detail: string): Error {
  return gatewayError('asn1.malformed', detail);
}
