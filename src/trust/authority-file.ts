/**
 * What one file of a CA collection holds, whatever its form: SST, PEM, DER, PKCS #7. Told apart by what is in it, so
 * that a name never decides how octets are read.
 *
 * From an SST, certificates that are archived there or not trusted for mail there (extended key usage without
 * emailProtection) are left out, and a warning says so by name. Refused: what is no certificate. Nothing throws.
 */
import { createHash } from 'node:crypto';
import { readCertificateBundle } from '../cms/certificate-bundle.ts';
import { GatewayError } from '../errors.ts';
import type { Certificate } from '../x509/certificate.ts';
import { EXTENDED_KEY_USAGE } from '../x509/certificate-oids.ts';
import { parseCertificate } from '../x509/certificate-reader.ts';
import { parseExtendedKeyUsage } from '../x509/extension-reader.ts';
import { looksLikeSst, readSst, SST_PROPERTY, type SstEntry } from './sst-reader.ts';

/** Most certificates of one file. */
export const FILE_CERTIFICATES_MAX = 10_000;

export interface AuthorityFile {
  /** Each once, in their order. Parsed, not judged. */
  readonly certificates: readonly Certificate[];
  /** Whole DER of CRLs that came along, not parsed. */
  readonly crls: readonly Buffer[];
  /** Each a reason not to use the file; does not name it. */
  readonly mistakes: readonly string[];
  readonly warnings: readonly string[];
}

/** @param octets may be anything */
export function readAuthorityFile(octets: Buffer): AuthorityFile {
  const file = looksLikeSst(octets) ? readStore(octets) : readBundle(octets);
  if (file.certificates.length > 0 || file.mistakes.length > 0) return file;
  return { ...file, mistakes: ['holds no certificate'] };
}

function readBundle(octets: Buffer): AuthorityFile {
  const { certificates, crls, problems } = readCertificateBundle(octets, FILE_CERTIFICATES_MAX);
  return { certificates, crls, mistakes: problems, warnings: crlWarnings(crls.length) };
}

function readStore(octets: Buffer): AuthorityFile {
  const read = readSst(octets);
  if (!read.ok) return { certificates: [], crls: [], mistakes: [read.problem], warnings: [] };
  const certificates = new Map<string, Certificate>();
  const crls: Buffer[] = [];
  const mistakes: string[] = [];
  const warnings = [...read.warnings];
  for (const [index, entry] of read.entries.entries()) {
    if (entry.kind === 'crl') crls.push(entry.value);
    if (entry.kind === 'ctl') warnings.push('certificate trust list is passed over');
    if (entry.kind !== 'certificate') continue;
    try {
      const certificate = parseCertificate(entry.value);
      const unused = reasonNotToUse(entry);
      if (unused === null) certificates.set(certificate.sha256, certificate);
      else warnings.push(`${certificate.subjectText} is left out: ${unused}`);
    } catch (thrown) {
      if (!(thrown instanceof GatewayError)) throw thrown;
      mistakes.push(`certificate ${index + 1}: ${thrown.detail}`);
    }
  }
  warnings.push(...crlWarnings(crls.length));
  return { certificates: [...certificates.values()], crls, mistakes, warnings };
}

function crlWarnings(count: number): string[] {
  if (count === 0) return [];
  return [`${count === 1 ? 'a CRL is' : `${count} CRLs are`} left out: trust import-crl takes CRLs from this file`];
}

function reasonNotToUse({ properties }: SstEntry): string | null {
  if (properties.has(SST_PROPERTY.archived)) return 'it is archived in the store';
  const usages = properties.get(SST_PROPERTY.extendedKeyUsage);
  if (usages === undefined) return null;
  const found = usagesOf(usages);
  if (found.has(EXTENDED_KEY_USAGE.emailProtection) || found.has(EXTENDED_KEY_USAGE.any)) return null;
  const list = [...found].slice(0, 8).join(', ');
  return `the store trusts it for ${list === '' ? 'nothing' : list}, emailProtection is needed`;
}

/** What cannot be read is a limit all the same: then it is trusted for nothing. */
function usagesOf(value: Buffer): ReadonlySet<string> {
  try {
    return parseExtendedKeyUsage(value);
  } catch (thrown) {
    if (thrown instanceof GatewayError) return new Set();
    throw thrown;
  }
}

/** The thumbprint by which Windows and Exchange name a certificate: SHA-1, upper-case hex. A name, not a proof. */
export function thumbprintOf(certificate: Certificate): string {
  return createHash('sha1').update(certificate.der).digest('hex').toUpperCase();
}
