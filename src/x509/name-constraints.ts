/**
 * The nameConstraints extension (RFC 5280 §4.2.1.10, RFC 9549 §5) to subtrees that names can be held against.
 *
 * Refused with asn1.malformed, so that a limit that is not understood is never passed over: an empty extension or
 * list, `minimum` other than 0, any `maximum`, hosts that are none, masks with holes, and in `permitted` a mailbox or
 * URI constraint of no octets, which some read as "all" and some as "none".
 */
import { parseAddress, parseDomain } from '../address.ts';
import { DerReader } from '../asn1/der-reader.ts';
import { parseSmallInteger } from '../asn1/der-values.ts';
import { TAG } from '../asn1/der-writer.ts';
import { gatewayError } from '../errors.ts';
import type { Certificate } from './certificate.ts';
import { EXTENSION } from './certificate-oids.ts';
import { type GeneralName, parseGeneralName } from './general-name.ts';
import { nameText, relativeNameKeys } from './name.ts';
import type { ConstrainedForm } from './subject-name.ts';

/** One subtree. `shown` is for people and not escaped. */
export interface Subtree {
  readonly form: ConstrainedForm;
  readonly shown: string;
  readonly base: SubtreeBase;
}

export type SubtreeBase =
  | { readonly kind: 'all' }
  | { readonly kind: 'mailbox'; readonly local: string; readonly domain: string }
  /** `exactly`: that host; `below`: hosts below it; `tree`: it and all below. */
  | { readonly kind: 'host'; readonly domain: string; readonly reach: 'exactly' | 'below' | 'tree' }
  | { readonly kind: 'directory'; readonly relative: readonly string[] }
  | { readonly kind: 'network'; readonly address: Buffer; readonly mask: Buffer }
  | { readonly kind: 'unprocessed' };

export interface NameConstraints {
  readonly permitted: ReadonlyMap<ConstrainedForm, readonly Subtree[]>;
  readonly excluded: ReadonlyMap<ConstrainedForm, readonly Subtree[]>;
  /** All of both. */
  readonly count: number;
}

const known = new WeakMap<Certificate, NameConstraints>();

/**
 * The constraints of an authority; null when it has none.
 * @param certificate attacker-chosen, parsed
 * @throws GatewayError asn1.malformed
 */
export function findNameConstraints(certificate: Certificate): NameConstraints | null {
  const extension = certificate.extensions.find(({ oid }) => oid === EXTENSION.nameConstraints);
  if (extension === undefined) return null;
  let constraints = known.get(certificate);
  if (constraints === undefined) {
    constraints = parseNameConstraints(extension.value);
    known.set(certificate, constraints);
  }
  return constraints;
}

function parseNameConstraints(value: Buffer): NameConstraints {
  const outer = DerReader.over(value);
  const sequence = outer.enter(TAG.sequence);
  outer.finish();
  if (sequence.atEnd) throw malformed('name constraints without any');
  const permitted = parseSubtrees(sequence.enterOptional(0xa0), 'permitted');
  const excluded = parseSubtrees(sequence.enterOptional(0xa1), 'excluded');
  sequence.finish();
  return {
    permitted: byForm(permitted),
    excluded: byForm(excluded),
    count: permitted.length + excluded.length,
  };
}

function byForm(subtrees: readonly Subtree[]): ReadonlyMap<ConstrainedForm, readonly Subtree[]> {
  const map = new Map<ConstrainedForm, Subtree[]>();
  for (const subtree of subtrees) {
    const list = map.get(subtree.form);
    if (list === undefined) map.set(subtree.form, [subtree]);
    else list.push(subtree);
  }
  return map;
}

function parseSubtrees(list: DerReader | null, side: 'permitted' | 'excluded'): Subtree[] {
  const subtrees: Subtree[] = [];
  if (list === null) return subtrees;
  do {
    const reader = list.enter(TAG.sequence);
    const name = parseGeneralName(reader);
    const minimum = reader.readOptional(0x80);
    // QUIRK: `minimum 0` written out is not DER (a DEFAULT), yet common
    if (minimum !== null && parseSmallInteger(minimum) !== 0) throw malformed('subtree with a minimum');
    if (reader.readOptional(0x81) !== null) throw malformed('subtree with a maximum');
    reader.finish();
    subtrees.push(subtreeOf(name, side));
  } while (!list.atEnd);
  return subtrees;
}

function subtreeOf(name: GeneralName, side: 'permitted' | 'excluded'): Subtree {
  switch (name.form) {
    case 'rfc822Name':
      return { form: name.form, shown: name.text, base: mailboxBase(name.text, side) };
    case 'dNSName':
      return { form: name.form, shown: name.text, base: hostBase(name.text, 'tree', 'all') };
    case 'uniformResourceIdentifier':
      return { form: name.form, shown: name.text, base: hostBase(name.text, 'exactly', side) };
    case 'directoryName': {
      const relative = relativeNameKeys(name.name);
      return { form: name.form, shown: nameText(name.name), base: { kind: 'directory', relative } };
    }
    case 'iPAddress':
      return { form: name.form, shown: name.octets.toString('hex'), base: networkBase(name.octets) };
    case 'smtpUtf8Mailbox':
      // RFC 9598 §6: constraints on these are written as rfc822Name; whatever was meant, no mailbox passes it
      return { form: 'rfc822Name', shown: name.text, base: { kind: 'unprocessed' } };
    default:
      return { form: name.form, shown: name.form, base: { kind: 'unprocessed' } };
  }
}

function mailboxBase(text: string, side: 'permitted' | 'excluded'): SubtreeBase {
  if (!text.includes('@')) return hostBase(text, 'exactly', side);
  const address = /^[\x20-\x7e]*$/.test(text) ? parseAddress(text) : null;
  if (address === null) throw malformed('mailbox of a constraint');
  const { local, domain } = address;
  return {
    kind: 'mailbox',
    local: local.startsWith('"') ? local.slice(1, -1).replace(/\\(.)/g, '$1') : local,
    domain,
  };
}

function hostBase(text: string, reach: 'exactly' | 'tree', empty: 'permitted' | 'excluded' | 'all'): SubtreeBase {
  if (text === '') {
    if (empty === 'permitted') throw malformed('constraint of no octets');
    return { kind: 'all' };
  }
  // QUIRK: RFC 5280 has no leading dot in dNSName constraints; where it is written, it means what it means elsewhere
  const below = text.startsWith('.');
  const domain = /^[\x21-\x7e]+$/.test(text) ? parseDomain(below ? text.slice(1) : text) : null;
  if (domain === null) throw malformed('host of a constraint');
  return { kind: 'host', domain, reach: below ? 'below' : reach };
}

function networkBase(octets: Buffer): SubtreeBase {
  if (octets.length !== 8 && octets.length !== 32) throw malformed('iPAddress constraint of no known length');
  const half = octets.length / 2;
  const mask = octets.subarray(half);
  // RFC 4632 §3.1: ones, then zeros
  const bits = Array.from(mask, (octet) => octet.toString(2).padStart(8, '0')).join('');
  if (!/^1*0*$/.test(bits)) throw malformed('iPAddress mask with holes');
  return { kind: 'network', address: octets.subarray(0, half), mask };
}

function malformed(detail: string): Error {
  return gatewayError('asn1.malformed', detail);
}
