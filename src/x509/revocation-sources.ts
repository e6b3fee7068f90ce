/**
 * Where a certificate says that its revocation can be asked (RFC 5280 §4.2.1.13, §4.2.1.15, §4.2.2.1). The locations are
 * attacker-chosen until the certificate's signature was verified, and nobody should go there before.
 *
 * Refused with asn1.malformed: extensions that cannot be read.
 */
import { DerReader } from '../asn1/der-reader.ts';
import { TAG } from '../asn1/der-writer.ts';
import { parseOid } from '../asn1/oid.ts';
import { GatewayError } from '../errors.ts';
import type { Certificate } from './certificate.ts';
import { EXTENSION } from './certificate-oids.ts';
import { type DistributionPoint, parseDistributionPoints } from './crl-distribution-points.ts';

const FRESHEST_CRL = '2.5.29.46';
const AUTHORITY_INFORMATION_ACCESS = '1.3.6.1.5.5.7.1.1';
const ID_AD_OCSP = '1.3.6.1.5.5.7.48.1';
const URI = 0x86;
/** Most locations of one kind taken from one certificate. */
const LOCATIONS_MAX = 8;

export interface RevocationSources {
  /** Each is another way to the same list, or the list of other reasons. */
  readonly crls: readonly string[];
  /** Of delta CRLs. */
  readonly deltas: readonly string[];
  readonly ocsp: readonly string[];
}

/** @throws GatewayError asn1.malformed */
export function findCrlPoints(certificate: Certificate): readonly DistributionPoint[] {
  const value = extensionValue(certificate, EXTENSION.cRLDistributionPoints);
  return value === null ? [] : parseDistributionPoints(value, certificate.issuer);
}

/** freshestCRL of the certificate. @throws GatewayError asn1.malformed */
function findDeltaPoints(certificate: Certificate): readonly DistributionPoint[] {
  const value = extensionValue(certificate, FRESHEST_CRL);
  return value === null ? [] : parseDistributionPoints(value, certificate.issuer);
}

function firstOf(locations: ReadonlySet<string>): readonly string[] {
  return [...locations].slice(0, LOCATIONS_MAX);
}

/** What cannot be read is left out: nobody would find anything there. */
export function findRevocationSources(certificate: Certificate): RevocationSources {
  const crls = new Set<string>();
  const deltas = new Set<string>();
  const ocsp = new Set<string>();
  for (const { uris } of readQuietly(() => findCrlPoints(certificate))) for (const uri of uris) crls.add(uri);
  for (const { uris } of readQuietly(() => findDeltaPoints(certificate))) for (const uri of uris) deltas.add(uri);
  const access = extensionValue(certificate, AUTHORITY_INFORMATION_ACCESS);
  if (access !== null) for (const uri of readQuietly(() => parseOcspLocations(access))) ocsp.add(uri);
  return { crls: firstOf(crls), deltas: firstOf(deltas), ocsp: firstOf(ocsp) };
}

function parseOcspLocations(value: Buffer): string[] {
  const outer = DerReader.over(value);
  const list = outer.enter(TAG.sequence);
  outer.finish();
  const found: string[] = [];
  while (!list.atEnd) {
    const description = list.enter(TAG.sequence);
    const method = parseOid(description.read(TAG.oid));
    const { tag, content } = description.readElement();
    description.finish();
    if (method === ID_AD_OCSP && tag === URI) found.push(content.toString('latin1'));
  }
  return found;
}

function readQuietly<T>(read: () => readonly T[]): readonly T[] {
  try {
    return read();
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown;
    return [];
  }
}

function extensionValue(certificate: Certificate, oid: string): Buffer | null {
  return certificate.extensions.find((extension) => extension.oid === oid)?.value ?? null;
}
