/**
 * CRLs and OCSP responses for tests (RFC 5280 §5, RFC 6960 §4.2), made when the test runs. Every field can be set to
 * something wrong on purpose; nothing here refuses.
 */
import { createHash, type KeyObject, sign } from 'node:crypto';
import {
  der,
  derBitString,
  derContext,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derSequence,
  derTime,
  TAG,
} from '../../src/asn1/der-writer.ts';
import type { Certificate } from '../../src/x509/certificate.ts';
import { publicKeyOctets } from '../../src/x509/ocsp-request.ts';
import { type MadeCertificate, makeExtension } from './certificate-builder.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const SHA256_ECDSA = '1.2.840.10045.4.3.2';
const SHA256_RSA = '1.2.840.113549.1.1.11';

export interface CrlEntry {
  readonly certificate: Certificate;
  readonly reason?: number;
  readonly at?: Date;
  readonly extensions?: readonly Buffer[];
}

export interface CrlOptions {
  readonly entries?: readonly CrlEntry[];
  /** Whole entries after those, DER. */
  readonly rawEntries?: Buffer;
  readonly thisUpdate?: Date;
  /** null leaves it out. */
  readonly nextUpdate?: Date | null;
  readonly number?: number;
  readonly base?: number;
  /** Value of issuingDistributionPoint. */
  readonly scope?: Buffer;
  readonly extensions?: readonly Buffer[];
  /** Name instead of the issuer's subject. */
  readonly issuerName?: Buffer;
  readonly badSignature?: boolean;
  /** The key instead of the issuer's. */
  readonly key?: KeyObject;
}

/** A CRL of version 2, signed with SHA-256. */
export function makeCrl(issuer: MadeCertificate, options: CrlOptions = {}): Buffer {
  const now = Date.now();
  const key = options.key ?? issuer.privateKey;
  const algorithm = algorithmOf(key);
  const { thisUpdate = new Date(now - MINUTE), nextUpdate = new Date(now + DAY) } = options;
  const entries = [...(options.entries ?? []).map(entryOf), options.rawEntries ?? Buffer.alloc(0)];
  const list = Buffer.concat(entries);
  const extensions = [
    makeExtension('2.5.29.20', false, derInteger(options.number ?? 1)),
    ...(options.base === undefined ? [] : [makeExtension('2.5.29.27', true, derInteger(options.base))]),
    ...(options.scope === undefined ? [] : [makeExtension('2.5.29.28', true, options.scope)]),
    ...(options.extensions ?? []),
  ];
  const tbs = derSequence(
    derInteger(1),
    algorithm,
    options.issuerName ?? issuer.certificate.subject,
    derTime(thisUpdate),
    ...(nextUpdate === null ? [] : [derTime(nextUpdate)]),
    ...(list.length === 0 ? [] : [derSequence(list)]),
    derContext(0, derSequence(...extensions)),
  );
  return signed(tbs, algorithm, key, options.badSignature === true);
}

function entryOf({ certificate, reason, at, extensions = [] }: CrlEntry): Buffer {
  const all = [...(reason === undefined ? [] : [makeExtension('2.5.29.21', false, enumerated(reason))]), ...extensions];
  return derSequence(
    der(TAG.integer, certificate.serial),
    derTime(at ?? new Date(Date.now() - DAY)),
    ...(all.length === 0 ? [] : [derSequence(...all)]),
  );
}

/** cRLDistributionPoints with one point of these locations. */
export function distributionPoints(...uris: readonly string[]) {
  const names = uris.map((uri) => der(0x86, Buffer.from(uri)));
  const value = derSequence(derSequence(derContext(0, derContext(0, ...names))));
  return { oid: '2.5.29.31', critical: false, value };
}

/** cRLDistributionPoints with one point that is a directory name. @param name whole DER of a Name */
export function directoryPoint(name: Buffer) {
  const value = derSequence(derSequence(derContext(0, derContext(0, derContext(4, name)))));
  return { oid: '2.5.29.31', critical: false, value };
}

/** cRLDistributionPoints with one point relative to the issuer. @param attributes of the RelativeDistinguishedName, DER */
export function relativePoint(...attributes: readonly Buffer[]) {
  const value = derSequence(derSequence(derContext(0, derContext(1, ...attributes))));
  return { oid: '2.5.29.31', critical: false, value };
}

/** authorityInfoAccess with places of certificates of the issuer. */
export function issuerAccess(...uris: readonly string[]) {
  const all = uris.map((uri) => derSequence(derOid('1.3.6.1.5.5.7.48.2'), der(0x86, Buffer.from(uri, 'latin1'))));
  return { oid: '1.3.6.1.5.5.7.1.1', critical: false, value: derSequence(...all) };
}

/** authorityInfoAccess with OCSP responders. */
export function ocspAccess(...uris: readonly string[]) {
  const all = uris.map((uri) => derSequence(derOid('1.3.6.1.5.5.7.48.1'), der(0x86, Buffer.from(uri))));
  return { oid: '1.3.6.1.5.5.7.1.1', critical: false, value: derSequence(...all) };
}

export interface OcspOptions {
  readonly state?: 'good' | 'revoked' | 'unknown';
  /** Who signs; the issuer when left out. */
  readonly responder?: MadeCertificate;
  /** Certificates that come along; the responder's when left out and it is not the issuer. */
  readonly certificates?: readonly MadeCertificate[];
  readonly digest?: 'sha1' | 'sha256';
  readonly thisUpdate?: Date;
  readonly nextUpdate?: Date | null;
  readonly nonce?: Buffer | null;
  readonly extensions?: readonly Buffer[];
  readonly byName?: boolean;
  readonly badSignature?: boolean;
}

/** A successful response about one certificate. */
export function makeOcspResponse(certificate: Certificate, issuer: MadeCertificate, options: OcspOptions = {}): Buffer {
  const now = Date.now();
  const { state = 'good', responder = issuer, digest = 'sha1', nonce = null } = options;
  const { thisUpdate = new Date(now - MINUTE), nextUpdate = new Date(now + DAY) } = options;
  const hash = (octets: Buffer) => derOctetString(createHash(digest).update(octets).digest());
  const digestOid = digest === 'sha1' ? '1.3.14.3.2.26' : '2.16.840.1.101.3.4.2.1';
  const certId = derSequence(
    derSequence(derOid(digestOid), derNull()),
    hash(certificate.issuer),
    hash(publicKeyOctets(issuer.certificate.spki)),
    der(TAG.integer, certificate.serial),
  );
  const status = {
    good: der(0x80),
    unknown: der(0x82),
    revoked: derContext(1, generalized(new Date(now - DAY)), derContext(0, enumerated(1))),
  }[state];
  const next = nextUpdate === null ? [] : [derContext(0, generalized(nextUpdate))];
  const answer = derSequence(certId, status, generalized(thisUpdate), ...next);
  const keyHash = createHash('sha1').update(publicKeyOctets(responder.certificate.spki)).digest();
  const id =
    options.byName === true ? derContext(1, responder.certificate.subject) : derContext(2, derOctetString(keyHash));
  const extensions = [
    ...(nonce === null ? [] : [makeExtension('1.3.6.1.5.5.7.48.1.2', false, derOctetString(nonce))]),
    ...(options.extensions ?? []),
  ];
  const tbs = derSequence(
    id,
    generalized(new Date(now)),
    derSequence(answer),
    ...(extensions.length === 0 ? [] : [derContext(1, derSequence(...extensions))]),
  );
  const company = options.certificates ?? (responder === issuer ? [] : [responder]);
  const algorithm = algorithmOf(responder.privateKey);
  const certificates =
    company.length === 0 ? [] : [derContext(0, derSequence(...company.map(({ der: octets }) => octets)))];
  const basic = signed(tbs, algorithm, responder.privateKey, options.badSignature === true, certificates);
  return derSequence(enumerated(0), derContext(0, derSequence(derOid('1.3.6.1.5.5.7.48.1.1'), derOctetString(basic))));
}

/** A response that only has a status, such as tryLater (3). */
export function makeOcspError(status: number): Buffer {
  return derSequence(enumerated(status));
}

function enumerated(value: number): Buffer {
  return der(0x0a, Buffer.of(value));
}

function generalized(date: Date): Buffer {
  return der(TAG.generalizedTime, Buffer.from(date.toISOString().replace(/[-:T]|\.\d+/g, ''), 'latin1'));
}

function algorithmOf(key: KeyObject): Buffer {
  if (key.asymmetricKeyType === 'ed25519') return derSequence(derOid('1.3.101.112'));
  if (key.asymmetricKeyType === 'ec') return derSequence(derOid(SHA256_ECDSA));
  return derSequence(derOid(SHA256_RSA), derNull());
}

function signed(tbs: Buffer, algorithm: Buffer, key: KeyObject, bad: boolean, rest: readonly Buffer[] = []): Buffer {
  const signature = sign(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', tbs, key);
  if (bad) signature[signature.length - 1] = (signature[signature.length - 1] ?? 0) ^ 1;
  return derSequence(tbs, algorithm, derBitString(signature), ...rest);
}
