/**
 * Which of Mozilla's roots are taken for mail. Trust for servers counts for nothing here, and that is most of them.
 *
 * Left out, each told by name: roots whose trust for mail ended (NSS: CKA_NSS_EMAIL_DISTRUST_AFTER; NSS still takes what
 * such a root issued before that day, a collection knows no such half trust, so the whole root goes), expired ones, and
 * what is no CA certificate by RFC 5280. Passed over without a word: what a distribution put beside Mozilla's own.
 */
import type { Certificate } from '../x509/certificate.ts';
import { findPlaceFault } from './collection-reader.ts';

/** One root that the store trusts for mail, and what it says of it. */
export interface MozillaRoot {
  readonly certificate: Certificate;
  /** Part of Mozilla's own store, and not what a distribution put beside it. */
  readonly ofMozilla: boolean;
  /** From then on it is not trusted for mail; null: no such day. */
  readonly distrustAfter: Date | null;
}

export interface MozillaSelection {
  readonly certificates: readonly Certificate[];
  readonly warnings: readonly string[];
}

export function selectMozillaRoots(roots: readonly MozillaRoot[], at: Date): MozillaSelection {
  const certificates: Certificate[] = [];
  const warnings: string[] = [];
  for (const { certificate, ofMozilla, distrustAfter } of roots) {
    if (!ofMozilla) continue;
    const day = distrustAfter?.toISOString().slice(0, 10);
    const fault =
      distrustAfter !== null && distrustAfter <= at
        ? `Mozilla does not trust it for mail since ${day}`
        : findPlaceFault(certificate, at, false);
    if (fault !== null) {
      warnings.push(`${certificate.subjectText} is left out: ${fault}`);
      continue;
    }
    if (day !== undefined) warnings.push(`${certificate.subjectText}: Mozilla will not trust it for mail after ${day}`);
    certificates.push(certificate);
  }
  return { certificates, warnings };
}
