/**
 * RecipientInfos of the second implementation, written and opened: key transport (RFC 5652 §6.2.1, RFC 3560), key
 * agreement (RFC 5753, RFC 8418), KEMRecipientInfo with ML-KEM (RFC 9629, RFC 9936).
 */

import { hkdf } from '@noble/hashes/hkdf.js';
import {
  type Algorithm,
  algorithm,
  algorithmOf,
  at,
  type Block,
  bitString,
  context,
  contextOctets,
  encode,
  encoded,
  integer,
  numberOf,
  octetString,
  oid,
  oidOf,
  sequence,
  type Value,
} from './asn1.ts';
import { bitsOf, type PartyCertificate, type PrivateKey } from './keys.ts';
import { EXCHANGES, HASH_OID, HKDFS, hashOf, KEMS, OID, SCHEMES, unwrap, WRAPS, wrap, x963 } from './primitives.ts';
import { padOaep, padPkcs1, power, rsaPrivate, rsaPublic, unpadOaep, unpadPkcs1 } from './rsa.ts';

/** How a content key goes to one recipient; what is left out is the usual. */
export interface RecipientWay {
  readonly transport?: 'rsa-pkcs1' | 'rsa-oaep' | null;
  readonly oaepHash?: string;
  readonly oaepMaskHash?: string;
  /** OID of the key agreement scheme. */
  readonly scheme?: string;
  /** OID of the KDF after a KEM. */
  readonly kdf?: string;
  readonly ukm?: Buffer;
  readonly byKeyIdentifier?: boolean;
  /** NULL beside the key wrap. */
  readonly wrapNull?: boolean;
}

const AGREEMENT_SCHEME: Readonly<Record<string, string>> = {
  [OID.x25519]: '1.2.840.113549.1.9.16.3.19',
  [OID.x448]: '1.2.840.113549.1.9.16.3.21',
};

export function recipientInfo(contentKey: Buffer, to: PartyCertificate, way: RecipientWay): Block {
  if (to.key.oid === OID.rsaEncryption) return transportInfo(contentKey, to, way);
  return KEMS[to.key.oid] === undefined ? agreementInfo(contentKey, to, way) : kemInfo(contentKey, to, way);
}

function recipientName(to: PartyCertificate, way: RecipientWay): Block {
  if (way.byKeyIdentifier !== true) return sequence(encoded(to.issuer), encoded(to.serial));
  return contextOctets(0, to.keyIdentifier ?? Buffer.alloc(0));
}

function transportInfo(contentKey: Buffer, to: PartyCertificate, way: RecipientWay): Block {
  const key = rsaPublic(to.key.octets);
  const hash = way.oaepHash ?? HASH_OID.sha256;
  const mask = way.oaepMaskHash ?? hash;
  const oaep = way.transport === 'rsa-oaep';
  const parameters = sequence(context(0, algorithm(hash)), context(1, algorithm(OID.mgf1, algorithm(mask))));
  const block = oaep ? padOaep(contentKey, key.octets, hashOf(hash), hashOf(mask)) : padPkcs1(contentKey, key.octets);
  return sequence(
    integer(way.byKeyIdentifier === true ? 2 : 0),
    recipientName(to, way),
    oaep ? algorithm(OID.oaep, parameters) : algorithm(OID.rsaEncryption, encoded(Buffer.from([5, 0]))),
    octetString(power(key, block)),
  );
}

function wrapFor(contentKey: Buffer, way: RecipientWay): { name: string; identifier: Block } {
  const name = Object.keys(WRAPS).find((candidate) => WRAPS[candidate] === contentKey.length) ?? '';
  return { name, identifier: way.wrapNull === true ? algorithm(name, encoded(Buffer.from([5, 0]))) : algorithm(name) };
}

function sharedInfo(keyInfo: Block, octets: number, ukm: Buffer | undefined): Buffer {
  const bits = Buffer.alloc(4);
  bits.writeUInt32BE(octets * 8);
  const entity = ukm === undefined ? [] : [context(0, octetString(ukm))];
  return encode(sequence(keyInfo, ...entity, context(2, octetString(bits))));
}

function agreedKey(scheme: string, secret: Uint8Array, info: Buffer, octets: number, ukm: Buffer | undefined): Buffer {
  const found = SCHEMES[scheme];
  if (found === undefined) throw new Error(`no key agreement ${scheme}`);
  return found.hkdf ? Buffer.from(hkdf(found.hash, secret, ukm, info, octets)) : x963(found.hash, secret, info, octets);
}

function agreementInfo(contentKey: Buffer, to: PartyCertificate, way: RecipientWay): Block {
  const exchange = EXCHANGES[to.key.oid];
  if (exchange === undefined) throw new Error(`no key agreement with ${to.key.oid}`);
  const scheme = way.scheme ?? AGREEMENT_SCHEME[to.key.oid] ?? '1.3.132.1.11.1';
  const { secretKey, publicKey } = exchange.keygen();
  const { name, identifier } = wrapFor(contentKey, way);
  const info = sharedInfo(identifier, contentKey.length, way.ukm);
  const key = agreedKey(scheme, exchange.secret(secretKey, to.key.octets), info, contentKey.length, way.ukm);
  const montgomery = to.key.oid === OID.x25519 || to.key.oid === OID.x448;
  const originator = context(1, algorithm(montgomery ? to.key.oid : OID.ecPublicKey), bitString(publicKey));
  const rid =
    way.byKeyIdentifier === true
      ? context(0, octetString(to.keyIdentifier ?? Buffer.alloc(0)))
      : recipientName(to, way);
  return context(
    1,
    integer(3),
    context(0, originator),
    ...(way.ukm === undefined ? [] : [context(1, octetString(way.ukm))]),
    algorithm(scheme, identifier),
    sequence(sequence(rid, octetString(wrap(name, key, contentKey)))),
  );
}

function otherInfo(wrapIdentifier: Block, octets: number, ukm: Buffer | undefined): Buffer {
  const material = ukm === undefined ? [] : [context(0, octetString(ukm))];
  return encode(sequence(wrapIdentifier, integer(octets), ...material));
}

function kemInfo(contentKey: Buffer, to: PartyCertificate, way: RecipientWay): Block {
  const kem = KEMS[to.key.oid];
  const kdf = way.kdf ?? '1.2.840.113549.1.9.16.3.28';
  const hash = HKDFS[kdf];
  if (kem === undefined || hash === undefined) throw new Error(`no KEM ${to.key.oid} or KDF ${kdf}`);
  const { cipherText, sharedSecret } = kem.encapsulate(to.key.octets);
  const { name, identifier } = wrapFor(contentKey, way);
  const info = otherInfo(identifier, contentKey.length, way.ukm);
  const key = Buffer.from(hkdf(hash, sharedSecret, undefined, info, contentKey.length));
  const value = sequence(
    integer(0),
    recipientName(to, way),
    algorithm(to.key.oid),
    octetString(cipherText),
    algorithm(kdf),
    integer(contentKey.length),
    ...(way.ukm === undefined ? [] : [context(0, octetString(way.ukm))]),
    identifier,
    octetString(wrap(name, key, contentKey)),
  );
  return context(4, oid(OID.oriKem), value);
}

/** The content key, from the first RecipientInfo that names this certificate. */
export function openRecipientInfos(infos: Value, to: PartyCertificate, key: PrivateKey): Buffer {
  for (const info of infos.children) {
    const opened =
      info.tag === 0x30
        ? openTransport(info, to, key)
        : info.tag === 0xa1
          ? openAgreement(info, to, key)
          : info.tag === 0xa4
            ? openKem(info, to, key)
            : null;
    if (opened !== null) return opened;
  }
  throw new Error('not for this certificate');
}

function names(rid: Value, to: PartyCertificate): boolean {
  if (rid.tag === 0x30) return at(rid, 0).whole.equals(to.issuer) && at(rid, 1).whole.equals(to.serial);
  return (rid.tag === 0xa0 ? at(rid, 0) : rid).content.equals(to.keyIdentifier ?? Buffer.alloc(0));
}

function openTransport(info: Value, to: PartyCertificate, key: PrivateKey): Buffer | null {
  if (!names(at(info, 1), to)) return null;
  const { oid: name, parameters } = algorithmOf(at(info, 2));
  const block = power(rsaPrivate(key.field), at(info, 3).content);
  if (name === OID.rsaEncryption) {
    if (parameters?.tag !== 0x05) throw new Error('rsaEncryption without NULL');
    return unpadPkcs1(block);
  }
  if (name !== OID.oaep || parameters === null) throw new Error(`no key transport ${name}`);
  const [hash, mask] = [0xa0, 0xa1].map((tag) => parameters.children.find((child) => child.tag === tag));
  const hashOid = hash === undefined ? HASH_OID.sha1 : oidOf(at(at(hash, 0), 0));
  const maskOid = mask === undefined ? HASH_OID.sha1 : oidOf(at(at(at(mask, 0), 1), 0));
  return unpadOaep(block, hashOf(hashOid), hashOf(maskOid));
}

function openAgreement(info: Value, to: PartyCertificate, key: PrivateKey): Buffer | null {
  const exchange = EXCHANGES[to.key.oid];
  const ukmField = at(info, 2).tag === 0xa1 ? at(info, 2) : null;
  const ukm = ukmField === null ? undefined : at(ukmField, 0).content;
  const [scheme, keys] = ukmField === null ? [at(info, 2), at(info, 3)] : [at(info, 3), at(info, 4)];
  const mine = keys.children.find((one) => names(at(one, 0), to));
  if (mine === undefined || exchange === undefined) return null;
  if (numberOf(at(info, 0)) !== 3) throw new Error('KeyAgreeRecipientInfo of another version');
  const originator = at(at(info, 1), 0);
  if (originator.tag !== 0xa1) throw new Error('no originatorKey');
  const { oid: name, parameters } = algorithmOf(scheme);
  if (parameters === null) throw new Error('no key wrap');
  const octets = WRAPS[oidOf(at(parameters, 0))] ?? 0;
  const secret = exchange.secret(key.octets, bitsOf(at(originator, 1)));
  const derived = agreedKey(name, secret, sharedInfo(encoded(parameters.whole), octets, ukm), octets, ukm);
  return unwrap(oidOf(at(parameters, 0)), derived, at(mine, 1).content);
}

function openKem(info: Value, to: PartyCertificate, key: PrivateKey): Buffer | null {
  if (oidOf(at(info, 0)) !== OID.oriKem) return null;
  const fields = [...at(info, 1).children];
  const [version, rid, kemField, ciphertext, kdf, length, ...rest] = fields;
  if (!version || !rid || !kemField || !ciphertext || !kdf || !length) throw new Error('KEMRecipientInfo too short');
  if (!names(rid, to)) return null;
  const ukm = rest[0]?.tag === 0xa0 ? at(rest[0], 0).content : undefined;
  const [wrapField, encryptedKey] = ukm === undefined ? rest : rest.slice(1);
  if (!wrapField || !encryptedKey || numberOf(version) !== 0) throw new Error('no KEMRecipientInfo of version 0');
  const kem: Algorithm = algorithmOf(kemField);
  const derivation = algorithmOf(kdf);
  if (kem.parameters !== null || derivation.parameters !== null) throw new Error('parameters must be absent');
  if (kem.oid !== to.key.oid) throw new Error(`KEM ${kem.oid} for a key of ${to.key.oid}`);
  const hash = HKDFS[derivation.oid];
  const suite = KEMS[kem.oid];
  if (hash === undefined || suite === undefined) throw new Error(`no KDF ${derivation.oid}`);
  const wrapOid = oidOf(at(wrapField, 0));
  const octets = numberOf(length);
  if (WRAPS[wrapOid] !== octets) throw new Error('kekLength is not that of the wrap');
  const secretKey = key.octets.length === 64 ? suite.keygen(key.octets).secretKey : key.octets;
  const shared = suite.decapsulate(ciphertext.content, secretKey);
  const info2 = otherInfo(encoded(wrapField.whole), octets, ukm);
  return unwrap(wrapOid, Buffer.from(hkdf(hash, shared, undefined, info2, octets)), encryptedKey.content);
}
