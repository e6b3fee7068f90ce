/**
 * Where a certificate says that its revocation can be asked (RFC 5280 §4.2.1.13, §4.2.1.15, §4.2.2.1). The locations are
 * attacker-chosen until the certificate's signature was verified, and nobody should go there before.
 *
 * Refused with asn1.malformed: extensions that cannot be read.
 */
import { GatewayError } from '../errors.ts';
import { findAuthorityAccess } from './authority-access.ts';
import type { Certificate } from './certificate.ts';
import { EXTENSION } from './certificate-oids.ts';
import { type DistributionPoint, parseDistributionPoints } from './crl-distribution-points.ts';
import { directoryLocation } from './distinguished-name.ts';

const FRESHEST_CRL = '2.5.29.46';
/** Most locations of one kind taken from one certificate. */
const LOCATIONS_MAX = 8;

export interface RevocationSources {
  /** Each is another way to the same list, or the list of other reasons. */
  readonly crls: readonly string[];
  /** Of delta CRLs. */
  readonly deltas: readonly string[];
  readonly ocsp: readonly string[];
}

/** With the places of its directory names among the locations. @throws GatewayError asn1.malformed */
export function findCrlPoints(certificate: Certificate): readonly DistributionPoint[] {
  const value = extensionValue(certificate, EXTENSION.cRLDistributionPoints);
  if (value === null) return [];
  // RFC 4523 §2.3, §2.4: authorities may have a list of their own
  const attributes =
    certificate.basicConstraints?.ca === true
      ? ['authorityRevocationList', 'certificateRevocationList']
      : ['certificateRevocationList'];
  return withPlaces(parseDistributionPoints(value, certificate.issuer), attributes);
}

/** Locations of delta CRLs, of a certificate or of a list (RFC 5280 §5.2.6). @param points as they were read */
export function deltaLocations(points: readonly DistributionPoint[]): readonly string[] {
  return withPlaces(points, ['deltaRevocationList']).flatMap(({ uris }) => uris);
}

/** A directory name is a location too, at the server that is known to answer for it. */
function withPlaces(points: readonly DistributionPoint[], attributes: readonly string[]): readonly DistributionPoint[] {
  return points.map((point) => {
    const places = point.directoryNames.flatMap((name) => attributes.map((one) => directoryLocation(name, one)));
    return places.length === 0 ? point : { ...point, uris: [...point.uris, ...places] };
  });
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
  for (const { uris } of readQuietly(() => findCrlPoints(certificate))) for (const uri of uris) crls.add(uri);
  for (const uri of readQuietly(() => deltaLocations(findDeltaPoints(certificate)))) deltas.add(uri);
  const { ocsp } = findAuthorityAccess(certificate);
  return { crls: firstOf(crls), deltas: firstOf(deltas), ocsp: firstOf(new Set(ocsp)) };
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
