/**
 * The rules one certificate must meet in a path, without looking at its neighbours (RFC 5280 §6.1.3 to §6.1.5,
 * RFC 8550 §4.4): those of any certificate, of an end entity for its purpose, and of an issuer.
 *
 * Refused, besides what each code says: whatever we do not process. A critical extension not named here is
 * `critical-extension`. Name constraints and policies are held against the whole path by `path-validator.ts`.
 * DEVIATION RFC 5280 §6.1: dates and extensions of the trust anchor are held against it too, as OpenSSL does; the
 * RFC takes an anchor as a bare name and key, administrators take it as the certificate they installed.
 */
import { certificateAddresses, certificateMatches, hasControlCharacters } from './address-match.ts';
import type { Certificate, KeyKind } from './certificate.ts';
import { EXTENDED_KEY_USAGE, EXTENSION } from './certificate-oids.ts';
import { findKeyWeakness } from './key-strength.ts';
import { isEmptyName } from './name.ts';
import type { PathFailure, PathRequest, Purpose } from './path.ts';
import { dateText, pathFailure } from './path-failure.ts';

type Checks = Iterable<PathFailure | null>;

/** Extensions that are processed, here or by the path validator, so may be critical. */
const PROCESSED: ReadonlySet<string> = new Set([
  EXTENSION.basicConstraints,
  EXTENSION.keyUsage,
  EXTENSION.extendedKeyUsage,
  EXTENSION.subjectAltName,
  EXTENSION.nameConstraints,
  EXTENSION.certificatePolicies,
  EXTENSION.policyMappings,
  EXTENSION.policyConstraints,
  EXTENSION.inhibitAnyPolicy,
]);

/** Curves that `cms/` can agree a key on. */
const AGREEMENT_CURVES: ReadonlySet<string> = new Set([
  'P-256',
  'P-384',
  'P-521',
  'brainpoolP256r1',
  'brainpoolP384r1',
  'brainpoolP512r1',
]);
/** Keys whose usage for encryption is keyAgreement (RFC 5480 §3, RFC 9295 §3); for all others it is keyEncipherment. */
const AGREEMENT_KINDS: ReadonlySet<KeyKind> = new Set(['ec', 'x25519', 'x448']);
/** Keys of one form each that something can be encrypted to. */
const ENCRYPTION_KINDS: ReadonlySet<KeyKind> = new Set([
  'rsa',
  'x25519',
  'x448',
  'ml-kem-512',
  'ml-kem-768',
  'ml-kem-1024',
]);

/** Everything wrong with the leaf for its purpose and address, whoever issued it. */
export function endEntityFailures(request: PathRequest): PathFailure[] {
  const { leaf, purpose } = request;
  const checks: (PathFailure | null)[] = [
    ...anyCertificate(leaf, request.at),
    subjectFit(leaf),
    ...authorityFit(leaf),
    addressFit(request),
  ];
  if (purpose !== 'any') {
    checks.push(endEntityRole(leaf), keyFit(leaf, purpose), usageFit(leaf, purpose), extendedUsageFit(leaf, purpose));
  }
  return checks.filter((failure) => failure !== null);
}

/** The first thing wrong with a certificate as an issuer, path length aside; null when nothing is. */
export function findIssuerFailure(issuer: Certificate, purpose: Purpose, at: Date): PathFailure | null {
  for (const failure of issuerChecks(issuer, purpose, at)) if (failure !== null) return failure;
  return null;
}

function* issuerChecks(issuer: Certificate, purpose: Purpose, at: Date): Checks {
  yield* anyCertificate(issuer, at);
  if (issuer.basicConstraints?.ca !== true) {
    const found = issuer.basicConstraints === null ? 'has no basicConstraints' : 'says CA:FALSE';
    yield pathFailure('not-a-ca', issuer, `issuer ${issuer.subjectName} ${found}, CA:TRUE is needed`);
  }
  if (isEmptyName(issuer.subject)) yield pathFailure('not-a-ca', issuer, 'issuer has an empty subject');
  if (issuer.keyUsage?.has('keyCertSign') === false) {
    const found = usageText(issuer.keyUsage);
    yield pathFailure('key-usage', issuer, `issuer ${issuer.subjectName}: key usage ${found}, keyCertSign is needed`);
  }
  yield extendedUsageFit(issuer, purpose);
}

/** What holds for every certificate of a path. */
function* anyCertificate(certificate: Certificate, at: Date): Checks {
  // asked so that an invalid Date, which compares as neither, is never "valid"
  if (!(at <= certificate.notAfter)) {
    const sides = `expired ${dateText(certificate.notAfter)} (checked at ${dateText(at)})`;
    yield pathFailure('expired', certificate, `${certificate.subjectName}: ${sides}`);
  }
  if (!(at >= certificate.notBefore)) {
    const sides = `valid from ${dateText(certificate.notBefore)} (checked at ${dateText(at)})`;
    yield pathFailure('not-yet-valid', certificate, `${certificate.subjectName}: ${sides}`);
  }
  // RFC 5280 §4.1.2.4
  if (isEmptyName(certificate.issuer))
    yield pathFailure('malformed', certificate, `${certificate.subjectName} has an empty issuer name`);
  for (const { oid, critical } of certificate.extensions) {
    if (critical && !PROCESSED.has(oid)) {
      yield pathFailure(
        'critical-extension',
        certificate,
        `${certificate.subjectName}: critical extension ${oid} is not known here`,
      );
    }
  }
  const weakness = findKeyWeakness(certificate);
  if (weakness !== null) {
    yield pathFailure(
      weakness.kind === 'weak' ? 'weak-key' : 'key-kind',
      certificate,
      `${certificate.subjectName}: ${weakness.text}`,
    );
  }
}

/** An authority is never a correspondent (catalogue C10). */
function endEntityRole(leaf: Certificate): PathFailure | null {
  if (leaf.basicConstraints?.ca !== true) return null;
  const text = `${leaf.subjectName} is the certificate of an authority (CA:TRUE), not of a person`;
  return pathFailure('ca-as-end-entity', leaf, text);
}

/** RFC 5280 §4.2.1.3 and §4.2.1.10: keyCertSign and name constraints go with CA:TRUE only. */
function* authorityFit(leaf: Certificate): Checks {
  if (leaf.basicConstraints?.ca === true) return;
  const name = leaf.subjectName;
  if (leaf.keyUsage?.has('keyCertSign') === true) {
    const text = `${name} may sign certificates (keyCertSign) without being an authority`;
    yield pathFailure('ca-as-end-entity', leaf, text);
  }
  if (leaf.extensions.some(({ oid }) => oid === EXTENSION.nameConstraints)) {
    yield pathFailure('malformed', leaf, `${name} has name constraints without being an authority`);
  }
}

/** RFC 5280 §4.1.2.6: an empty subject means that the SAN is the subject, and then it must be critical. */
function subjectFit(leaf: Certificate): PathFailure | null {
  if (!isEmptyName(leaf.subject)) return null;
  const san = leaf.extensions.find((extension) => extension.oid === EXTENSION.subjectAltName);
  if (san?.critical === true) return null;
  return pathFailure('malformed', leaf, 'empty subject without a critical subjectAltName');
}

/** Can this kind of key do it at all? */
function keyFit(leaf: Certificate, purpose: Purpose): PathFailure | null {
  const { kind, curve } = leaf.key;
  if (purpose !== 'encrypt' || kind === 'other' || ENCRYPTION_KINDS.has(kind)) return null;
  if (kind === 'ec' && curve !== null && AGREEMENT_CURVES.has(curve)) return null;
  const found = kind === 'ec' ? `EC on ${curve ?? 'an unnamed curve'}` : kind;
  return pathFailure(
    'key-kind',
    leaf,
    `${leaf.subjectName}: key is ${found}, encryption needs RSA, EC, X25519, X448 or ML-KEM`,
  );
}

/** RFC 8550 §4.4.2: an absent keyUsage allows everything. */
function usageFit(leaf: Certificate, purpose: Purpose): PathFailure | null {
  if (leaf.keyUsage === null) return null;
  const needed =
    purpose === 'sign'
      ? (['digitalSignature', 'nonRepudiation'] as const)
      : AGREEMENT_KINDS.has(leaf.key.kind)
        ? (['keyAgreement'] as const)
        : (['keyEncipherment'] as const);
  const found = leaf.keyUsage;
  if (needed.some((usage) => found.has(usage))) return null;
  const sides = `key usage ${usageText(found)}, ${needed.join(' or ')} is needed`;
  return pathFailure('key-usage', leaf, `${leaf.subjectName}: ${sides}`);
}

/**
 * RFC 8550 §4.4.4 for the leaf; for an issuer the same, so that a CA limited to other uses cannot issue for mail
 * (DEVIATION RFC 5280 §4.2.1.12, which speaks of the subject's key only; every maintained validator nests it).
 */
function extendedUsageFit(certificate: Certificate, purpose: Purpose): PathFailure | null {
  const usages = certificate.extendedKeyUsage;
  if (purpose === 'any' || usages === null) return null;
  if (usages.has(EXTENDED_KEY_USAGE.emailProtection) || usages.has(EXTENDED_KEY_USAGE.any)) return null;
  const sides = `extended key usage ${[...usages].slice(0, 8).join(', ')}, emailProtection is needed`;
  return pathFailure('extended-key-usage', certificate, `${certificate.subjectName}: ${sides}`);
}

function addressFit({ leaf, address, purpose }: PathRequest): PathFailure | null {
  if (purpose !== 'any' && hasControlCharacters(leaf)) {
    return pathFailure('control-characters', leaf, `${leaf.subjectName}: control character in a mail address`);
  }
  if (address === null || certificateMatches(leaf, address)) return null;
  const found = certificateAddresses(leaf)
    .slice(0, 8)
    .map((one) => one.text)
    .join(', ');
  const sides = `${found === '' ? 'no mail address' : found}, ${address.text} is needed`;
  return pathFailure('address-mismatch', leaf, `certificate is for ${sides}`);
}

function usageText(usages: ReadonlySet<string>): string {
  return usages.size === 0 ? 'none' : [...usages].join(', ');
}
