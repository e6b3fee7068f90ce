/**
 * The keys and certificates that `sealgate cms` is called with: PEM, DER, or PKCS #12 with a password from a file.
 *
 * Problems are said with the name of the file and end the command with 65 (66 where it cannot be read). A key and its
 * certificate must belong together. Nothing is judged by trust here: who is encrypted to is who was named.
 */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { BerReader } from '../asn1/ber-reader.ts';
import { TAG } from '../asn1/der-writer.ts';
import { readCertificateBundle } from '../cms/certificate-bundle.ts';
import { GatewayError } from '../errors.ts';
import { findMissingKeyAlgorithm, findMissingPemKeyAlgorithm } from '../keys/missing-key-algorithm.ts';
import type { Certificate } from '../x509/certificate.ts';
import { CmsStop } from './cms-stop.ts';
import { EXIT } from './exit-code.ts';
import { fileTrouble } from './file-trouble.ts';

const CERTIFICATES_MAX = 10_000;

/** What one file brought. */
export interface KeyMaterial {
  readonly key: KeyObject | null;
  readonly certificates: readonly Certificate[];
}

/** A key and the certificate that belongs to it. */
export interface OwnKey {
  readonly key: KeyObject;
  readonly certificate: Certificate;
  /** Further certificates of the same files. */
  readonly companions: readonly Certificate[];
}

/** @throws CmsStop */
export async function readOctets(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (thrown) {
    throw new CmsStop(EXIT.noInput, `${file} cannot be read: ${fileTrouble(thrown)}`);
  }
}

/** All certificates of a file. @throws CmsStop where there is none, or something else beside */
export async function readCertificates(file: string): Promise<readonly Certificate[]> {
  const { certificates, problems } = readCertificateBundle(await readOctets(file), CERTIFICATES_MAX);
  if (certificates.length === 0)
    throw new CmsStop(EXIT.data, `${file} holds no certificate: ${problems[0] ?? 'it is empty'}`);
  return certificates;
}

/** The password of `--password-file`: its first line; null without the option. @throws CmsStop */
export async function readPassword(file: string | undefined): Promise<Buffer | null> {
  if (file === undefined) return null;
  const octets = await readOctets(file);
  const lineEnd = octets.indexOf(0x0a);
  const line = lineEnd === -1 ? octets : octets.subarray(0, lineEnd);
  return line.at(-1) === 0x0d ? line.subarray(0, -1) : line;
}

/** Certificates and key of one file of any kind. @throws CmsStop */
export async function readKeyMaterial(file: string, password: Buffer | null): Promise<KeyMaterial> {
  const octets = await readOctets(file);
  try {
    if (octets[0] !== 0x30) return readPemMaterial(file, octets, password);
    if (isPkcs12(octets)) {
      // loaded when it is needed: reading its structure takes a library that costs more than a small message
      const { parsePkcs12File } = await import('../keys/pkcs12-file.ts');
      return await parsePkcs12File(octets, password ?? Buffer.alloc(0), pkcs12Conversion(file));
    }
    if (isPrivateKey(octets)) {
      const missing = findMissingKeyAlgorithm(octets);
      if (missing !== null) throw new CmsStop(EXIT.data, `${file} has an ${missing}`);
      return { key: createPrivateKey({ key: octets, format: 'der', type: 'pkcs8' }), certificates: [] };
    }
    return { key: null, certificates: await readCertificates(file) };
  } catch (thrown) {
    if (thrown instanceof CmsStop) throw thrown;
    const problem = thrown instanceof GatewayError ? thrown.detail : 'holds no key that can be read';
    const hint = password === null ? 'a password is given with --password-file' : null;
    throw new CmsStop(EXIT.data, `${file}: ${problem}`, hint);
  } finally {
    octets.fill(0);
  }
}

/**
 * The key of `--key`, or of `--signer` alone, and its certificate among those of both and of `more`.
 * @throws CmsStop
 */
export async function readOwnKey(
  files: { readonly key: string | undefined; readonly certificate: string | undefined },
  password: Buffer | null,
  more: readonly Certificate[] = [],
): Promise<OwnKey> {
  const named = [files.key, files.certificate].filter((file) => file !== undefined);
  const materials: KeyMaterial[] = [];
  for (const file of new Set(named)) materials.push(await readKeyMaterial(file, password));
  const key = materials.map((material) => material.key).find((found) => found !== null) ?? null;
  if (key === null) throw new CmsStop(EXIT.data, `${named.join(' and ')}: no private key is there`);
  const certificates = [...materials.flatMap((material) => material.certificates), ...more];
  const publicKey = createPublicKey(key);
  const own = certificates.find((certificate) => hasKey(certificate, publicKey));
  if (own === undefined) {
    const problem = certificates.length === 0 ? 'no certificate is there' : 'no certificate belongs to the key';
    throw new CmsStop(EXIT.data, `${named.join(' and ')}: ${problem}`);
  }
  return { key, certificate: own, companions: certificates.filter(({ sha256 }) => sha256 !== own.sha256) };
}

/** One key without its certificate, or with it where the file has both. @throws CmsStop */
export async function readPrivateKey(file: string, password: Buffer | null): Promise<KeyObject> {
  const { key } = await readKeyMaterial(file, password);
  if (key === null) throw new CmsStop(EXIT.data, `${file}: no private key is there`);
  return key;
}

function readPemMaterial(file: string, octets: Buffer, password: Buffer | null): KeyMaterial {
  const text = octets.toString('latin1');
  const keys = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----[\s\S]*?-----END \1-----/g)];
  if (keys.length > 1) throw new CmsStop(EXIT.data, `${file} has more than one private key`);
  const [block] = keys[0] ?? [];
  const key = block === undefined ? null : pemKey(file, block, password);
  if (!text.includes('-----BEGIN ')) throw new CmsStop(EXIT.data, `${file} is neither PEM nor DER`);
  return { key, certificates: readCertificateBundle(octets, CERTIFICATES_MAX).certificates };
}

function pemKey(file: string, block: string, password: Buffer | null): KeyObject {
  try {
    return createPrivateKey({ key: block, format: 'pem', ...(password === null ? {} : { passphrase: password }) });
  } catch {
    const missing = findMissingPemKeyAlgorithm(Buffer.from(block));
    if (missing !== null) throw new CmsStop(EXIT.data, `${file} has an ${missing}`);
    const hint = password === null && /ENCRYPTED/.test(block) ? 'its password is given with --password-file' : null;
    throw new CmsStop(EXIT.data, `${file} has a private key that cannot be read`, hint);
  }
}

/** PFX (RFC 7292 §4): version 3 and a ContentInfo. */
function isPkcs12(octets: Buffer): boolean {
  return startsWith(octets, [TAG.integer, TAG.sequence]) && firstInteger(octets) === 3;
}

/** PrivateKeyInfo (RFC 5958): version 0 or 1 and an AlgorithmIdentifier. */
function isPrivateKey(octets: Buffer): boolean {
  return startsWith(octets, [TAG.integer, TAG.sequence]) && (firstInteger(octets) ?? 2) < 2;
}

function startsWith(octets: Buffer, tags: readonly number[]): boolean {
  try {
    const fields = BerReader.over(octets).enter(TAG.sequence);
    return tags.every((tag) => fields.readElement().tag === tag);
  } catch {
    return false;
  }
}

function firstInteger(octets: Buffer): number | null {
  return BerReader.over(octets).enter(TAG.sequence).readElement().content.at(-1) ?? null;
}

function hasKey(certificate: Certificate, publicKey: KeyObject): boolean {
  try {
    return certificate.key.keyObject().equals(publicKey);
  } catch {
    // some other certificate, with a key that OpenSSL does not know
    return false;
  }
}

function pkcs12Conversion(file: string): string {
  return `openssl pkcs12 -in ${file} -nodes | openssl pkcs12 -export -out ${file}`;
}
