/** What revocation found, counted and told in the log: once for each certificate and finding, for it is found again with every mail. */
import { certificateRevoked, revocationStale, revocationUnknownAccepted } from '../log/revocation-events.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { RevocationFinding } from '../x509/path.ts';

const TOLD_MAX = 10_000;

export class FindingRecord {
  unknownAccepted = 0;
  revoked = 0;
  /** By SHA-256, what was said. */
  private readonly told = new Map<string, string>();

  /** @param stale past its end, and accepted within the tolerance */
  take({ sha256, subjectName }: Certificate, { status, accepted, text }: RevocationFinding, stale: boolean): void {
    const unknown = status === 'unknown' && accepted;
    if (unknown) this.unknownAccepted++;
    if (status === 'revoked') this.revoked++;
    if (!unknown && !stale && status !== 'revoked') return;
    if (this.told.get(sha256) === text) return;
    if (this.told.size >= TOLD_MAX) this.told.clear();
    this.told.set(sha256, text);
    if (unknown) revocationUnknownAccepted(sha256, subjectName, text, this.unknownAccepted);
    else if (status === 'revoked') certificateRevoked(sha256, subjectName, text);
    else revocationStale(sha256, subjectName, text);
  }
}
