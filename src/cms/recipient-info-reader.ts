/**
 * RecipientInfos from a stream (RFC 5652 §6.2, RFC 9629 §3): all kinds, all forms of identifiers, any version number.
 * Each is read alone and dropped unless it is ours, so a message to very many costs no memory (catalogue C2).
 *
 * Refused with cms.limits: more than {@link READER_LIMITS.recipients}. Refused with cms.malformed: a known kind that is
 * not what it should be. Kinds that are not known are passed over, as the RFC demands.
 */
import type { BerReader } from '../asn1/ber-reader.ts';
import type { BerStream } from '../asn1/ber-stream.ts';
import { TAG } from '../asn1/der-writer.ts';
import { parseOid } from '../asn1/oid.ts';
import type { Reading } from '../asn1/pieces.ts';
import { gatewayError } from '../errors.ts';
import { ORI_KEM_OID } from './algorithms/key-encapsulations.ts';
import {
  type AlgorithmIdentifier,
  type CertificateIdentifier,
  enterWhole,
  expect,
  parseAlgorithm,
  readAlgorithm,
  readCertificateIdentifier,
  readOctets,
  readSmallInteger,
} from './ber-field-reader.ts';
import { checkLimit, READER_LIMITS } from './reader-limits.ts';
import type { Originator, RecipientInfo } from './unwrapper.ts';

const KARI = 0xa1;
const KEKRI = 0xa2;
const PWRI = 0xa3;
const ORI = 0xa4;

/** What a scan of RecipientInfos found. */
export interface RecipientScan {
  /** Recipients that were wanted, in their order. */
  readonly wanted: readonly RecipientInfo[];
  readonly count: number;
}

/**
 * Reads RecipientInfos, which is the next value of the stream.
 * @param isWanted decides what is kept; at most {@link READER_LIMITS.ownRecipients} are, the rest is passed over
 */
export function* scanRecipientInfos(
  stream: BerStream,
  isWanted: (info: RecipientInfo) => boolean,
  wantedMax: number = READER_LIMITS.ownRecipients,
): Reading<RecipientScan> {
  const wanted: RecipientInfo[] = [];
  let count = 0;
  const visit = (info: RecipientInfo): void => {
    count++;
    checkLimit(count, READER_LIMITS.recipients, 'recipients');
    if (wanted.length < wantedMax && isWanted(info)) wanted.push(info);
  };
  yield* stream.enter(TAG.set);
  while (!(yield* stream.atEnd())) {
    if ((yield* stream.peekTag()) === KARI) yield* readKeyAgreement(stream, visit);
    else visit(parseRecipientInfo(yield* stream.readWhole(READER_LIMITS.recipientOctets)));
  }
  yield* stream.leave();
  return { wanted, count };
}

/** KeyAgreeRecipientInfo may name thousands, so its keys are read one by one. */
function* readKeyAgreement(stream: BerStream, visit: (info: RecipientInfo) => void): Reading<void> {
  const max = READER_LIMITS.recipientOctets;
  yield* stream.enter(KARI);
  yield* stream.read(TAG.integer, max);
  const originator = parseOriginator(yield* stream.read(0xa0, max));
  const ukm = (yield* stream.peekTag()) === 0xa1 ? explicitOctets(yield* stream.readWhole(max), 0xa1) : null;
  const algorithm = parseAlgorithm(yield* stream.read(TAG.sequence, max));
  yield* stream.enter(TAG.sequence);
  while (!(yield* stream.atEnd())) {
    const fields = enterWhole(yield* stream.read(TAG.sequence, max), TAG.sequence);
    const recipient = readAgreementRecipient(fields);
    const encryptedKey = readOctets(fields);
    finish(fields, 'RecipientEncryptedKey');
    visit({ kind: 'key-agreement', recipient, originator, ukm, algorithm, encryptedKey });
  }
  yield* stream.leave();
  yield* stream.leave();
}

/** KeyAgreeRecipientIdentifier: rKeyId holds more than the key identifier, which is all that matters. */
function readAgreementRecipient(fields: BerReader): CertificateIdentifier {
  if (fields.peekTag() !== 0xa0) return readCertificateIdentifier(fields);
  return { kind: 'key-identifier', keyIdentifier: readOctets(fields.enter(0xa0)) };
}

function parseOriginator(whole: Buffer): Originator {
  const choice = enterWhole(whole, 0xa0);
  if (choice.peekTag() !== 0xa1) {
    const identifier = readCertificateIdentifier(choice);
    finish(choice, 'originator');
    return { kind: 'certificate', identifier };
  }
  const key = choice.enter(0xa1);
  const algorithm = readAlgorithm(key);
  const bits = expect(key, TAG.bitString);
  if (bits[0] !== 0) throw malformed('originator key not of whole octets');
  finish(key, 'originator key');
  finish(choice, 'originator');
  return { kind: 'key', algorithm, publicKey: bits.subarray(1) };
}

function parseRecipientInfo(whole: Buffer): RecipientInfo {
  switch (whole[0]) {
    case TAG.sequence:
      return parseKeyTransport(enterWhole(whole, TAG.sequence));
    case KEKRI:
      return parseKeyEncryptionKey(enterWhole(whole, KEKRI));
    case PWRI:
      return parsePassword(enterWhole(whole, PWRI));
    case ORI:
      return parseOther(enterWhole(whole, ORI));
    default:
      return { kind: 'other', oid: `tag ${whole[0] ?? 0}` };
  }
}

function parseKeyTransport(fields: BerReader): RecipientInfo {
  readSmallInteger(fields);
  const recipient = readCertificateIdentifier(fields);
  return { kind: 'key-transport', recipient, ...readEncryptedKey(fields) };
}

function parseKeyEncryptionKey(fields: BerReader): RecipientInfo {
  readSmallInteger(fields);
  const keyIdentifier = readOctets(fields.enter(TAG.sequence));
  return { kind: 'key-encryption-key', keyIdentifier, ...readEncryptedKey(fields) };
}

function parsePassword(fields: BerReader): RecipientInfo {
  readSmallInteger(fields);
  let derivation: AlgorithmIdentifier | null = null;
  if (fields.peekTag() === 0xa0) {
    // [0] IMPLICIT: the same fields under another tag
    const retagged = Buffer.from(fields.readElement().whole);
    retagged[0] = TAG.sequence;
    derivation = parseAlgorithm(retagged);
  }
  return { kind: 'password', derivation, ...readEncryptedKey(fields) };
}

function readEncryptedKey(fields: BerReader): { algorithm: AlgorithmIdentifier; encryptedKey: Buffer } {
  const algorithm = readAlgorithm(fields);
  const encryptedKey = readOctets(fields);
  finish(fields, 'RecipientInfo');
  return { algorithm, encryptedKey };
}

function parseOther(fields: BerReader): RecipientInfo {
  const oid = parseOid(expect(fields, TAG.oid));
  if (oid !== ORI_KEM_OID) return { kind: 'other', oid };
  const kem = fields.enter(TAG.sequence);
  finish(fields, 'OtherRecipientInfo');
  readSmallInteger(kem);
  const recipient = readCertificateIdentifier(kem);
  const algorithm = readAlgorithm(kem);
  const ciphertext = readOctets(kem);
  const derivation = readAlgorithm(kem);
  const keyOctets = readSmallInteger(kem);
  const ukm = kem.peekTag() === 0xa0 ? explicitOctets(kem.readElement().whole, 0xa0) : null;
  const wrap = readAlgorithm(kem);
  const encryptedKey = readOctets(kem);
  finish(kem, 'KEMRecipientInfo');
  const facts = { recipient, algorithm, ciphertext, derivation, keyOctets, ukm, wrap, encryptedKey };
  return { kind: 'key-encapsulation', ...facts };
}

function explicitOctets(whole: Buffer, tag: number): Buffer {
  const inner = enterWhole(whole, tag);
  const octets = readOctets(inner);
  finish(inner, 'ukm');
  return octets;
}

function finish(reader: BerReader, what: string): void {
  if (!reader.atEnd) throw malformed(`${what} with a field too many`);
}

function malformed(detail: string): Error {
  return gatewayError('cms.malformed', detail);
}
