/**
 * The unwrapper of `--key`: with the certificate that senders encrypt to, which names the recipient; without it, by the
 * key alone where only one recipient can be meant. RSA keys are never tried on one recipient after the other: that is an
 * oracle (catalogue C17, OpenSSL CVE-2026-42768).
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import {
  der,
  derBitString,
  derContext,
  derInteger,
  derOctetString,
  derOid,
  derSequence,
  derTime,
  TAG,
} from '../asn1/der-writer.ts';
import { openEnvelope } from '../cms/enveloped-data-reader.ts';
import type { ReopenableSource } from '../cms/reopenable-source.ts';
import type { RecipientInfo, Unwrapper } from '../cms/unwrapper.ts';
import { KeyUnwrapper } from '../keys/key-unwrapper.ts';
import type { Certificate } from '../x509/certificate.ts';
import { parseCertificate } from '../x509/certificate-reader.ts';
import { readKeyMaterial } from './cms-keys.ts';
import { CmsStop } from './cms-stop.ts';
import { EXIT } from './exit-code.ts';

/** @param certificates of `--cert` @throws CmsStop */
export async function readUnwrapper(
  object: ReopenableSource,
  file: string,
  certificates: readonly Certificate[],
  password: Buffer | null,
): Promise<Unwrapper> {
  const material = await readKeyMaterial(file, password);
  const { key } = material;
  if (key === null) throw new CmsStop(EXIT.data, `${file}: no private key is there`);
  const own = [...certificates, ...material.certificates].filter((certificate) => belongs(certificate, key));
  if (certificates.length > 0 && own.length === 0) {
    throw new CmsStop(EXIT.data, `${file}: the key does not belong to the certificate`);
  }
  if (own.length > 0) return new KeyUnwrapper(own.map((certificate) => ({ certificate, key })));
  return unwrapperWithout(key, await recipientsFor(object, key));
}

function belongs(certificate: Certificate, key: KeyObject): boolean {
  try {
    return certificate.key.keyObject().equals(createPublicKey(key));
  } catch {
    // a key that OpenSSL does not know is not this one
    return false;
  }
}

type Named = Extract<RecipientInfo, { recipient: unknown }>;

/** The recipients whose kind of key this is. */
async function recipientsFor(object: ReopenableSource, key: KeyObject): Promise<readonly Named[]> {
  const found: Named[] = [];
  const type: string = key.asymmetricKeyType ?? '';
  const kind = type === 'rsa' ? 'key-transport' : type.startsWith('ml-kem') ? 'key-encapsulation' : 'key-agreement';
  const collector: Unwrapper = {
    holds: (info) => {
      if (info.kind === kind) found.push(info as Named);
      return false;
    },
    unwrap: async () => null,
  };
  await openEnvelope(object, { unwrapper: collector });
  return found;
}

/** Several that could be meant are an end: which it is must be said. */
function unwrapperWithout(key: KeyObject, recipients: readonly Named[]): Unwrapper {
  const [recipient, second] = recipients;
  if (second !== undefined) {
    throw new CmsStop(EXIT.usage, 'more than one recipient may be meant', '--cert names the certificate of the key');
  }
  if (recipient === undefined) return { holds: () => false, unwrap: async () => null };
  const unwrapper = new KeyUnwrapper([{ certificate: standIn(recipient, key), key }]);
  return unwrapper;
}

/**
 * A certificate that the recipient's name fits: the unwrapper finds keys by certificate, and ours is not known. It is
 * signed by nobody and goes nowhere else.
 */
function standIn({ recipient }: Named, key: KeyObject): Certificate {
  const byName = recipient.kind === 'issuer-serial';
  const issuer = byName ? recipient.issuer : derSequence();
  const serial = byName ? der(TAG.integer, recipient.serial) : derInteger(1);
  const algorithm = derSequence(derOid(SHA256_WITH_RSA_OID));
  const time = derTime(new Date(0));
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  const extensions = byName ? [] : [derContext(3, derSequence(keyIdentifierExtension(recipient.keyIdentifier)))];
  const version = derContext(0, derInteger(2));
  const fields = [version, serial, algorithm, issuer, derSequence(time, time), derSequence(), spki, ...extensions];
  return parseCertificate(derSequence(derSequence(...fields), algorithm, derBitString(Buffer.alloc(1))));
}

const SHA256_WITH_RSA_OID = '1.2.840.113549.1.1.11';
const SUBJECT_KEY_IDENTIFIER_OID = '2.5.29.14';

function keyIdentifierExtension(identifier: Buffer): Buffer {
  return derSequence(derOid(SUBJECT_KEY_IDENTIFIER_OID), derOctetString(derOctetString(identifier)));
}
