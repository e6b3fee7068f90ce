/** A parsed X.509 certificate (RFC 5280 §4.1). Parsed is not trusted: only a {@link CertificationPath} is. */
import type { KeyObject } from 'node:crypto';
import type { SlhDsaSet } from './certificate-oids.ts';

export interface Certificate {
  /** The octets as received; everything below is read from them, and signatures are checked over them. */
  readonly der: Buffer;
  /** Lower-case hex SHA-256 of `der`; the name of the certificate everywhere. */
  readonly sha256: string;
  /** Serial number content octets, verbatim. */
  readonly serial: Buffer;
  /** Issuer and subject Name, whole DER, verbatim. */
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** SubjectPublicKeyInfo, whole DER. */
  readonly spki: Buffer;
  readonly key: PublicKeyFacts;
  /** Signature AlgorithmIdentifier OID, the tbsCertificate octets and the signature value. */
  readonly signatureAlgorithm: { readonly oid: string; readonly parameters: Buffer | null };
  readonly tbs: Buffer;
  readonly signature: Buffer;
  readonly basicConstraints: { readonly ca: boolean; readonly pathLength: number | null } | null;
  /** null when the extension is absent (then any use is allowed). */
  readonly keyUsage: ReadonlySet<KeyUsage> | null;
  /** OIDs; null when absent. */
  readonly extendedKeyUsage: ReadonlySet<string> | null;
  readonly subjectKeyIdentifier: Buffer | null;
  readonly authorityKeyIdentifier: Buffer | null;
  /** rfc822Names of the SAN, as they stand there. Control characters make the whole certificate unusable (C11). */
  readonly rfc822Names: readonly string[];
  /** SmtpUTF8Mailbox otherNames of the SAN (RFC 9598). */
  readonly smtpUtf8Mailboxes: readonly string[];
  /** emailAddress attributes of the subject (legacy place). */
  readonly subjectEmails: readonly string[];
  /** Every extension: OID, critical, value octets (inside the OCTET STRING). */
  readonly extensions: readonly Extension[];
  /** Readable forms for people: `CN=..., O=...`. Control characters already escaped. */
  readonly subjectText: string;
  readonly issuerText: string;
  /** The subject's CN, or the whole subject where it has none. */
  readonly subjectName: string;
  readonly issuerName: string;
}

export interface Extension {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Buffer;
}

export type KeyUsage =
  | 'digitalSignature'
  | 'nonRepudiation'
  | 'keyEncipherment'
  | 'dataEncipherment'
  | 'keyAgreement'
  | 'keyCertSign'
  | 'cRLSign'
  | 'encipherOnly'
  | 'decipherOnly';

/** Key algorithms known by name: RFC 3279, RFC 4055, RFC 5480, RFC 8410, RFC 9881, RFC 9909, RFC 9935. */
export type KeyKind =
  | 'rsa'
  | 'rsa-pss'
  | 'ec'
  | 'ed25519'
  | 'ed448'
  | 'x25519'
  | 'x448'
  | 'ml-dsa-44'
  | 'ml-dsa-65'
  | 'ml-dsa-87'
  | SlhDsaSet
  | 'ml-kem-512'
  | 'ml-kem-768'
  | 'ml-kem-1024'
  | 'other';

export interface PublicKeyFacts {
  readonly kind: KeyKind;
  /** Modulus bits of RSA, field bits of EC and RFC 7748 curves; 0 when unknown and for lattice keys. */
  readonly bits: number;
  /** Named curve (`P-256`, `P-384`, `P-521`, ...) of EC; null else, and for explicit parameters. */
  readonly curve: string | null;
  /** RSA public exponent; null else. */
  readonly exponent: bigint | null;
  /** SPKI algorithm OID. */
  readonly oid: string;
  /** Lazily made and kept: making a KeyObject costs about 100 times the parse. @throws GatewayError x509.malformed */
  keyObject(): KeyObject;
}
