/**
 * The evidence of revocation that is at hand (`x509/revocation.ts`), from the shelves of lists and responses and the keys met:
 * every look-up is noted in the footing of the verdict that is being made, with the dates of what it gave.
 */
import type { Certificate } from '../x509/certificate.ts';
import type { RevocationList } from '../x509/crl.ts';
import type { HeldResponse, RevocationTolerance } from '../x509/revocation.ts';
import type { CrlShelf } from './crl-shelf.ts';
import type { CrlSigners } from './crl-signers.ts';
import { type EvidencePlaces, handPlace, listPlace, responsePlace, signersPlace } from './evidence-places.ts';
import { type OcspShelf, responseKey } from './ocsp-shelf.ts';
import type { VerdictFooting } from './verdict-footing.ts';

/** Where it comes from. */
export interface EvidenceShelves {
  readonly crls: CrlShelf;
  readonly ocsp: OcspShelf;
  readonly signers: CrlSigners;
  readonly places: EvidencePlaces;
}

export class EvidenceAtHand {
  private readonly shelves: EvidenceShelves;
  private readonly authorities: readonly Certificate[];
  /** Every notBefore and notAfter of the authorities, in order: one of them may stand above the signer of a list. */
  private readonly moments: Float64Array;
  private readonly tolerance: RevocationTolerance;

  constructor(shelves: EvidenceShelves, authorities: readonly Certificate[], tolerance: RevocationTolerance) {
    this.shelves = shelves;
    this.authorities = authorities;
    this.tolerance = tolerance;
    const dates = authorities.flatMap(({ notBefore, notAfter }) => [notBefore.getTime(), notAfter.getTime()]);
    this.moments = Float64Array.from(dates).sort();
  }

  /** @param uris attacker-chosen */
  listsOf(issuer: Buffer, uris: readonly string[], footing: VerdictFooting | null): RevocationList[] {
    const { crls, places } = this.shelves;
    const lists = crls.importedBy(issuer);
    footing?.restOn(places.placeOf(handPlace(issuer)));
    for (const uri of uris) {
      footing?.restOn(places.placeOf(listPlace(uri)));
      lists.push(...crls.listsAt(uri));
    }
    for (const list of lists) footing?.passUpdates(list, this.tolerance);
    return lists;
  }

  responsesAbout(certificate: Certificate, issuer: Certificate, footing: VerdictFooting | null): HeldResponse[] {
    const { ocsp, places } = this.shelves;
    footing?.restOn(places.placeOf(responsePlace(responseKey(certificate, issuer))));
    const held = ocsp.find(certificate, issuer);
    if (held === null) return [];
    footing?.passResponse(held, this.tolerance);
    // a response nobody asks for is not renewed, so who has a verdict from it must ask again in time
    footing?.passMoment(ocsp.renewalOf(certificate, issuer) ?? 0);
    return [held];
  }

  /** @param path of the certificate that is asked about: its dates bound the verdict anyway */
  signersOf(
    subject: Buffer,
    path: readonly Certificate[],
    at: Date,
    footing: VerdictFooting | null,
  ): readonly Certificate[] {
    const { signers, places } = this.shelves;
    const found = signers.find(subject);
    if (footing === null) return found;
    footing.restOn(places.placeOf(signersPlace(subject)));
    const others = found.filter(({ sha256 }) => !path.some((one) => one.sha256 === sha256));
    for (const certificate of others) footing.passCertificate(certificate);
    if (others.length > 0) this.passAuthorities(at.getTime(), footing);
    return found;
  }

  get intermediates(): readonly Certificate[] {
    return this.authorities;
  }

  /** The dates of authorities next to this moment. */
  private passAuthorities(at: number, footing: VerdictFooting): void {
    const { moments } = this;
    let low = 0;
    let high = moments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((moments[middle] ?? 0) < at) low = middle + 1;
      else high = middle;
    }
    for (const moment of [moments[low - 1], moments[low]]) if (moment !== undefined) footing.passMoment(moment);
  }
}
