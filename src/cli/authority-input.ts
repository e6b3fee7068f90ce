/**
 * CA certificates from whatever an administrator has: a folder, SST, PEM, DER, PKCS #7, and PKCS #12 trust stores,
 * which only the command line opens because they have a password. All that is wrong is told at once.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { GatewayError } from '../errors.ts';
import { readTrustStore } from '../keys/pkcs12-file.ts';
import { FILE_CERTIFICATES_MAX } from '../trust/authority-file.ts';
import { isUnread, readFileBounded } from '../trust/collection-reader.ts';
import { readImport } from '../trust/collection-store.ts';
import type { Certificate } from '../x509/certificate.ts';

export interface AuthorityInput {
  readonly certificates: readonly Certificate[];
  readonly mistakes: readonly string[];
  readonly warnings: readonly string[];
  /** One of the mistakes is that the file system did not give a file. */
  readonly unread: boolean;
}

/** @param passwordFile file of one line with the password of a .p12 or .pfx; undefined: it has none */
export async function readAuthorities(source: string, passwordFile: string | undefined): Promise<AuthorityInput> {
  const absolute = path.resolve(source);
  if (!/\.(p12|pfx)$/i.test(source)) return readImport(absolute);
  const password = Buffer.alloc(1024);
  let certificates: readonly Certificate[] = [];
  const mistakes: string[] = [];
  let unread = false;
  try {
    const length = passwordFile === undefined ? 0 : await readPassword(passwordFile, password);
    const octets = await readFileBounded(absolute);
    certificates = await readTrustStore(octets, password.subarray(0, length), FILE_CERTIFICATES_MAX);
    if (certificates.length === 0) mistakes.push(`${source}: holds no certificate`);
  } catch (thrown) {
    const reason = thrown instanceof GatewayError ? thrown.detail : thrown instanceof Error ? thrown.message : thrown;
    mistakes.push(`${source}: ${String(reason)}`);
    unread = isUnread(thrown);
  } finally {
    password.fill(0);
  }
  return { certificates, mistakes, warnings: [], unread };
}

/** First line of the file into the buffer. @returns how many octets */
async function readPassword(file: string, into: Buffer): Promise<number> {
  const octets = await readFile(file);
  const [end] = [...octets.entries()].find(([, octet]) => octet === 0x0a || octet === 0x0d) ?? [octets.length];
  const length = octets.copy(into, 0, 0, end);
  octets.fill(0);
  return length;
}
