/**
 * One identity from PEM (RFC 7468): certificates and one private key in one file.
 *
 * Refused with keys.unusable: no key or several, a key encrypted with a password (PKCS #12 does that), blocks that do
 * not end, more than {@link BLOCKS_MAX} of them. The key goes from the file's octets into its KeyObject without ever being
 * a string, which could not be wiped.
 */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { gatewayError } from '../errors.ts';
import type { Certificate } from '../x509/certificate.ts';
import { parseCertificate } from '../x509/certificate-reader.ts';
import { findMissingPemKeyAlgorithm } from './missing-key-algorithm.ts';

/** What a file of either kind holds. Nothing is matched or judged yet. */
export interface KeyFile {
  readonly key: KeyObject;
  readonly certificates: readonly Certificate[];
  /** Name of the broken cipher that a PKCS #12 file hid its parts with; absent where it has none. */
  readonly oldCipher?: string;
}

const BLOCKS_MAX = 100;
const BEGIN = '-----BEGIN ';
const DASHES = '-----';
/** Longer is no label. */
const LABEL_OCTETS_MAX = 64;

/**
 * @param octets stays the caller's, who wipes it
 * @throws GatewayError keys.unusable, with `problem: what to do` as its detail
 */
export function parsePemFile(octets: Buffer): KeyFile {
  const keys: KeyObject[] = [];
  const certificates: Certificate[] = [];
  for (const { label, block } of blocksOf(octets)) {
    if (label === 'CERTIFICATE' || label === 'X509 CERTIFICATE') certificates.push(certificateOf(block));
    else if (label.endsWith('PRIVATE KEY')) keys.push(keyOf(label, block));
  }
  const [key, second] = keys;
  if (key === undefined) throw unusable('has no private key: put certificate and key into this one file');
  if (second !== undefined) throw unusable('has more than one private key: give each its own file');
  return { key, certificates };
}

interface PemBlock {
  readonly label: string;
  /** From BEGIN to END, both included. A view. */
  readonly block: Buffer;
}

function blocksOf(octets: Buffer): PemBlock[] {
  const blocks: PemBlock[] = [];
  for (let at = octets.indexOf(BEGIN); at !== -1; at = octets.indexOf(BEGIN, at)) {
    if (blocks.length >= BLOCKS_MAX) throw unusable(`has more than ${BLOCKS_MAX} PEM blocks: keep only what is needed`);
    const labelAt = at + BEGIN.length;
    const labelEnd = octets.indexOf(DASHES, labelAt);
    if (labelEnd === -1 || labelEnd - labelAt > LABEL_OCTETS_MAX) throw unusable('is not PEM: export it again');
    const label = octets.toString('latin1', labelAt, labelEnd);
    const end = `-----END ${label}-----`;
    const endAt = octets.indexOf(end, labelEnd);
    if (endAt === -1) throw unusable(`has a block ${label} without its end: export it again`);
    blocks.push({ label, block: octets.subarray(at, endAt + end.length) });
    at = endAt + end.length;
  }
  return blocks;
}

function certificateOf(block: Buffer): Certificate {
  const body = block
    .toString('latin1')
    .replace(/-----[^-]*-----/g, '')
    .replace(/\s+/g, '');
  try {
    return parseCertificate(Buffer.from(body, 'base64'));
  } catch (error) {
    throw unusable('has a certificate that cannot be read: export it again', error);
  }
}

function keyOf(label: string, block: Buffer): KeyObject {
  if (label === 'ENCRYPTED PRIVATE KEY' || block.includes('Proc-Type: 4,ENCRYPTED')) {
    throw unusable('has a private key with a password, which only PKCS #12 may have: openssl pkcs12 -export');
  }
  try {
    return createPrivateKey({ key: block, format: 'pem' });
  } catch (error) {
    const missing = findMissingPemKeyAlgorithm(block);
    if (missing !== null) throw unusable(`has an ${missing}`, error);
    throw unusable('has a private key that cannot be read: export it again', error);
  }
}

function unusable(problem: string, cause?: unknown): Error {
  return gatewayError('keys.unusable', problem, cause);
}
