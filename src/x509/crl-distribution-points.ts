/**
 * Where CRLs of a certificate are published, and for which certificates a CRL speaks (RFC 5280 §4.2.1.13,
 * §4.2.1.15, §5.2.5, §5.2.6). Names become texts that are equal where RFC 5280 calls the names equal, so that matching
 * a distribution point is comparing strings.
 *
 * Refused with asn1.malformed: what is not DER, and an empty list of names. Locations read here are attacker-chosen.
 */
import { DerReader } from '../asn1/der-reader.ts';
import { parseBitString, parseBoolean } from '../asn1/der-values.ts';
import { der, TAG } from '../asn1/der-writer.ts';
import { gatewayError } from '../errors.ts';
import { checkName, nameKey } from './name.ts';

/** keyCompromise (bit 1) to aACompromise (bit 8) of ReasonFlags; bit 0 is unused (RFC 5280 §4.2.1.13). */
export const ALL_REASONS = 0x1fe;

export interface DistributionPoint {
  /** Keys of the names of the point; null where it has none. */
  readonly names: readonly string[] | null;
  /** uniformResourceIdentifiers among them, as they stand. */
  readonly uris: readonly string[];
  /** Directory names among them, whole DER; relative ones made whole; the CRL issuers where the point has no name. */
  readonly directoryNames: readonly Buffer[];
  /** Bit n is reason n of ReasonFlags. */
  readonly reasons: number;
  /** Names of those who sign CRLs for it; null: the issuer of the certificate does. */
  readonly crlIssuers: readonly Buffer[] | null;
}

/** IssuingDistributionPoint (RFC 5280 §5.2.5): what a CRL says of its own scope. */
export interface CrlScope {
  readonly names: readonly string[] | null;
  readonly onlyUserCertificates: boolean;
  readonly onlyAuthorities: boolean;
  readonly onlyAttributeCertificates: boolean;
  readonly reasons: number;
  readonly indirect: boolean;
}

/** Most points read from one certificate; each may cost a fetch. */
const POINTS_MAX = 16;
const NAMES_MAX = 32;
const URI = 0x86;
const DIRECTORY_NAME = 0xa4;

/**
 * Value of cRLDistributionPoints or freshestCRL.
 * @param value attacker-chosen
 * @param issuer Name of the issuer of the certificate or CRL, to which relative names belong
 * @throws GatewayError asn1.malformed
 */
export function parseDistributionPoints(value: Buffer, issuer: Buffer): DistributionPoint[] {
  const outer = DerReader.over(value);
  const list = outer.enter(TAG.sequence);
  outer.finish();
  const points: DistributionPoint[] = [];
  do {
    if (points.length === POINTS_MAX) throw malformed(`more than ${POINTS_MAX} distribution points`);
    points.push(parsePoint(list.enter(TAG.sequence), issuer));
  } while (!list.atEnd);
  return points;
}

function parsePoint(reader: DerReader, issuer: Buffer): DistributionPoint {
  const name = reader.enterOptional(0xa0);
  const flags = reader.readOptional(0x81);
  const issuers = reader.enterOptional(0xa2);
  reader.finish();
  const crlIssuers = issuers === null ? null : readDirectoryNames(issuers);
  const base = crlIssuers?.[0] ?? issuer;
  // §4.2.1.13: without a name of its own the list is in the entry of who issues it
  const read = name === null ? { names: null, uris: [], directoryNames: crlIssuers ?? [] } : readPointName(name, base);
  return { ...read, reasons: flags === null ? ALL_REASONS : parseReasons(flags), crlIssuers };
}

/**
 * Value of issuingDistributionPoint.
 * @param issuer Name of the issuer of the CRL
 * @throws GatewayError asn1.malformed
 */
export function parseCrlScope(value: Buffer, issuer: Buffer): CrlScope {
  const outer = DerReader.over(value);
  const reader = outer.enter(TAG.sequence);
  outer.finish();
  const name = reader.enterOptional(0xa0);
  const users = readFlag(reader, 0x81);
  const authorities = readFlag(reader, 0x82);
  const flags = reader.readOptional(0x83);
  const indirect = readFlag(reader, 0x84);
  const attributes = readFlag(reader, 0x85);
  reader.finish();
  return {
    names: name === null ? null : readPointName(name, issuer).names,
    onlyUserCertificates: users,
    onlyAuthorities: authorities,
    onlyAttributeCertificates: attributes,
    reasons: flags === null ? ALL_REASONS : parseReasons(flags),
    indirect,
  };
}

/** The key of a directoryName, as in {@link DistributionPoint.names}. */
export function directoryNameKey(name: Buffer): string {
  return `name:${nameKey(name)}`;
}

function readFlag(reader: DerReader, tag: number): boolean {
  const flag = reader.readOptional(tag);
  return flag !== null && parseBoolean(flag);
}

function parseReasons(content: Buffer): number {
  const { octets } = parseBitString(content);
  let mask = 0;
  for (let bit = 1; bit <= 8; bit++) {
    if (((octets[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0) mask |= 1 << bit;
  }
  return mask;
}

/** DistributionPointName: a CHOICE, so its tag is explicit. */
function readPointName(reader: DerReader, base: Buffer): { names: string[]; uris: string[]; directoryNames: Buffer[] } {
  const relative = reader.readOptional(0xa1);
  if (relative !== null) {
    reader.finish();
    const name = appendRelativeName(base, relative);
    checkName(name);
    return { names: [directoryNameKey(name)], uris: [], directoryNames: [name] };
  }
  const full = reader.enter(0xa0);
  reader.finish();
  const names: string[] = [];
  const uris: string[] = [];
  const directoryNames: Buffer[] = [];
  do {
    if (names.length === NAMES_MAX) throw malformed(`more than ${NAMES_MAX} names of a distribution point`);
    const { tag, content, whole } = full.readElement();
    if (tag === URI) {
      uris.push(content.toString('latin1'));
      names.push(`uri:${content.toString('latin1')}`);
    } else if (tag === DIRECTORY_NAME) {
      checkName(content);
      names.push(directoryNameKey(content));
      directoryNames.push(content);
    } else names.push(`other:${whole.toString('hex')}`);
  } while (!full.atEnd);
  return { names, uris, directoryNames };
}

function appendRelativeName(base: Buffer, relative: Buffer): Buffer {
  const outer = DerReader.over(base);
  const parts = outer.read(TAG.sequence);
  return der(TAG.sequence, parts, der(TAG.set, relative));
}

/**
 * directoryNames of GeneralNames; other forms name nobody who could sign.
 * @throws GatewayError asn1.malformed
 */
export function readDirectoryNames(list: DerReader): Buffer[] {
  const found: Buffer[] = [];
  do {
    if (found.length === NAMES_MAX) throw malformed(`more than ${NAMES_MAX} names of a CRL issuer`);
    const { tag, content } = list.readElement();
    if (tag !== DIRECTORY_NAME) continue;
    checkName(content);
    found.push(content);
  } while (!list.atEnd);
  return found;
}

function malformed(detail: string): Error {
  return gatewayError('asn1.malformed', detail);
}
