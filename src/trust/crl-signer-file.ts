/**
 * Certificates of keys that sign CRLs and are no authority's (RFC 5280 §4.2.1.13, §5.2.5: indirect CRLs; §4.2.1.3:
 * cRLSign), from files an administrator names. A collection takes none of them, because there they could be mistaken for
 * somebody who may vouch.
 *
 * They are believed for nothing by standing here: each must lead to the anchor of the certificate that is asked about
 * (`x509/crl-signer.ts`), and the list must be one that this certificate names. Refused by name, all at once: what may not
 * sign CRLs, what has expired, files that hold anything else.
 */
import type { Certificate } from '../x509/certificate.ts';
import { readAuthorityFile } from './authority-file.ts';
import { filesOf, readFileBounded, SOON_MS } from './collection-reader.ts';

export interface CrlSignerReading {
  readonly certificates: readonly Certificate[];
  /** Each a reason not to start, naming the file. */
  readonly mistakes: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * @param locations absolute paths of files and folders
 * @param at when expiry is judged
 */
export async function readCrlSigners(locations: readonly string[], at: Date): Promise<CrlSignerReading> {
  const certificates: Certificate[] = [];
  const mistakes: string[] = [];
  const warnings: string[] = [];
  for (const location of locations) {
    try {
      for (const file of await filesOf(location)) {
        const read = readAuthorityFile(await readFileBounded(file));
        mistakes.push(...read.mistakes.map((text) => `trust.revocation.signers: ${file}: ${text}`));
        warnings.push(...read.warnings.map((text) => `trust.revocation.signers: ${file}: ${text}`));
        for (const certificate of read.certificates) {
          const where = `trust.revocation.signers: ${file}: ${certificate.subjectText}`;
          const fault = findFault(certificate, at);
          if (fault !== null) mistakes.push(`${where} ${fault}`);
          else if (certificate.notAfter.getTime() - at.getTime() < SOON_MS) {
            warnings.push(`${where} expires ${certificate.notAfter.toISOString().slice(0, 10)}`);
          }
          certificates.push(certificate);
        }
      }
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      mistakes.push(`trust.revocation.signers: ${location} cannot be read: ${reason}`);
    }
  }
  return { certificates, mistakes, warnings };
}

function findFault({ keyUsage, notAfter }: Certificate, at: Date): string | null {
  if (keyUsage !== null && !keyUsage.has('cRLSign')) return 'may not sign CRLs (key usage)';
  return notAfter < at ? `expired ${notAfter.toISOString().slice(0, 10)}` : null;
}
