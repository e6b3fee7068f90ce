/**
 * Extensions of a CRL (RFC 5280 §5.2). Refused with asn1.malformed: what is not DER, the same extension twice. A critical
 * one that is not known is no error of the list: it is told, and nothing may be concluded from the list.
 */
import { DerReader } from '../asn1/der-reader.ts';
import { checkInteger, parseBoolean } from '../asn1/der-values.ts';
import { TAG } from '../asn1/der-writer.ts';
import { parseOid } from '../asn1/oid.ts';
import { gatewayError } from '../errors.ts';
import type { RevocationList } from './crl.ts';
import { parseCrlScope, parseDistributionPoints } from './crl-distribution-points.ts';

const AUTHORITY_KEY_IDENTIFIER = '2.5.29.35';
const ISSUER_ALT_NAME = '2.5.29.18';
const CRL_NUMBER = '2.5.29.20';
const DELTA_CRL_INDICATOR = '2.5.29.27';
const ISSUING_DISTRIBUTION_POINT = '2.5.29.28';
const FRESHEST_CRL = '2.5.29.46';
const EXTENSIONS_MAX = 32;
/** RFC 5280 §5.2.3: 20 octets. */
const NUMBER_OCTETS_MAX = 32;

export type CrlExtensions = {
  -readonly [Field in
    | 'number'
    | 'base'
    | 'authorityKeyIdentifier'
    | 'scope'
    | 'scopeOctets'
    | 'freshest'
    | 'fault']: RevocationList[Field];
};

/** The fields of a list without extensions. */
export function noCrlExtensions(): CrlExtensions {
  return {
    number: null,
    base: null,
    authorityKeyIdentifier: null,
    scope: null,
    scopeOctets: null,
    freshest: [],
    fault: null,
  };
}

/**
 * @param explicit `[0] EXPLICIT Extensions`, whole, attacker-chosen
 * @param issuer Name of the issuer of the list
 * @throws GatewayError asn1.malformed
 */
export function parseCrlExtensions(explicit: Buffer, issuer: Buffer): CrlExtensions {
  const outer = DerReader.over(explicit).enter(0xa0);
  const list = outer.enter(TAG.sequence);
  outer.finish();
  const fields = noCrlExtensions();
  const seen = new Set<string>();
  do {
    if (seen.size === EXTENSIONS_MAX) throw malformed(`more than ${EXTENSIONS_MAX} extensions of a CRL`);
    const { oid, critical, value } = readExtension(list.enter(TAG.sequence));
    if (seen.has(oid)) throw malformed(`CRL extension ${oid} twice`);
    seen.add(oid);
    const known = readKnown(oid, value, issuer, fields);
    if (critical && !known) fields.fault ??= `its critical extension ${oid} is not known here`;
  } while (!list.atEnd);
  return fields;
}

/** One Extension, also of an entry. @throws GatewayError asn1.malformed */
export function readExtension(reader: DerReader): { oid: string; critical: boolean; value: Buffer } {
  const oid = parseOid(reader.read(TAG.oid));
  const flag = reader.readOptional(TAG.boolean);
  const value = reader.read(TAG.octetString);
  reader.finish();
  return { oid, critical: flag !== null && parseBoolean(flag), value };
}

function readKnown(oid: string, value: Buffer, issuer: Buffer, fields: CrlExtensions): boolean {
  switch (oid) {
    case AUTHORITY_KEY_IDENTIFIER:
      fields.authorityKeyIdentifier = parseKeyIdentifier(value);
      return true;
    case CRL_NUMBER:
      fields.number = parseNumber(value);
      return true;
    case DELTA_CRL_INDICATOR:
      fields.base = parseNumber(value);
      return true;
    case ISSUING_DISTRIBUTION_POINT:
      fields.scope = parseCrlScope(value, issuer);
      fields.scopeOctets = value;
      return true;
    case FRESHEST_CRL:
      fields.freshest = parseDistributionPoints(value, issuer);
      return true;
    default:
      return oid === ISSUER_ALT_NAME;
  }
}

function parseKeyIdentifier(value: Buffer): Buffer | null {
  const outer = DerReader.over(value);
  const reader = outer.enter(TAG.sequence);
  outer.finish();
  return reader.readOptional(0x80);
}

function parseNumber(value: Buffer): bigint {
  const reader = DerReader.over(value);
  const content = checkInteger(reader.read(TAG.integer));
  reader.finish();
  if (content.length > NUMBER_OCTETS_MAX || (content[0] ?? 0) >= 0x80) throw malformed('CRL number out of range');
  return BigInt(`0x${content.toString('hex')}`);
}

function malformed(detail: string): Error {
  return gatewayError('asn1.malformed', detail);
}
