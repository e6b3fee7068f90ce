/**
 * OBJECT IDENTIFIERs of certificates by the names RFC 5280, RFC 4055, RFC 5480, RFC 8410 and RFC 9598 give them.
 * Nothing is refused here: a list.
 */

/** Certificate extensions (RFC 5280 §4.2). */
export const EXTENSION = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  issuerAltName: '2.5.29.18',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  cRLDistributionPoints: '2.5.29.31',
  certificatePolicies: '2.5.29.32',
  policyMappings: '2.5.29.33',
  authorityKeyIdentifier: '2.5.29.35',
  policyConstraints: '2.5.29.36',
  extendedKeyUsage: '2.5.29.37',
  inhibitAnyPolicy: '2.5.29.54',
} as const;

/** Extended key usages (RFC 5280 §4.2.1.12). */
export const EXTENDED_KEY_USAGE = {
  any: '2.5.29.37.0',
  emailProtection: '1.3.6.1.5.5.7.3.4',
} as const;

/** SubjectPublicKeyInfo algorithms. */
export const KEY_ALGORITHM = {
  rsaEncryption: '1.2.840.113549.1.1.1',
  rsassaPss: '1.2.840.113549.1.1.10',
  ecPublicKey: '1.2.840.10045.2.1',
  x25519: '1.3.101.110',
  x448: '1.3.101.111',
  ed25519: '1.3.101.112',
  ed448: '1.3.101.113',
  mlDsa44: '2.16.840.1.101.3.4.3.17',
  mlDsa65: '2.16.840.1.101.3.4.3.18',
  mlDsa87: '2.16.840.1.101.3.4.3.19',
  mlKem512: '2.16.840.1.101.3.4.4.1',
  mlKem768: '2.16.840.1.101.3.4.4.2',
  mlKem1024: '2.16.840.1.101.3.4.4.3',
} as const;

/** The parameter sets of SLH-DSA (FIPS 205), by the names of node:crypto, in the order of their OIDs (RFC 9909 §3). */
export const SLH_DSA_SETS = [
  'slh-dsa-sha2-128s',
  'slh-dsa-sha2-128f',
  'slh-dsa-sha2-192s',
  'slh-dsa-sha2-192f',
  'slh-dsa-sha2-256s',
  'slh-dsa-sha2-256f',
  'slh-dsa-shake-128s',
  'slh-dsa-shake-128f',
  'slh-dsa-shake-192s',
  'slh-dsa-shake-192f',
  'slh-dsa-shake-256s',
  'slh-dsa-shake-256f',
] as const;
export type SlhDsaSet = (typeof SLH_DSA_SETS)[number];

/** OID of a parameter set: of its keys and of its signatures. */
export function slhDsaOid(set: SlhDsaSet): string {
  return `2.16.840.1.101.3.4.3.${20 + SLH_DSA_SETS.indexOf(set)}`;
}

/** SAN otherName of a mailbox with a non-ASCII local part (RFC 9598 §3). */
export const ID_ON_SMTP_UTF8_MAILBOX = '1.3.6.1.5.5.7.8.9';
/** PKCS #9 emailAddress attribute of a subject. */
export const EMAIL_ADDRESS_ATTRIBUTE = '1.2.840.113549.1.9.1';
