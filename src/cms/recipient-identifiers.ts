/**
 * Who a RecipientInfos SET names (RFC 5652 §6.2, §10.2.4): written for a certificate, and read back as the last proof
 * before delivery that a message is encrypted for exactly the people it goes to.
 *
 * So the reader knows only what our writer writes: key transport, key agreement and KEM, named by issuerAndSerialNumber
 * or subjectKeyIdentifier, and passwords. Every other kind is refused with cms.malformed, for a recipient that is not
 * understood is one not checked.
 */

import { DerReader } from '../asn1/der-reader.ts';
import { checkInteger, parseSmallInteger } from '../asn1/der-values.ts';
import { der, derOctetString, derOid, derSequence, TAG } from '../asn1/der-writer.ts';
import { GatewayError, gatewayError } from '../errors.ts';
import type { Certificate } from '../x509/certificate.ts';
import { ORI_KEM_OID } from './algorithms/key-encapsulations.ts';

/** Most recipients written into, and read from, one RecipientInfos. */
export const RECIPIENTS_MAX = 5000;

/** Identifier octet of KeyAgreeRecipientInfo, `[1] IMPLICIT`. */
const KARI = 0xa1;
/** Identifier octets of PasswordRecipientInfo and OtherRecipientInfo, `[3]` and `[4] IMPLICIT`. */
const PWRI = 0xa3;
const ORI = 0xa4;
/** SubjectKeyIdentifier as a RecipientIdentifier, `[0] IMPLICIT`, and RecipientKeyIdentifier of key agreement. */
const KEY_IDENTIFIER = 0x80;
const RECIPIENT_KEY_IDENTIFIER = 0xa0;
const KEM_TYPE = derOid(ORI_KEM_OID);
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

/** How signers and recipients are named; part of a profile. */
export interface NamingStyle {
  readonly keyIdentifier: boolean;
}

/** RecipientIdentifier or SignerIdentifier (RFC 5652 §5.3, §6.2.1): the same CHOICE. */
export interface WrittenIdentifier {
  /** Whole DER. */
  readonly der: Buffer;
  /** Then the version of what it stands in is another one. */
  readonly byKeyIdentifier: boolean;
}

/** The identifier of a certificate. The key identifier is taken from the extension only, never computed. */
export function recipientIdentifier(certificate: Certificate, { keyIdentifier }: NamingStyle): WrittenIdentifier {
  const { subjectKeyIdentifier } = certificate;
  if (!keyIdentifier || subjectKeyIdentifier === null) {
    return { der: issuerAndSerialNumber(certificate), byKeyIdentifier: false };
  }
  return { der: der(KEY_IDENTIFIER, subjectKeyIdentifier), byKeyIdentifier: true };
}

/** KeyAgreeRecipientIdentifier (RFC 5652 §6.2.2), whole DER: its key identifier stands in a SEQUENCE of its own. */
export function agreementIdentifier(certificate: Certificate, style: NamingStyle): Buffer {
  const { der: identifier, byKeyIdentifier } = recipientIdentifier(certificate, style);
  if (!byKeyIdentifier || certificate.subjectKeyIdentifier === null) return identifier;
  return der(RECIPIENT_KEY_IDENTIFIER, derOctetString(certificate.subjectKeyIdentifier));
}

/** What {@link readRecipientInfos} found. */
export interface RecipientInfosFacts {
  /**
   * Of every recipient but passwords, in the order of the SET, as {@link recipientIdentifier} gives it: whole DER of
   * IssuerAndSerialNumber, or of `[0] SubjectKeyIdentifier`.
   */
  readonly identifiers: readonly Buffer[];
  /** Version of an EnvelopedData with these recipients and without attributes (RFC 5652 §6.1). */
  readonly version: 0 | 2 | 3;
  /** How many PasswordRecipientInfos there are. */
  readonly passwords: number;
}

/**
 * Reads a RecipientInfos SET strictly.
 * @param recipientInfosSet whole DER; trusted no further than its octets
 * @returns identifiers of every recipient, whole DER, in the order of the SET
 * @throws GatewayError cms.malformed on anything our own writer does not write for certificates, and past
 *   {@link RECIPIENTS_MAX}
 */
export function readRecipientIdentifiers(recipientInfosSet: Buffer): Buffer[] {
  const { identifiers, passwords } = readRecipientInfos(recipientInfosSet);
  // whoever knows the password is nobody that a record can name
  if (passwords > 0) throw gatewayError('cms.malformed', 'RecipientInfos has a password');
  return [...identifiers];
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
  let passwords = 0;
  let version: RecipientInfosFacts['version'] = 0;
  while (!set.atEnd) {
    const tag = set.peekTag();
    if (tag === TAG.sequence) {
      const byKeyIdentifier = readKeyTransport(set.enter(TAG.sequence), identifiers);
      if (byKeyIdentifier && version === 0) version = 2;
    } else if (tag === KARI) {
      readKeyAgreement(set.enter(KARI), identifiers);
      if (version === 0) version = 2;
    } else if (tag === ORI) {
      readEncapsulation(set.enter(ORI), identifiers);
      version = 3;
    } else if (tag === PWRI) {
      set.skip();
      passwords++;
      version = 3;
    } else {
      throw gatewayError('cms.malformed', `RecipientInfo with tag 0x${(tag ?? 0).toString(16)} is not one of ours`);
    }
  }
  if (identifiers.length + passwords === 0) throw gatewayError('cms.malformed', 'RecipientInfos names nobody');
  return { identifiers, version, passwords };
}

/** KeyTransRecipientInfo (RFC 5652 §6.2.1). @returns whether it names a key identifier */
function readKeyTransport(info: DerReader, identifiers: Buffer[]): boolean {
  const version = parseSmallInteger(info.read(TAG.integer));
  const byKeyIdentifier = info.peekTag() === KEY_IDENTIFIER;
  if (version !== (byKeyIdentifier ? 2 : 0)) throw gatewayError('cms.malformed', `RecipientInfo version ${version}`);
  addIdentifier(info, identifiers);
  info.read(TAG.sequence);
  info.read(TAG.octetString);
  info.finish();
  return byKeyIdentifier;
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
    const named = key.enterOptional(RECIPIENT_KEY_IDENTIFIER);
    if (named === null) {
      addIdentifier(key, identifiers);
    } else {
      add(der(KEY_IDENTIFIER, named.read(TAG.octetString)), identifiers);
      named.finish();
    }
    key.read(TAG.octetString);
    key.finish();
  }
}

/** KEMRecipientInfo (RFC 9629 §3) without ukm. */
function readEncapsulation(info: DerReader, identifiers: Buffer[]): void {
  if (!info.readWhole(TAG.oid).equals(KEM_TYPE)) throw gatewayError('cms.malformed', 'OtherRecipientInfo is no KEM');
  const value = info.enter(TAG.sequence);
  info.finish();
  checkVersion(value, 0);
  addIdentifier(value, identifiers);
  for (const tag of [TAG.sequence, TAG.octetString, TAG.sequence, TAG.integer, TAG.sequence, TAG.octetString]) {
    value.read(tag);
  }
  value.finish();
}

function checkVersion(info: DerReader, expected: number): void {
  const version = parseSmallInteger(info.read(TAG.integer));
  if (version !== expected) throw gatewayError('cms.malformed', `RecipientInfo version ${version}, not ${expected}`);
}

function addIdentifier(info: DerReader, identifiers: Buffer[]): void {
  if (info.peekTag() === KEY_IDENTIFIER) {
    add(info.readWhole(KEY_IDENTIFIER), identifiers);
    return;
  }
  const whole = info.readWhole(TAG.sequence);
  const identifier = DerReader.over(whole).enter(TAG.sequence);
  identifier.read(TAG.sequence);
  checkInteger(identifier.read(TAG.integer));
  identifier.finish();
  add(whole, identifiers);
}

function add(identifier: Buffer, identifiers: Buffer[]): void {
  if (identifiers.length >= RECIPIENTS_MAX) {
    throw gatewayError('cms.malformed', `more than ${RECIPIENTS_MAX} recipients`);
  }
  identifiers.push(identifier);
}
