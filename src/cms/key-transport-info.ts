/**
 * KeyTransRecipientInfo (RFC 5652 §6.2.1): RSAES-PKCS1-v1_5 (RFC 3370 §4.2.1) or RSAES-OAEP (RFC 3560).
 *
 * The padding is made here so that all randomness comes from `entropy` and MGF1 may have a hash of its own.
 */
import { constants, publicEncrypt } from 'node:crypto';
import { derInteger, derOctetString, derSequence } from '../asn1/der-writer.ts';
import { gatewayError } from '../errors.ts';
import type { Certificate } from '../x509/certificate.ts';
import { CONTENT_CIPHERS } from './algorithms/content-ciphers.ts';
import { DIGESTS } from './algorithms/digests.ts';
import { oaepAlgorithm, oaepCapacity, oaepEncode, RSA_ENCRYPTION } from './algorithms/key-transports.ts';
import type { Preparation } from './preparation.ts';
import type { CryptoProfile } from './profile.ts';
import { recipientIdentifier } from './recipient-identifiers.ts';
import type { Entropy } from './signer.ts';

/** Draws for the padding before a source of entropy that yields only zeros is called broken. */
const PADDING_DRAWS_MAX = 64;

/** @param certificate of a key of kind `rsa` that is not weak @throws GatewayError x509.malformed */
export function prepareTransport(certificate: Certificate, profile: CryptoProfile): Preparation {
  const { bits } = certificate.key;
  if (bits < profile.rsaBitsMin) {
    return { ok: false, reason: `RSA of ${bits} bits, profile ${profile.name} needs at least ${profile.rsaBitsMin}` };
  }
  const modulusOctets = Math.ceil(bits / 8);
  const { keyTransport, oaepHash, oaepMaskHash } = profile;
  const oaep = keyTransport === 'rsa-oaep';
  if (oaep && oaepCapacity(oaepHash, modulusOctets) < CONTENT_CIPHERS[profile.content].keyOctets) {
    return { ok: false, reason: `RSA of ${bits} bits is too short for OAEP with ${oaepHash}` };
  }
  const rid = recipientIdentifier(certificate, profile);
  const whole = derSequence(
    derInteger(rid.byKeyIdentifier ? 2 : 0),
    rid.der,
    oaep ? oaepAlgorithm(oaepHash, oaepMaskHash) : RSA_ENCRYPTION,
    derOctetString(Buffer.alloc(modulusOctets)),
  );
  const head = whole.subarray(0, whole.length - modulusOctets);
  const key = { key: certificate.key.keyObject(), padding: constants.RSA_NO_PADDING };
  // lent to one encryption after the other, and wiped by each: nothing runs between the two
  const block = Buffer.alloc(modulusOctets);
  const encode = oaep
    ? (contentKey: Buffer, entropy: Entropy) =>
        oaepEncode(contentKey, entropy.bytes(DIGESTS[oaepHash].octets), oaepHash, oaepMaskHash, modulusOctets)
    : (contentKey: Buffer, entropy: Entropy) => pkcs1Encode(contentKey, block, entropy);
  return {
    ok: true,
    encrypt(contentKey, entropy) {
      const encoded = encode(contentKey, entropy);
      let encrypted: Buffer;
      try {
        encrypted = publicEncrypt(key, encoded);
      } finally {
        encoded.fill(0);
      }
      if (encrypted.length !== modulusOctets) throw gatewayError('crypto.failed', 'RSA result of a wrong size');
      return Buffer.concat([head, encrypted]);
    },
  };
}

/** EME-PKCS1-v1_5 (RFC 8017 §7.2.1 step 2). @param encoded as long as the modulus; is written over @returns it */
function pkcs1Encode(contentKey: Buffer, encoded: Buffer, entropy: Entropy): Buffer {
  const separator = encoded.length - contentKey.length - 1;
  encoded[0] = 0;
  encoded[1] = 2;
  let at = 2;
  for (let draws = 0; at < separator; draws++) {
    if (draws >= PADDING_DRAWS_MAX) throw gatewayError('crypto.failed', 'the source of random octets yields zeros');
    const drawn = entropy.bytes(separator - at);
    // by index: an iterator over 200 octets costs a tenth of the RSA operation
    for (let from = 0; from < drawn.length; from++) {
      const octet = drawn[from] ?? 0;
      encoded[at] = octet;
      // a zero is written over by the next octet: it would end the padding
      if (octet !== 0) at++;
    }
  }
  encoded[separator] = 0;
  contentKey.copy(encoded, separator + 1);
  return encoded;
}
