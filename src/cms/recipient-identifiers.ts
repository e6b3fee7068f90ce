/**
 * Who a RecipientInfos SET names (RFC 5652 §6.2, §10.2.4): written for a certificate, and read back as the last proof
 * before delivery that a message is encrypted for exactly the people it goes to.
 *
 * So the reader knows only what our writer writes: key transport and key agreement, issuerAndSerialNumber, versions 0
 * and 3. Every other kind is refused with cms.malformed, for a recipient that is not understood is one not checked.
 */

import { DerReader } from '../asn1/der-reader.ts';
import { checkInteger, parseSmallInteger } from '../asn1/der-values.ts';
import { der, derSequence, TAG } from '../asn1/der-writer.ts';
import { GatewayError, gatewayError } from '../errors.ts';
import type { Certificate } from '../x509/certificate.ts';

/** Most recipients written into, and read from, one RecipientInfos. */
export const RECIPIENTS_MAX = 5000;

/** Identifier octet of KeyAgreeRecipientInfo, `[1] IMPLICIT`. */
const KARI = 0xa1;
/** `[0] EXPLICIT OriginatorIdentifierOrKey`, and inside it `[1] IMPLICIT OriginatorPublicKey`. */
const ORIGINATOR = 0xa0;
const ORIGINATOR_KEY = 0xa1;

const written = new WeakMap<Certificate, Buffer>();

/** IssuerAndSerialNumber, whole DER: the issuer's octets as they stand in the certificate. */
export function issuerAndSerialNumber(certificate: Certificate): Buffer {
  let identifier = written.get(certificate);
  if (identifier === undefined) {
    identifier = derSequence(certificate.issuer, der(TAG.integer, certificate.serial));
    written.set(certificate, identifier);
  }
  return identifier;
}

/** What {@link readRecipientInfos} found. */
export interface RecipientInfosFacts {
  /** IssuerAndSerialNumber of every recipient, whole DER, in the order of the SET. Views of the input. */
  readonly identifiers: readonly Buffer[];
  /** True when every RecipientInfo is key transport: then EnvelopedData has version 0 (RFC 5652 §6.1). */
  readonly keyTransportOnly: boolean;
}

/**
 * Reads a RecipientInfos SET strictly.
 * @param recipientInfosSet whole DER; trusted no further than its octets
 * @returns IssuerAndSerialNumber of every recipient, whole DER, in the order of the SET
 * @throws GatewayError cms.malformed on anything our own writer does not write, and past {@link RECIPIENTS_MAX}
 */
export function readRecipientIdentifiers(recipientInfosSet: Buffer): Buffer[] {
  return [...readRecipientInfos(recipientInfosSet).identifiers];
}

/** {@link readRecipientIdentifiers} with what the EnvelopedData version needs. @throws GatewayError cms.malformed */
export function readRecipientInfos(recipientInfosSet: Buffer): RecipientInfosFacts {
  try {
    return readSet(recipientInfosSet);
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code === 'cms.malformed') throw error;
    throw gatewayError('cms.malformed', `RecipientInfos: ${error.detail}`, error);
  }
}

function readSet(recipientInfosSet: Buffer): RecipientInfosFacts {
  const outer = DerReader.over(recipientInfosSet);
  const set = outer.enter(TAG.set);
  outer.finish();
  const identifiers: Buffer[] = [];
  let keyTransportOnly = true;
  while (!set.atEnd) {
    const tag = set.peekTag();
    if (tag === TAG.sequence) {
      readKeyTransport(set.enter(TAG.sequence), identifiers);
    } else if (tag === KARI) {
      keyTransportOnly = false;
      readKeyAgreement(set.enter(KARI), identifiers);
    } else {
      throw gatewayError('cms.malformed', `RecipientInfo with tag 0x${(tag ?? 0).toString(16)} is not one of ours`);
    }
  }
  if (identifiers.length === 0) throw gatewayError('cms.malformed', 'RecipientInfos names nobody');
  return { identifiers, keyTransportOnly };
}

/** KeyTransRecipientInfo (RFC 5652 §6.2.1). */
function readKeyTransport(info: DerReader, identifiers: Buffer[]): void {
  checkVersion(info, 0);
  addIdentifier(info, identifiers);
  info.read(TAG.sequence);
  info.read(TAG.octetString);
  info.finish();
}

/** KeyAgreeRecipientInfo (RFC 5652 §6.2.2) with an ephemeral originatorKey and no ukm. */
function readKeyAgreement(info: DerReader, identifiers: Buffer[]): void {
  checkVersion(info, 3);
  const originator = info.enter(ORIGINATOR);
  originator.read(ORIGINATOR_KEY);
  originator.finish();
  info.read(TAG.sequence);
  const keys = info.enter(TAG.sequence);
  info.finish();
  if (keys.atEnd) throw gatewayError('cms.malformed', 'KeyAgreeRecipientInfo names nobody');
  while (!keys.atEnd) {
    const key = keys.enter(TAG.sequence);
    addIdentifier(key, identifiers);
    key.read(TAG.octetString);
    key.finish();
  }
}

function checkVersion(info: DerReader, expected: number): void {
  const version = parseSmallInteger(info.read(TAG.integer));
  if (version !== expected) throw gatewayError('cms.malformed', `RecipientInfo version ${version}, not ${expected}`);
}

function addIdentifier(info: DerReader, identifiers: Buffer[]): void {
  if (identifiers.length >= RECIPIENTS_MAX) {
    throw gatewayError('cms.malformed', `more than ${RECIPIENTS_MAX} recipients`);
  }
  const whole = info.readWhole(TAG.sequence);
  const identifier = DerReader.over(whole).enter(TAG.sequence);
  identifier.read(TAG.sequence);
  checkInteger(identifier.read(TAG.integer));
  identifier.finish();
  identifiers.push(whole);
}
