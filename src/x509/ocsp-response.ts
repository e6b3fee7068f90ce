/**
 * DER of an OCSPResponse (RFC 6960 §4.2) to its facts. Read is not believed: `ocsp-rules.ts` says who may have signed it
 * and what it answers.
 *
 * Refused with asn1.malformed: what is not DER, responses of another type than basic, more than 64 KiB, too many answers or
 * certificates. tryLater and the other errors are no fault of the octets: they are told in `status`.
 */
import { DerReader } from '../asn1/der-reader.ts';
import { checkInteger, parseTime, parseWholeBitString } from '../asn1/der-values.ts';
import { TAG } from '../asn1/der-writer.ts';
import { parseOid } from '../asn1/oid.ts';
import { GatewayError, gatewayError } from '../errors.ts';
import type { Certificate } from './certificate.ts';
import { parseCertificate } from './certificate-reader.ts';
import { CRL_REASONS } from './crl-entries.ts';
import { readExtension } from './crl-extensions.ts';
import { checkName } from './name.ts';
import { ID_PKIX_OCSP_NONCE } from './ocsp-request.ts';

/** Largest response read (catalogue C20). */
export const OCSP_OCTETS_MAX = 64 * 1024;
const ANSWERS_MAX = 64;
const CERTIFICATES_MAX = 8;
const ENUMERATED = 0x0a;
const BASIC = '1.3.6.1.5.5.7.48.1.1';

/** OCSPResponseStatus. */
export type OcspStatus =
  | 'successful'
  | 'malformedRequest'
  | 'internalError'
  | 'tryLater'
  | 'sigRequired'
  | 'unauthorized';

const STATUSES: Readonly<Record<number, OcspStatus>> = {
  0: 'successful',
  1: 'malformedRequest',
  2: 'internalError',
  3: 'tryLater',
  5: 'sigRequired',
  6: 'unauthorized',
};

export type OcspResponse =
  | { readonly status: Exclude<OcspStatus, 'successful'> }
  | ({ readonly status: 'successful' } & BasicOcspResponse);

export interface BasicOcspResponse {
  readonly signatureAlgorithm: Certificate['signatureAlgorithm'];
  readonly tbs: Buffer;
  readonly signature: Buffer;
  readonly responder: { readonly name: Buffer } | { readonly keyHash: Buffer };
  readonly producedAt: Date;
  readonly answers: readonly OcspAnswer[];
  readonly nonce: Buffer | null;
  /** Certificates that came along; attacker-chosen. */
  readonly certificates: readonly Certificate[];
  /** Why nothing may be concluded from it; null when that is not so. */
  readonly fault: string | null;
}

/** SingleResponse. */
export interface OcspAnswer {
  readonly digestOid: string;
  readonly issuerNameHash: Buffer;
  readonly issuerKeyHash: Buffer;
  readonly serial: Buffer;
  readonly state: 'good' | 'unknown' | { readonly revokedAt: Date; readonly reason: number };
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | null;
  readonly fault: string | null;
}

/** @param octets attacker-chosen @throws GatewayError asn1.malformed */
export function parseOcspResponse(octets: Buffer): OcspResponse {
  const outer = DerReader.over(octets, OCSP_OCTETS_MAX);
  const response = outer.enter(TAG.sequence);
  outer.finish();
  const code = response.read(ENUMERATED);
  const status = code.length === 1 ? STATUSES[code[0] ?? 255] : undefined;
  if (status === undefined) throw malformed('OCSP response of unknown status');
  if (status !== 'successful') return { status };
  const explicit = response.enter(0xa0);
  response.finish();
  const bytes = explicit.enter(TAG.sequence);
  explicit.finish();
  if (parseOid(bytes.read(TAG.oid)) !== BASIC) throw malformed('OCSP response of a type that is not basic');
  const basic = bytes.read(TAG.octetString);
  bytes.finish();
  return { status, ...parseBasic(basic) };
}

function parseBasic(octets: Buffer): BasicOcspResponse {
  const outer = DerReader.over(octets);
  const reader = outer.enter(TAG.sequence);
  outer.finish();
  const tbs = reader.readWhole(TAG.sequence);
  const algorithm = reader.enter(TAG.sequence);
  const oid = parseOid(algorithm.read(TAG.oid));
  const parameters = algorithm.atEnd ? null : algorithm.readElement().whole;
  algorithm.finish();
  const signature = parseWholeBitString(reader.read(TAG.bitString));
  const certificates = readCertificates(reader.enterOptional(0xa0));
  reader.finish();
  return { signatureAlgorithm: { oid, parameters }, tbs, signature, certificates, ...parseData(tbs) };
}

function readCertificates(explicit: DerReader | null): Certificate[] {
  const found: Certificate[] = [];
  if (explicit === null) return found;
  const list = explicit.enter(TAG.sequence);
  explicit.finish();
  for (let count = 0; !list.atEnd; count++) {
    if (count === CERTIFICATES_MAX) throw malformed(`more than ${CERTIFICATES_MAX} certificates in an OCSP response`);
    const whole = list.readWhole(TAG.sequence);
    try {
      found.push(parseCertificate(whole));
    } catch (thrown) {
      // one that cannot be read signed nothing that counts
      if (!(thrown instanceof GatewayError) || thrown.code !== 'x509.malformed') throw thrown;
    }
  }
  return found;
}

function parseData(tbs: Buffer): Pick<BasicOcspResponse, 'responder' | 'producedAt' | 'answers' | 'nonce' | 'fault'> {
  const data = DerReader.over(tbs).enter(TAG.sequence);
  const version = data.enterOptional(0xa0);
  if (version !== null && !version.read(TAG.integer).equals(Buffer.of(0)))
    throw malformed('version of an OCSP response');
  const responder = readResponder(data);
  const producedAt = readTime(data);
  const list = data.enter(TAG.sequence);
  const answers: OcspAnswer[] = [];
  while (!list.atEnd) {
    if (answers.length === ANSWERS_MAX) throw malformed(`more than ${ANSWERS_MAX} answers in an OCSP response`);
    answers.push(parseAnswer(list.enter(TAG.sequence)));
  }
  const { nonce, fault } = readExtensions(data.enterOptional(0xa1));
  data.finish();
  return { responder, producedAt, answers, nonce, fault };
}

function readResponder(data: DerReader): BasicOcspResponse['responder'] {
  const byName = data.enterOptional(0xa1);
  if (byName !== null) {
    const name = byName.readWhole(TAG.sequence);
    byName.finish();
    checkName(name);
    return { name };
  }
  const byKey = data.enter(0xa2);
  const keyHash = byKey.read(TAG.octetString);
  byKey.finish();
  return { keyHash };
}

function parseAnswer(reader: DerReader): OcspAnswer {
  const id = reader.enter(TAG.sequence);
  const algorithm = id.enter(TAG.sequence);
  const digestOid = parseOid(algorithm.read(TAG.oid));
  const issuerNameHash = id.read(TAG.octetString);
  const issuerKeyHash = id.read(TAG.octetString);
  const serial = checkInteger(id.read(TAG.integer));
  id.finish();
  const state = readState(reader);
  const thisUpdate = readTime(reader);
  const next = reader.enterOptional(0xa0);
  const nextUpdate = next === null ? null : readTime(next);
  next?.finish();
  const { fault } = readExtensions(reader.enterOptional(0xa1));
  reader.finish();
  return { digestOid, issuerNameHash, issuerKeyHash, serial, state, thisUpdate, nextUpdate, fault };
}

function readState(reader: DerReader): OcspAnswer['state'] {
  if (reader.readOptional(0x80) !== null) return 'good';
  if (reader.readOptional(0x82) !== null) return 'unknown';
  const revoked = reader.enter(0xa1);
  const revokedAt = readTime(revoked);
  const explicit = revoked.enterOptional(0xa0);
  revoked.finish();
  const code = explicit?.read(ENUMERATED);
  const reason = code === undefined ? 0 : (code[0] ?? 0);
  if (reason >= CRL_REASONS.length) throw malformed(`reason ${reason} in an OCSP response`);
  return { revokedAt, reason };
}

function readExtensions(explicit: DerReader | null): { nonce: Buffer | null; fault: string | null } {
  let nonce: Buffer | null = null;
  let fault: string | null = null;
  if (explicit === null) return { nonce, fault };
  const list = explicit.enter(TAG.sequence);
  explicit.finish();
  while (!list.atEnd) {
    const { oid, critical, value } = readExtension(list.enter(TAG.sequence));
    if (oid === ID_PKIX_OCSP_NONCE) nonce = parseNonce(value);
    else if (critical) fault ??= `its critical extension ${oid} is not known here`;
  }
  return { nonce, fault };
}

/** QUIRK: before RFC 8954 the value was the bare octets. */
function parseNonce(value: Buffer): Buffer {
  if (value[0] !== TAG.octetString || value.length !== 2 + (value[1] ?? 0)) return value;
  return value.subarray(2);
}

function readTime(reader: DerReader): Date {
  const { tag, content } = reader.readElement();
  if (tag !== TAG.generalizedTime) throw malformed('time in an OCSP response that is no GeneralizedTime');
  return parseTime(tag, content);
}

function malformed(detail: string): Error {
  return gatewayError('asn1.malformed', detail);
}
