/**
 * RecipientInfos and algorithm parameters that are wrong on purpose, field by field: for each field what may stand there and
 * what a reader must make of it. The sound form is always among them.
 */
import {
  der,
  derBitString,
  derContext,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derSequence,
} from '../../src/asn1/der-writer.ts';

/** What is right of a field may also be `opened`: alone it changes nothing. */
export type Verdict = 'opened' | 'malformed' | 'unsupported' | 'not-for-me' | 'cannot-decrypt' | 'limit';

/** One thing that a field may be. */
export interface Oddity {
  readonly name: string;
  readonly octets: Buffer;
  readonly verdict: Verdict;
}

export type OddField = readonly Oddity[];

export function odd(name: string, octets: Buffer, verdict: Verdict): Oddity {
  return { name, octets, verdict };
}

export const NOTHING = Buffer.alloc(0);
const NULL = derNull();
const UNKNOWN = derOid('1.3.6.1.4.1.99999.1');

/** `0` is sound for every RecipientInfo: version numbers are not judged (RFC 8551 §3.5.3.3's own sample is wrong). */
export const VERSIONS: OddField = [
  odd('0', derInteger(0), 'opened'),
  odd('3', derInteger(3), 'opened'),
  odd('99', derInteger(99), 'opened'),
  odd('negative', der(0x02, Buffer.of(0xff)), 'malformed'),
  odd('empty', der(0x02), 'malformed'),
  odd('of 20 octets', der(0x02, Buffer.alloc(20, 1)), 'malformed'),
  odd('OCTET STRING', derOctetString(Buffer.of(0)), 'malformed'),
  odd('missing', NOTHING, 'malformed'),
];

/** Of a KeyAgreeRecipientInfo the version is passed over unread. */
export const UNREAD_VERSIONS: OddField = VERSIONS.map((oddity) =>
  oddity.octets[0] === 0x02 ? { ...oddity, verdict: 'opened' } : oddity,
);

/** @param sound issuerAndSerialNumber @param keyIdentifier of the same certificate */
export function namesOf(sound: Buffer, keyIdentifier: Buffer, inSequence: boolean): OddField {
  const byKey = (octets: Buffer): Buffer => (inSequence ? der(0xa0, derOctetString(octets)) : der(0x80, octets));
  const otherSerial = Buffer.from(sound);
  otherSerial[otherSerial.length - 1] = (otherSerial.at(-1) ?? 0) ^ 1;
  return [
    odd('issuer and serial', sound, 'opened'),
    odd('key identifier', byKey(keyIdentifier), 'opened'),
    odd('other serial', otherSerial, 'not-for-me'),
    odd('other key identifier', byKey(Buffer.alloc(20, 7)), 'not-for-me'),
    odd('empty key identifier', byKey(NOTHING), 'not-for-me'),
    odd('three fields', derSequence(sound.subarray(4), NULL), 'malformed'),
    odd('NULL', NULL, 'malformed'),
    odd('missing', NOTHING, 'malformed'),
  ];
}

/** @param tag of the `[n] EXPLICIT` round it */
export function ukmsOf(tag: number): OddField {
  return [
    odd('absent', NOTHING, 'opened'),
    odd('some octets', der(tag, derOctetString(Buffer.from('other'))), 'cannot-decrypt'),
    odd('no octets', der(tag, derOctetString(NOTHING)), 'cannot-decrypt'),
    odd('30,000 octets', der(tag, derOctetString(Buffer.alloc(30_000))), 'cannot-decrypt'),
    odd('INTEGER', der(tag, derInteger(1)), 'malformed'),
    odd('two strings', der(tag, derOctetString(Buffer.of(1)), derOctetString(Buffer.of(2))), 'malformed'),
    odd('nothing inside', der(tag), 'malformed'),
    odd('IMPLICIT', der(tag & ~0x20, Buffer.from('octets')), 'malformed'),
  ];
}

/** @param sound as it stands in the sound object */
export function wrappedKeysOf(sound: Buffer): OddField {
  const changed = Buffer.from(sound);
  changed[3] = (changed[3] ?? 0) ^ 0x10;
  return [
    odd('right', derOctetString(sound), 'opened'),
    odd(
      'right, in pieces',
      der(0x24, derOctetString(sound.subarray(0, 5)), derOctetString(sound.subarray(5))),
      'opened',
    ),
    odd('changed', derOctetString(changed), 'cannot-decrypt'),
    ...[0, 7, 8, 16, 24, 39, 41, 48, 4096].map((octets) =>
      odd(`${octets} octets`, derOctetString(Buffer.alloc(octets, 5)), 'cannot-decrypt'),
    ),
    odd('INTEGER', derInteger(5), 'malformed'),
    odd('missing', NOTHING, 'malformed'),
  ];
}

export const TRAILS: OddField = [
  odd('nothing', NOTHING, 'opened'),
  odd('NULL behind', NULL, 'malformed'),
  odd('two more', Buffer.concat([derOctetString(Buffer.alloc(40)), derOctetString(Buffer.alloc(40))]), 'malformed'),
  odd('SEQUENCE behind', derSequence(), 'malformed'),
];

/** AlgorithmIdentifiers round one sound OID. @param others OIDs that are known and wrong here */
export function algorithmsOf(oid: string, others: Readonly<Record<string, Verdict>>, nullToo: Verdict): Oddity[] {
  const sound = derOid(oid);
  return [
    odd('sound', derSequence(sound), 'opened'),
    odd('with NULL', derSequence(sound, NULL), nullToo),
    odd('unknown', derSequence(UNKNOWN), 'unsupported'),
    odd('unknown with parameters', derSequence(UNKNOWN, derSequence(sound)), 'unsupported'),
    ...Object.entries(others).map(([other, verdict]) => odd(other, derSequence(derOid(other)), verdict)),
    odd('three fields', derSequence(sound, NULL, NULL), 'malformed'),
    odd('empty', derSequence(), 'malformed'),
    odd('INTEGER for OID', derSequence(derInteger(1)), 'malformed'),
    odd('the OID alone', sound, 'malformed'),
    odd('missing', NOTHING, 'malformed'),
  ];
}

/** originatorKey: `[0] { [1] { algorithm, BIT STRING } }`. */
export function originatorKey(algorithm: Buffer, bits: Buffer): Buffer {
  return derContext(0, derContext(1, algorithm, bits));
}

export function bitString(octets: Buffer, unused = 0): Buffer {
  const whole = derBitString(octets);
  whole[whole.length - octets.length - 1] = unused;
  return whole;
}
