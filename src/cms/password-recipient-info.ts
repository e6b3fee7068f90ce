/**
 * PasswordRecipientInfo (RFC 5652 §6.2.4, RFC 3211): the content key under a password, with PBKDF2 (RFC 8018 §5.2) and
 * the double encryption of RFC 3211 §2.3.1 over AES-CBC.
 *
 * Only for objects that a person makes and opens: no message that the gateway seals has one. Many rounds run on the
 * thread pool. Nothing is checked of the password's strength.
 */
import { createCipheriv, pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import { der, derInteger, derNull, derOctetString, derOid, derSequence } from '../asn1/der-writer.ts';
import { gatewayError } from '../errors.ts';
import type { Entropy } from './signer.ts';

/** id-alg-PWRI-KEK (RFC 3211 §2.3), shared with the reader. */
export const PWRI_KEK_OID = '1.2.840.113549.1.9.16.3.9';
export const PBKDF2_OID = '1.2.840.113549.1.5.12';
/** Rounds of PBKDF2 with SHA-256 that are usual for passwords of people. */
export const PASSWORD_ROUNDS = 600_000;

const PASSWORD_RECIPIENT = 0xa3;
const HMAC_SHA256 = derSequence(derOid('1.2.840.113549.2.9'), derNull());
const SALT_OCTETS = 16;
const BLOCK_OCTETS = 16;
/** AES-CBC of the key-encryption key, by octets of the key. */
const CBC_OIDS: Readonly<Record<number, string>> = {
  16: '2.16.840.1.101.3.4.1.2',
  24: '2.16.840.1.101.3.4.1.22',
  32: '2.16.840.1.101.3.4.1.42',
};

const derive = promisify(pbkdf2);

/**
 * @param password UTF-8 octets; stays the caller's, who wipes it
 * @param contentKey 16, 24 or 32 octets
 * @param rounds of PBKDF2
 * @returns RecipientInfo, whole DER
 * @throws GatewayError crypto.failed
 */
export async function passwordRecipientInfo(
  password: Buffer,
  contentKey: Buffer,
  entropy: Entropy,
  rounds: number = PASSWORD_ROUNDS,
): Promise<Buffer> {
  const cipherOid = CBC_OIDS[contentKey.length];
  if (cipherOid === undefined) throw gatewayError('crypto.failed', `content key of ${contentKey.length} octets`);
  const salt = entropy.bytes(SALT_OCTETS);
  const iv = entropy.bytes(BLOCK_OCTETS);
  const block = keyBlock(contentKey, entropy);
  const key = await derive(password, salt, rounds, contentKey.length, 'sha256');
  const parameters = derSequence(derOctetString(salt), derInteger(rounds), derInteger(key.length), HMAC_SHA256);
  const wrapped = encryptTwice(key, iv, block);
  key.fill(0);
  block.fill(0);
  return der(
    PASSWORD_RECIPIENT,
    derInteger(0),
    der(0xa0, derOid(PBKDF2_OID), parameters),
    derSequence(derOid(PWRI_KEK_OID), derSequence(derOid(cipherOid), derOctetString(iv))),
    derOctetString(wrapped),
  );
}

/** Length, check octets, key, random padding to at least two blocks (RFC 3211 §2.3.1). */
function keyBlock(contentKey: Buffer, entropy: Entropy): Buffer {
  const octets = Math.max(2 * BLOCK_OCTETS, BLOCK_OCTETS * Math.ceil((4 + contentKey.length) / BLOCK_OCTETS));
  const block = Buffer.alloc(octets);
  block[0] = contentKey.length;
  for (let i = 0; i < 3; i++) block[1 + i] = ~(contentKey[i] ?? 0) & 0xff;
  contentKey.copy(block, 4);
  entropy.bytes(octets - 4 - contentKey.length).copy(block, 4 + contentKey.length);
  return block;
}

/** CBC goes on over both passes, so the second starts from the last block of the first (RFC 3211 §2.3.1). */
function encryptTwice(key: Buffer, iv: Buffer, block: Buffer): Buffer {
  const cipher = createCipheriv(`aes-${key.length * 8}-cbc`, key, iv).setAutoPadding(false);
  const twice = cipher.update(cipher.update(block));
  cipher.final();
  return twice;
}
