/** EnvelopedData and AuthEnvelopedData of the second implementation (RFC 5652 §6, RFC 5083, RFC 5084, RFC 8103, RFC 9709). */
import { randomBytes } from 'node:crypto';
import {
  algorithm,
  algorithmOf,
  at,
  type Block,
  context,
  contextOctets,
  decode,
  encode,
  encoded,
  integer,
  numberOf,
  octetString,
  oid,
  oidOf,
  retagged,
  sequence,
  set,
  type Value,
} from './asn1.ts';
import type { PartyCertificate, PrivateKey } from './keys.ts';
import { boundKey, CIPHERS, cipherOf, OID } from './primitives.ts';
import { openRecipientInfos, type RecipientWay, recipientInfo } from './recipients.ts';

export interface EnvelopeWay extends RecipientWay {
  /** Such as `aes-256-gcm`. */
  readonly cipher: string;
  /** The content key bound to its cipher: CEK-HKDF (RFC 9709). */
  readonly bound?: boolean;
  /** Authenticated attributes. */
  readonly attributes?: readonly Block[];
}

export function envelope(content: Buffer, recipients: readonly PartyCertificate[], way: EnvelopeWay): Buffer {
  const cipher = CIPHERS[way.cipher];
  if (cipher === undefined) throw new Error(`no content cipher ${way.cipher}`);
  const contentKey = randomBytes(cipher.keyOctets);
  const iv = randomBytes(cipher.ivOctets);
  const gcm = way.cipher.endsWith('gcm');
  const inner = algorithm(cipher.oid, gcm ? sequence(octetString(iv), integer(16)) : octetString(iv));
  const key = way.bound === true ? boundKey(contentKey, encode(inner)) : contentKey;
  const attributes = way.attributes ?? [];
  const aad = attributes.length === 0 ? undefined : encode(set(...attributes));
  const sealed = Buffer.from(cipher.start(key, iv, aad).encrypt(content));
  const ciphertext = cipher.aead ? sealed.subarray(0, -16) : sealed;
  const infos = recipients.map((to) => recipientInfo(contentKey, to, way));
  const body = sequence(
    integer(cipher.aead ? 0 : versionOf(infos)),
    set(...infos),
    sequence(oid(OID.data), way.bound === true ? algorithm(OID.cekHkdf, inner) : inner, contextOctets(0, ciphertext)),
    ...(cipher.aead
      ? [...(aad === undefined ? [] : [encoded(retagged(aad, 0xa1))]), octetString(sealed.subarray(-16))]
      : []),
  );
  return encode(sequence(oid(cipher.aead ? OID.authEnvelopedData : OID.envelopedData), context(0, body)));
}

/** RFC 5652 §6.1: 3 with an ori, 0 with nothing but version 0, else 2. */
function versionOf(infos: readonly Block[]): number {
  const values = infos.map((info) => decode(encode(info)));
  if (values.some(({ tag }) => tag === 0xa4)) return 3;
  return values.every((value) => value.tag === 0x30 && numberOf(at(value, 0)) === 0) ? 0 : 2;
}

/** The content. Anything that the RFCs do not say is an error. */
export function openEnvelope(object: Buffer, to: PartyCertificate, key: PrivateKey): Buffer {
  const info = decode(object);
  const type = oidOf(at(info, 0));
  if (type !== OID.envelopedData && type !== OID.authEnvelopedData) throw new Error(`no envelope: ${type}`);
  const body = at(at(info, 1), 0);
  const [version, infos, encrypted, ...rest] = body.children;
  if (!version || !infos || !encrypted || infos.tag !== 0x31) throw new Error('no RecipientInfos');
  checkVersion(type, numberOf(version), infos);
  const contentKey = openRecipientInfos(infos, to, key);
  const outer = algorithmOf(at(encrypted, 1));
  const bound = outer.oid === OID.cekHkdf;
  const inner = bound ? algorithmOf(at(at(encrypted, 1), 1)) : outer;
  const cipher = cipherOf(inner.oid);
  if (cipher.aead !== (type === OID.authEnvelopedData)) throw new Error('cipher in the wrong object');
  if (contentKey.length !== cipher.keyOctets) throw new Error(`content key of ${contentKey.length} octets`);
  const iv = ivOf(inner.parameters, inner.oid.startsWith('2.16') && cipher.aead);
  if (iv.length !== cipher.ivOctets) throw new Error(`IV of ${iv.length} octets`);
  const attributes = rest[0]?.tag === 0xa1 ? retagged(rest[0].whole, 0x31) : undefined;
  const tag = cipher.aead ? rest.find((value) => value.tag === 0x04)?.content : Buffer.alloc(0);
  if (tag === undefined || (cipher.aead && tag.length !== 16)) throw new Error('no tag of 16 octets');
  const content = at(encrypted, 2);
  if (content.tag !== 0x80 && content.tag !== 0xa0) throw new Error('no encryptedContent');
  const cek = bound ? boundKey(contentKey, inner.whole) : contentKey;
  return Buffer.from(cipher.start(cek, iv, attributes).decrypt(Buffer.concat([content.content, tag])));
}

function checkVersion(type: string, version: number, infos: Value): void {
  const expected = type === OID.authEnvelopedData ? 0 : versionOf(infos.children.map(({ whole }) => encoded(whole)));
  if (version !== expected) throw new Error(`version ${version}, should be ${expected}`);
}

function ivOf(parameters: Value | null, gcm: boolean): Buffer {
  if (parameters === null) throw new Error('no IV');
  if (!gcm) return parameters.content;
  if (numberOf(at(parameters, 1)) !== 16) throw new Error('ICVlen is not 16');
  return at(parameters, 0).content;
}
