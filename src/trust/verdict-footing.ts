/**
 * What one verdict about revocation rests on: the places its evidence was looked for at, and the interval of time in which no
 * comparison with a date of that evidence comes out otherwise. Filled while the verdict is made. While it holds, making the
 * verdict again would give the same.
 *
 * Times are taken strictly: at a date itself a verdict holds only when it was made at that very millisecond.
 */
import type { Certificate } from '../x509/certificate.ts';
import type { RevocationList } from '../x509/crl.ts';
import type { HeldResponse, RevocationTolerance } from '../x509/revocation.ts';
import type { EvidencePlace } from './evidence-places.ts';

/** As `ocsp-rules.ts` takes a response that does not say when the next one comes. */
const WITHOUT_NEXT_MS = 5 * 60_000;

type Dated = Pick<RevocationList, 'thisUpdate' | 'nextUpdate'>;

export class VerdictFooting {
  /** Milliseconds since 1970, both inclusive. */
  from = Number.NEGATIVE_INFINITY;
  until = Number.POSITIVE_INFINITY;
  private readonly at: number;
  private readonly places: EvidencePlace[] = [];
  private readonly versions: number[] = [];

  /** @param at the time for which the verdict is made */
  constructor(at: Date) {
    this.at = at.getTime();
  }

  restOn(place: EvidencePlace): void {
    if (this.places.includes(place)) return;
    this.places.push(place);
    this.versions.push(place.version);
  }

  /** Something is compared with this moment, in milliseconds since 1970. */
  passMoment(moment: number): void {
    if (moment <= this.at) this.from = Math.max(this.from, Math.min(moment + 1, this.at));
    if (moment >= this.at) this.until = Math.min(this.until, Math.max(moment - 1, this.at));
  }

  /** Notes every date that `crl-rules.ts` compares of a list, or of one answer. */
  passUpdates({ thisUpdate, nextUpdate }: Dated, { skewMs, stalenessMs }: RevocationTolerance): void {
    const [given, next] = [thisUpdate.getTime(), (nextUpdate ?? thisUpdate).getTime()];
    this.passMoment(given - skewMs);
    this.passMoment(next);
    this.passMoment(next + skewMs + stalenessMs);
  }

  passResponse({ response }: HeldResponse, tolerance: RevocationTolerance): void {
    if (response.status !== 'successful') return;
    for (const { thisUpdate, nextUpdate } of response.answers) {
      const next = nextUpdate ?? new Date(thisUpdate.getTime() + WITHOUT_NEXT_MS);
      this.passUpdates({ thisUpdate, nextUpdate: next }, tolerance);
    }
    for (const certificate of response.certificates) this.passCertificate(certificate);
  }

  passCertificate({ notBefore, notAfter }: Pick<Certificate, 'notBefore' | 'notAfter'>): void {
    this.passMoment(notBefore.getTime());
    this.passMoment(notAfter.getTime());
  }

  /** Is every place still as it was? */
  get isUnchanged(): boolean {
    const { places, versions } = this;
    for (let index = 0; index < places.length; index++) {
      if (places[index]?.version !== versions[index]) return false;
    }
    return true;
  }
}
