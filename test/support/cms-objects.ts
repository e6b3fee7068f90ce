/**
 * CMS objects, keys and certificates out of the files of other projects: DER, BER, PEM, and the mail they are wrapped in.
 * Only for test vectors: this takes MIME apart as roughly as they allow.
 */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { readCertificateBundle } from '../../src/cms/certificate-bundle.ts';
import type { HeldKey } from '../../src/keys/key-unwrapper.ts';
import type { Certificate } from '../../src/x509/certificate.ts';

/** One object; `content` is the first part of the multipart/signed it came in. */
export interface CmsObject {
  readonly octets: Buffer;
  readonly content: Buffer | null;
}

/** Every file below a folder, sorted. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder)
    .sort()
    .map((name) => path.join(folder, name))
    .flatMap((file) => (statSync(file).isDirectory() ? filesBelow(file) : [file]));
}

/** The CMS object that a file holds. @throws Error when none is found */
export function readCmsObject(file: string): CmsObject {
  const octets = readFileSync(file);
  if (octets[0] === 0x30) return { octets, content: null };
  const text = octets.toString('latin1');
  const pem = /-----BEGIN (CMS|PKCS7|PKCS #7 SIGNED DATA)-----([^-]+)-----END/.exec(text);
  if (pem !== null) return { octets: Buffer.from(pem[2] ?? '', 'base64'), content: null };
  // mail is CRLF whatever it was kept with; AS2 has binary parts and stays as it was sent
  const found = fromEntity(/^POST |GXS-AS2/m.test(text) ? text : text.replace(/\r?\n/g, '\r\n'), 0);
  if (found === null) throw new Error(`no CMS object in ${file}`);
  return found;
}

function fromEntity(entity: string, depth: number): CmsObject | null {
  const end = entity.indexOf('\r\n\r\n');
  if (end < 0 || depth > 4) return null;
  const header = entity.slice(0, end).replace(/\r\n[ \t]+/g, ' ');
  const type = /^content-type:\s*(.*)$/im.exec(header)?.[1] ?? '';
  const body = entity.slice(end + 4);
  if (/pkcs7-(mime|signature)/i.test(type) && !/^multipart/i.test(type)) {
    const isBase64 = /^content-transfer-encoding:\s*base64/im.test(header);
    return { octets: isBase64 ? Buffer.from(body, 'base64') : Buffer.from(body, 'latin1'), content: null };
  }
  const boundary = /boundary="?([^";]+)"?/i.exec(type)?.[1];
  if (boundary === undefined) return null;
  const parts = `\r\n${body}`
    .split(`\r\n--${boundary}`)
    .slice(1)
    .map((part) => part.replace(/^[ \t]*\r\n/, ''));
  if (!/multipart\/signed/i.test(type)) {
    return parts.map((part) => fromEntity(part, depth + 1)).find((found) => found !== null) ?? null;
  }
  const signature = fromEntity(parts[1] ?? '', depth + 1);
  return signature === null ? null : { octets: signature.octets, content: Buffer.from(parts[0] ?? '', 'latin1') };
}

/** What a folder offers for opening and verifying. Files that are neither are passed over. */
export function readKeysAndCertificates(folder: string): { keys: HeldKey[]; certificates: Certificate[] } {
  const certificates: Certificate[] = [];
  const privateKeys: KeyObject[] = [];
  for (const file of filesBelow(folder)) {
    if (/\.(txt|jpg|html|eml|message)$/.test(file) || statSync(file).size > 100_000) continue;
    const octets = readFileSync(file);
    certificates.push(...readCertificateBundle(octets).certificates);
    privateKeys.push(...readPrivateKeys(octets));
  }
  const keys: HeldKey[] = [];
  for (const key of privateKeys) {
    const spki = spkiOf(key);
    for (const certificate of certificates) {
      if (spki !== null && sameKey(certificate, spki)) keys.push({ certificate, key });
    }
  }
  return { keys, certificates };
}

function sameKey(certificate: Certificate, spki: Buffer): boolean {
  try {
    return certificate.key.keyObject().export({ format: 'der', type: 'spki' }).equals(spki);
  } catch {
    return false;
  }
}

function spkiOf(key: KeyObject): Buffer | null {
  try {
    return createPublicKey(key).export({ format: 'der', type: 'spki' });
  } catch {
    return null;
  }
}

function readPrivateKeys(octets: Buffer): KeyObject[] {
  const inputs: Parameters<typeof createPrivateKey>[0][] = [];
  if (octets[0] === 0x30) {
    for (const type of ['pkcs8', 'pkcs1', 'sec1'] as const) inputs.push({ key: octets, format: 'der', type });
  }
  for (const [block] of octets
    .toString('latin1')
    .matchAll(/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]+?-----END [A-Z ]+-----/g)) {
    inputs.push({ key: block, format: 'pem' });
  }
  const keys: KeyObject[] = [];
  for (const input of inputs) {
    try {
      keys.push(createPrivateKey(input));
    } catch {
      // not a key, encrypted, or of a kind that this Node does not know
    }
  }
  return keys;
}
