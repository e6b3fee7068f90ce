/**
 * Parameters of a password recipient (RFC 5652 §6.2.4, RFC 3211, RFC 8018 §A.2): PBKDF2 and the cipher of the double
 * encryption. Refused with cms.unsupported: other derivations and ciphers; with cms.limits: more rounds than
 * {@link READER_LIMITS.passwordRounds} (catalogue C23).
 */
import { BerReader } from '../asn1/ber-reader.ts';
import { TAG } from '../asn1/der-writer.ts';
import { gatewayError } from '../errors.ts';
import {
  type AlgorithmIdentifier,
  enterWhole,
  parseAlgorithm,
  readAlgorithm,
  readOctets,
  readSmallInteger,
} from './ber-field-reader.ts';
import { PBKDF2_OID, PWRI_KEK_OID } from './password-recipient-info.ts';
import { READER_LIMITS } from './reader-limits.ts';
import type { RecipientInfo } from './unwrapper.ts';

export interface PasswordParameters {
  /** Name that node:crypto knows the cipher by. */
  readonly cipher: string;
  readonly keyOctets: number;
  /** As long as a block of the cipher. */
  readonly iv: Buffer;
  readonly salt: Buffer;
  readonly rounds: number;
  /** Hash of the HMAC. */
  readonly hash: string;
}

const PRFS: Readonly<Record<string, string>> = {
  '1.2.840.113549.2.7': 'sha1',
  '1.2.840.113549.2.8': 'sha224',
  '1.2.840.113549.2.9': 'sha256',
  '1.2.840.113549.2.10': 'sha384',
  '1.2.840.113549.2.11': 'sha512',
};

/** Ciphers of the double encryption: name, octets of the key, octets of a block. */
const CIPHERS: Readonly<Record<string, readonly [string, number, number]>> = {
  '2.16.840.1.101.3.4.1.2': ['aes-128-cbc', 16, 16],
  '2.16.840.1.101.3.4.1.22': ['aes-192-cbc', 24, 16],
  '2.16.840.1.101.3.4.1.42': ['aes-256-cbc', 32, 16],
  '1.2.840.113549.3.7': ['des-ede3-cbc', 24, 8],
};

/** @param info attacker-chosen */
export function readPasswordParameters(info: Extract<RecipientInfo, { kind: 'password' }>): PasswordParameters {
  if (info.algorithm.oid !== PWRI_KEK_OID || info.algorithm.parameters === null) {
    throw gatewayError('cms.unsupported', `password key encryption ${info.algorithm.oid}`);
  }
  const inner = parseAlgorithm(info.algorithm.parameters);
  const known = CIPHERS[inner.oid];
  if (known === undefined) throw gatewayError('cms.unsupported', `cipher ${inner.oid} under a password`);
  if (info.derivation === null) throw gatewayError('cms.unsupported', 'password recipient without key derivation');
  const [cipher, keyOctets, blockOctets] = known;
  const iv = inner.parameters === null ? null : readOctets(BerReader.over(inner.parameters));
  if (iv?.length !== blockOctets) throw gatewayError('cms.malformed', `IV of ${iv?.length ?? 0} octets with ${cipher}`);
  return { cipher, keyOctets, iv, ...readDerivation(info.derivation, keyOctets) };
}

function readDerivation(
  derivation: AlgorithmIdentifier,
  octets: number,
): Pick<PasswordParameters, 'salt' | 'rounds' | 'hash'> {
  if (derivation.oid !== PBKDF2_OID || derivation.parameters === null) {
    throw gatewayError('cms.unsupported', `key derivation ${derivation.oid}`);
  }
  const fields = enterWhole(derivation.parameters, TAG.sequence);
  const salt = readOctets(fields);
  const rounds = readSmallInteger(fields);
  if (rounds < 1 || rounds > READER_LIMITS.passwordRounds) {
    throw gatewayError('cms.limits', `more than ${READER_LIMITS.passwordRounds} rounds of key derivation`);
  }
  if (fields.peekTag() === TAG.integer && readSmallInteger(fields) !== octets) {
    throw gatewayError('cms.malformed', 'derived key of another length than the cipher');
  }
  const hash = fields.atEnd ? 'sha1' : PRFS[readAlgorithm(fields).oid];
  if (hash === undefined) throw gatewayError('cms.unsupported', 'pseudo-random function of PBKDF2');
  return { salt, rounds, hash };
}
