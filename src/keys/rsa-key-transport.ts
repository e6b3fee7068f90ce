/**
 * Decrypts content keys with an RSA key: RSAES-PKCS1-v1_5 with implicit rejection, and RSAES-OAEP with any hash, MGF1
 * hash and label (RFC 8017 §7, RFC 3218 §2.3.2, RFC 3560; catalogue C17).
 *
 * A PKCS #1 v1.5 block that is wrong in any way gives a key that depends on private key and ciphertext alone, in the
 * same time and without a branch on decrypted octets; so nobody outside learns which block was right, and the same
 * block always gives the same key. Node before 22 refuses that padding altogether, so the block is decrypted raw and
 * taken apart here; a start-up test chooses the way that this process has.
 */
import {
  constants,
  createHash,
  createHmac,
  createPublicKey,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
} from 'node:crypto';
import { DIGESTS } from '../cms/algorithms/digests.ts';
import { xorMask } from '../cms/algorithms/key-transports.ts';
import type { OaepParameters } from '../cms/oaep-parameters-reader.ts';
import { gatewayError } from '../errors.ts';

type Way = 'raw' | 'native';

/** One private key. Safe to use for many messages at the same time. */
export class RsaKeyTransport {
  private readonly key: KeyObject;
  private readonly modulusOctets: number;
  private readonly way: Way;
  /** Makes the substitute keys; comes from the private exponent by a one-way function. */
  private readonly rejectionKey: Buffer;
  /** A block that stands in for one of a wrong size, so that as much work is done. */
  private readonly standIn: Buffer;

  /** @throws GatewayError cms.unsupported when this process can decrypt PKCS #1 v1.5 in no safe way */
  constructor(key: KeyObject) {
    this.key = key;
    this.modulusOctets = Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8);
    const exponent = Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url');
    this.rejectionKey = createHash('sha256').update('implicit rejection').update(exponent).digest();
    exponent.fill(0);
    this.standIn = Buffer.alloc(this.modulusOctets, this.rejectionKey);
    this.standIn[0] = 0;
    this.way = chooseWay(key, this.standIn);
  }

  /**
   * RSAES-PKCS1-v1_5. Never fails.
   * @param encryptedKey attacker-chosen
   * @param octets length of the content key
   * @returns the content key, or one that fits nothing
   */
  unwrapPkcs1(encryptedKey: Buffer, octets: number): Buffer {
    const substitute = this.substitute(encryptedKey, octets);
    const fits = encryptedKey.length === this.modulusOctets;
    const block = this.decryptBlock(fits ? encryptedKey : this.standIn);
    const good = block.bad | (fits ? 0 : 1);
    return select(
      this.way === 'raw' ? pkcs1Message(block.octets, octets, good) : nativeMessage(block.octets, octets, good),
      substitute,
    );
  }

  /** RSAES-OAEP. @returns null when it does not decrypt to that many octets */
  unwrapOaep(encryptedKey: Buffer, octets: number, parameters: OaepParameters): Buffer | null {
    const { hash, maskHash, label } = parameters;
    if (encryptedKey.length !== this.modulusOctets) return null;
    try {
      const message =
        hash === maskHash
          ? privateDecrypt(
              { key: this.key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hash, oaepLabel: label },
              encryptedKey,
            )
          : oaepMessage(privateDecrypt({ key: this.key, padding: constants.RSA_NO_PADDING }, encryptedKey), parameters);
      return message !== null && message.length === octets ? message : null;
    } catch {
      return null;
    }
  }

  /** One private operation whatever comes in: a number past the modulus is replaced as well. */
  private decryptBlock(encrypted: Buffer): { octets: Buffer; bad: number } {
    const padding = this.way === 'raw' ? constants.RSA_NO_PADDING : constants.RSA_PKCS1_PADDING;
    try {
      return { octets: privateDecrypt({ key: this.key, padding }, encrypted), bad: 0 };
    } catch {
      return { octets: privateDecrypt({ key: this.key, padding }, this.standIn), bad: 1 };
    }
  }

  private substitute(encryptedKey: Buffer, octets: number): Buffer {
    const blocks: Buffer[] = [];
    for (let made = 0, count = 0; made < octets; made += 32, count++) {
      blocks.push(createHmac('sha256', this.rejectionKey).update(Buffer.of(count)).update(encryptedKey).digest());
    }
    return Buffer.concat(blocks, octets);
  }
}

/** Raw decryption where it works, else OpenSSL's own implicit rejection (3.2 and later), else none. */
function chooseWay(key: KeyObject, block: Buffer): Way {
  const publicKey = createPublicKey(key);
  const encrypted = publicEncrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, block);
  try {
    if (privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, encrypted).equals(block)) return 'raw';
  } catch {
    // a key that refuses raw operations
  }
  try {
    // the block is no PKCS #1 block: a decryption that says so is an oracle
    privateDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, encrypted);
    return 'native';
  } catch (thrown) {
    throw gatewayError('cms.unsupported', 'no RSA key transport without a padding oracle in this process', thrown);
  }
}

/** A message and, in `bad`, 0 when it is to be used. */
interface Candidate {
  readonly message: Buffer;
  readonly bad: number;
}

/** 00 02, non-zero octets, 00, message of the length that is wanted (RFC 8017 §7.2.2); no branch on the octets. */
function pkcs1Message(block: Buffer, octets: number, already: number): Candidate {
  const separator = block.length - octets - 1;
  // a modulus too small for the key is a fact of the key, not of the octets
  if (separator < 10) return { message: Buffer.alloc(octets), bad: 1 };
  let bad = already | (block[0] ?? 1) | ((block[1] ?? 0) ^ 2) | (block[separator] ?? 1);
  for (let i = 2; i < separator; i++) bad |= (((block[i] ?? 0) - 1) >>> 8) & 1;
  return { message: block.subarray(separator + 1), bad };
}

/** OpenSSL's implicit rejection gives a message of any length: one of another length is not used. */
function nativeMessage(message: Buffer, octets: number, already: number): Candidate {
  const padded = Buffer.alloc(octets);
  message.copy(padded);
  return { message: padded, bad: already | (message.length ^ octets) };
}

function select({ message, bad }: Candidate, substitute: Buffer): Buffer {
  const mask = (bad | -bad) >> 31;
  const chosen = Buffer.alloc(substitute.length);
  for (let i = 0; i < chosen.length; i++) {
    chosen[i] = ((message[i] ?? 0) & ~mask) | ((substitute[i] ?? 0) & mask);
  }
  return chosen;
}

/** EME-OAEP decoding (RFC 8017 §7.1.2 step 3) for an MGF1 hash of its own, which OpenSSL is not asked for by Node. */
function oaepMessage(block: Buffer, { hash, maskHash, label }: OaepParameters): Buffer | null {
  const hashOctets = DIGESTS[hash].octets;
  const seed = block.subarray(1, 1 + hashOctets);
  const data = block.subarray(1 + hashOctets);
  if (data.length < hashOctets + 1) return null;
  xorMask(seed, data, maskHash as 'sha256');
  xorMask(data, seed, maskHash as 'sha256');
  const labelHash = createHash(hash).update(label).digest();
  let bad = block[0] ?? 1;
  for (let i = 0; i < hashOctets; i++) bad |= (data[i] ?? 0) ^ (labelHash[i] ?? 0);
  // the first 01 after zeros: found without stopping, so that where it stands does not show (Manger's attack)
  let start = 0;
  let looking = 1;
  for (let i = hashOctets; i < data.length; i++) {
    const octet = data[i] ?? 0;
    const isOne = (((octet ^ 1) - 1) >>> 31) & 1;
    const isZero = ((octet - 1) >>> 31) & 1;
    start |= (i + 1) * (looking & isOne);
    bad |= looking & (isOne ^ 1) & (isZero ^ 1);
    looking &= isOne ^ 1;
  }
  return (bad | looking) === 0 ? Buffer.from(data.subarray(start)) : null;
}
