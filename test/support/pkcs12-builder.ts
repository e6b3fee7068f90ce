/**
 * PKCS #12 files made octet by octet (RFC 7292), so that each field can be set to something wrong on purpose. Nothing here
 * refuses. Rounds that are claimed and rounds that are computed are two numbers: a file may lie about its cost.
 */
import { createCipheriv, createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import {
  der,
  derContext,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derSequence,
} from '../../src/asn1/der-writer.ts';

export interface Pkcs12Options {
  readonly certificates: readonly Buffer[];
  /** PKCS #8, whole DER. */
  readonly keys: readonly Buffer[];
  readonly password?: string;
  /** PBKDF2 rounds computed and written. */
  readonly rounds?: number;
  /** Written instead of `rounds`. */
  readonly claimedRounds?: number | bigint;
  /** Written instead of the 1 round that is computed for the MAC. */
  readonly claimedMacRounds?: number | bigint;
  /** False leaves the MAC out. */
  readonly mac?: boolean;
  /** OID of the MAC's digest, or of PBMAC1; what is computed stays SHA-256. */
  readonly macAlgorithm?: string;
  /** OID of the encryption scheme instead of PBES2. */
  readonly scheme?: string;
  /** OID of the key derivation instead of PBKDF2. */
  readonly derivation?: string;
  /** The password's form in the MAC when it is empty: two zero octets, or none. */
  readonly emptyPassword?: 'zeros' | 'nothing';
  /** Number of extra bags without meaning. */
  readonly extraBags?: number;
}

const DATA = derOid('1.2.840.113549.1.7.1');
const ENCRYPTED_DATA = derOid('1.2.840.113549.1.7.6');
const SHA256 = '2.16.840.1.101.3.4.2.1';

/** One file. */
export function makePkcs12(options: Pkcs12Options): Buffer {
  const certificateBags = options.certificates.map((certificate) => {
    const bag = derSequence(derOid('1.2.840.113549.1.9.22.1'), derContext(0, derOctetString(certificate)));
    return derSequence(derOid('1.2.840.113549.1.12.10.1.3'), derContext(0, bag));
  });
  const keyBags = options.keys.map((key) => {
    const { algorithm, ciphertext } = encrypt(key, options);
    const bag = derSequence(algorithm, derOctetString(ciphertext));
    return derSequence(derOid('1.2.840.113549.1.12.10.1.2'), derContext(0, bag));
  });
  const secret = derSequence(derOid('1.2.3.4'), derContext(0, derOctetString(Buffer.of(1))));
  const secretBag = derSequence(derOid('1.2.840.113549.1.12.10.1.5'), derContext(0, secret));
  for (let i = 0; i < (options.extraBags ?? 0); i++) keyBags.push(secretBag);
  const { algorithm, ciphertext } = encrypt(derSequence(...certificateBags), options);
  const encryptedData = derSequence(derInteger(0), derSequence(DATA, algorithm, der(0x80, ciphertext)));
  const authenticatedSafe = derSequence(
    derSequence(ENCRYPTED_DATA, derContext(0, encryptedData)),
    derSequence(DATA, derContext(0, derOctetString(derSequence(...keyBags)))),
  );
  const authSafe = derSequence(DATA, derContext(0, derOctetString(authenticatedSafe)));
  const mac = options.mac === false ? [] : [macData(authenticatedSafe, options)];
  return derSequence(derInteger(3), authSafe, ...mac);
}

function encrypt(content: Buffer, options: Pkcs12Options): { algorithm: Buffer; ciphertext: Buffer } {
  const { password = '', rounds = 1000 } = options;
  const salt = randomBytes(16);
  const iv = randomBytes(16);
  const cipher = createCipheriv('aes-256-cbc', pbkdf2Sync(password, salt, rounds, 32, 'sha256'), iv);
  const ciphertext = Buffer.concat([cipher.update(content), cipher.final()]);
  const prf = derSequence(derOid('1.2.840.113549.2.9'), derNull());
  const kdf = derSequence(
    derOid(options.derivation ?? '1.2.840.113549.1.5.12'),
    derSequence(derOctetString(salt), derInteger(options.claimedRounds ?? rounds), prf),
  );
  const aes = derSequence(derOid('2.16.840.1.101.3.4.1.42'), derOctetString(iv));
  const parameters = derSequence(kdf, aes);
  return { algorithm: derSequence(derOid(options.scheme ?? '1.2.840.113549.1.5.13'), parameters), ciphertext };
}

function macData(content: Buffer, options: Pkcs12Options): Buffer {
  const password = Buffer.from(`${options.password ?? ''}\0`, 'utf16le').swap16();
  const salt = randomBytes(8);
  const input = [Buffer.alloc(64, 3), Buffer.alloc(64, salt)];
  if (options.emptyPassword !== 'nothing') {
    input.push(Buffer.alloc(64 * Math.ceil(password.length / 64), password));
  }
  const key = createHash('sha256').update(Buffer.concat(input)).digest();
  const mac = createHmac('sha256', key).update(content).digest();
  const algorithm = derSequence(derOid(options.macAlgorithm ?? SHA256), derNull());
  const digestInfo = derSequence(algorithm, derOctetString(mac));
  return derSequence(digestInfo, derOctetString(salt), derInteger(options.claimedMacRounds ?? 1));
}
