/**
 * Certificates whose keys may have signed a CRL, by subject: those of the collections, and those met in paths whose
 * signatures were verified. Bounded. That a key is listed here means only that it is tried.
 */
import { LRUCache } from 'lru-cache';
import type { Certificate } from '../x509/certificate.ts';
import { nameKey } from '../x509/name.ts';

const SUBJECTS_MAX = 10_000;
/** As many as a list is tried with. */
const PER_SUBJECT_MAX = 16;

export class CrlSigners {
  private readonly bySubject: LRUCache<string, readonly Certificate[]>;
  private readonly changed: (subject: Buffer) => void;

  /** @param changed is told of every name whose certificates are others than before */
  constructor(changed: (subject: Buffer) => void = () => {}) {
    this.changed = changed;
    this.bySubject = new LRUCache({
      max: SUBJECTS_MAX,
      dispose: ([one], _, why) => {
        if (why === 'evict' && one !== undefined) changed(one.subject);
      },
    });
  }

  add(certificate: Certificate): void {
    const key = nameKey(certificate.subject);
    const known = this.bySubject.get(key) ?? [];
    if (known.some(({ sha256 }) => sha256 === certificate.sha256)) return;
    this.bySubject.set(key, [certificate, ...known].slice(0, PER_SUBJECT_MAX));
    this.changed(certificate.subject);
  }

  readonly find = (subject: Buffer): readonly Certificate[] => this.bySubject.get(nameKey(subject)) ?? [];
}
