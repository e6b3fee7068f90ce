/**
 * Is this certificate revoked? RFC 5280 §6.3 over the CRLs at hand and RFC 6960 over the OCSP responses, pure: the time and
 * the evidence are arguments. Whatever says "revoked" wins over whatever says "good"; "good" needs an answer for every
 * reason; all else is unknown, with the reasons.
 */
import { GatewayError } from '../errors.ts';
import type { Certificate } from './certificate.ts';
import type { RevocationList } from './crl.ts';
import { ALL_REASONS, type DistributionPoint, directoryNameKey } from './crl-distribution-points.ts';
import { CRL_REASONS } from './crl-entries.ts';
import { findDelta, findRevocation, findScopeFault, findTimeFault, sharesKey } from './crl-rules.ts';
import { findSignerFault, SIGNER_DEPTH_MAX, SignerSearches } from './crl-signer.ts';
import { readHeldResponse } from './ocsp-rules.ts';
import type { RevocationJudge } from './path.ts';
import { momentText, type RevocationRequest, type RevocationStatus, type UsedEvidence } from './revocation.ts';
import { deltaLocations, findCrlPoints, findRevocationSources } from './revocation-sources.ts';

/** Reasons kept for people. */
const WHY_MAX = 8;
/** Locations looked at of one kind, as many as are fetched from; a certificate or a list may name hundreds. */
const LOCATIONS_MAX = 24;

/** @param request everything in it but the anchor of the path may be attacker-chosen */
export function checkRevocation(request: RevocationRequest): RevocationStatus {
  return new RevocationCheck(request, [], new SignerSearches()).check();
}

/** What the OCSP responses at hand alone say, whatever CRLs say. */
export function checkResponses(request: RevocationRequest): RevocationStatus {
  const check = new RevocationCheck(request, [], new SignerSearches());
  return check.checkResponses() ?? { kind: 'unknown', why: check.why };
}

class RevocationCheck {
  private readonly request: RevocationRequest;
  /** SHA-256 of the certificates whose check led here, so that a circle ends. */
  private readonly asking: readonly string[];
  private readonly searches: SignerSearches;
  /** A list may be met at many distribution points. */
  private readonly signerFaults = new Map<RevocationList, string | null>();
  readonly why: string[] = [];

  constructor(request: RevocationRequest, asking: readonly string[], searches: SignerSearches) {
    this.request = request;
    this.searches = searches;
    this.asking = [...asking, request.certificate.sha256];
  }

  check(): RevocationStatus {
    const byCrl = this.checkLists();
    if (byCrl?.kind === 'revoked') return byCrl;
    const byOcsp = this.checkResponses();
    if (byOcsp?.kind === 'revoked') return byOcsp;
    return byOcsp ?? byCrl ?? { kind: 'unknown', why: this.why };
  }

  checkLists(): RevocationStatus | null {
    const { certificate } = this.request;
    const points = this.pointsOf(certificate);
    const uris = firstOf(points.flatMap((point) => point.uris));
    const used: UsedEvidence[] = [];
    const counted: RevocationList[] = [];
    let mask = 0;
    for (const point of points) {
      for (const list of this.listsOf(point, uris)) {
        const reasons = point.reasons & (list.scope?.reasons ?? ALL_REASONS);
        // (d), (e): a list that adds nothing is not looked at, but for one of another key of the authority, which keeps
        // perhaps one a key and perhaps one for all its certificates: then whatever says "revoked" wins
        const adds = (reasons & ~mask) !== 0;
        if (!adds && counted.some((one) => sharesKey(one, list))) continue;
        const found = this.readList(list, point, uris);
        if (found === null) continue;
        if (found.kind === 'revoked') return found;
        counted.push(list);
        if (!adds) continue;
        mask |= reasons;
        used.push(found.used);
      }
    }
    if (mask === ALL_REASONS) return { kind: 'good', used: joined(used) };
    if (mask !== 0) this.tell('the CRLs at hand do not cover all reasons');
    return null;
  }

  /** (a) to (j) of §6.3.3 for one list. null: it says nothing. */
  private readList(
    list: RevocationList,
    point: DistributionPoint,
    uris: readonly string[],
  ): Exclude<RevocationStatus, { kind: 'unknown' }> | null {
    const { certificate, at, tolerance, evidence } = this.request;
    const name = `CRL of ${momentText(list.thisUpdate)}`;
    const fault = findScopeFault(list, point, certificate) ?? this.signerFault(list);
    if (fault !== null) return this.tell(`${name}: ${fault}`);
    const delta = findDelta(
      list,
      evidence.listsOf(list.issuer, [...uris, ...deltaUris(list, certificate)]),
      at,
      tolerance,
    );
    const entry = findRevocation(list, delta, certificate);
    const late = findTimeFault(list, at, tolerance);
    const future = list.thisUpdate.getTime() > at.getTime() + tolerance.skewMs;
    if (late !== null && (entry === null || future)) return this.tell(`${name}: ${late}`);
    const newest = delta === null ? name : `${name} with delta CRL of ${momentText(delta.thisUpdate)}`;
    const used = usedFrom(newest, delta ?? list, delta?.nextUpdate ?? list.nextUpdate, this.request);
    if (entry === null) return { kind: 'good', used: earlier(used, list, this.request) };
    return { kind: 'revoked', revokedAt: entry.revokedAt, reason: CRL_REASONS[entry.reason] ?? 'unspecified', used };
  }

  private signerFault(list: RevocationList): string | null {
    let fault = this.signerFaults.get(list);
    if (fault === undefined) {
      fault = findSignerFault(list, this.request, this.judge, this.searches);
      this.signerFaults.set(list, fault);
    }
    return fault;
  }

  checkResponses(): RevocationStatus | null {
    const { certificate, issuer, evidence } = this.request;
    let good: RevocationStatus | null = null;
    for (const held of evidence.responsesAbout(certificate, issuer)) {
      const reading = readHeldResponse(held, this.request, (responder) => this.responderFault(responder));
      if (!reading.ok) {
        this.tell(`OCSP response: ${reading.why}`);
        continue;
      }
      const { answer, nextUpdate } = reading;
      const used = usedFrom(`OCSP response of ${momentText(answer.thisUpdate)}`, answer, nextUpdate, this.request);
      if (typeof answer.state !== 'string') {
        const reason = CRL_REASONS[answer.state.reason] ?? 'unspecified';
        return { kind: 'revoked', revokedAt: answer.state.revokedAt, reason, used };
      }
      good ??= { kind: 'good', used };
    }
    return good;
  }

  /** A responder without nocheck is asked of by CRL only: who answers by OCSP cannot vouch for itself by OCSP. */
  private responderFault(responder: Certificate): string | null {
    const { path, certificate } = this.request;
    const above = path.slice(path.indexOf(certificate) + 1);
    const request = { ...this.request, certificate: responder, path: [responder, ...above] as const };
    const status = new RevocationCheck(request, this.asking, this.searches).checkLists();
    if (status?.kind === 'good') return null;
    const found = status?.kind === 'revoked' ? 'is revoked' : 'may be revoked, and no CRL says that it is not';
    return `responder ${responder.subjectName} ${found}`;
  }

  /** For signers of CRLs. Those above the certificate were judged before; a circle ends where it began. */
  private readonly judge: RevocationJudge = (question) => {
    const { path, certificate } = this.request;
    const known = path.slice(path.indexOf(certificate) + 1).includes(question.certificate);
    if (known || this.asking.includes(question.certificate.sha256)) return finding('good', 'judged before');
    if (this.asking.length > SIGNER_DEPTH_MAX)
      return finding('unknown', 'too many signers of CRLs one after the other');
    const status = new RevocationCheck({ ...this.request, ...question }, this.asking, this.searches).check();
    const why =
      status.kind === 'unknown' ? status.why.join('; ') || 'nothing about its revocation is at hand' : status.kind;
    return finding(status.kind, why);
  };

  private listsOf(point: DistributionPoint, uris: readonly string[]): readonly RevocationList[] {
    const { certificate, issuer, evidence } = this.request;
    const issuers = point.crlIssuers ?? [certificate.issuer];
    const lists = issuers.flatMap((name) => evidence.listsOf(name, uris)).filter(({ base }) => base === null);
    // an authority that changed its key may keep one list a key: that of the certificate's own issuer comes first
    const order = (list: RevocationList): number => (list.signedBy.some((key) => key.equals(issuer.spki)) ? 0 : 1);
    return [...lists].sort((a, b) => order(a) - order(b) || b.thisUpdate.getTime() - a.thisUpdate.getTime());
  }

  /** The points of the certificate, then the issuer's own name (§6.3.3, last paragraph). */
  private pointsOf(certificate: Certificate): readonly DistributionPoint[] {
    const implicit = {
      names: [directoryNameKey(certificate.issuer)],
      uris: [],
      directoryNames: [],
      reasons: ALL_REASONS,
      crlIssuers: null,
    };
    try {
      return [...findCrlPoints(certificate), implicit];
    } catch (thrown) {
      if (!(thrown instanceof GatewayError)) throw thrown;
      this.tell(`distribution points of the certificate: ${thrown.detail}`);
      return [implicit];
    }
  }

  private tell(why: string): null {
    if (this.why.length < WHY_MAX && !this.why.includes(why)) this.why.push(why);
    return null;
  }
}

function finding(status: RevocationStatus['kind'], text: string) {
  return { status, accepted: status === 'good', text, thisUpdate: null, nextUpdate: null };
}

function deltaUris(list: RevocationList, certificate: Certificate): string[] {
  return firstOf([...deltaLocations(list.freshest), ...findRevocationSources(certificate).deltas]);
}

function firstOf(uris: readonly string[]): string[] {
  return [...new Set(uris)].slice(0, LOCATIONS_MAX);
}

function usedFrom(
  text: string,
  { thisUpdate }: { readonly thisUpdate: Date },
  nextUpdate: Date | null,
  { at }: RevocationRequest,
): UsedEvidence {
  const next = nextUpdate ?? thisUpdate;
  const stale = at > next;
  return { text: stale ? `${text}, stale since ${momentText(next)}` : text, thisUpdate, nextUpdate: next, stale };
}

/** A delta may outlive its base, or be outlived: the earlier of both counts. */
function earlier(used: UsedEvidence, list: RevocationList, request: RevocationRequest): UsedEvidence {
  if (list.nextUpdate === null || list.nextUpdate >= used.nextUpdate) return used;
  return usedFrom(used.text, used, list.nextUpdate, request);
}

function joined(all: readonly UsedEvidence[]): UsedEvidence {
  const [first, ...others] = all;
  // never empty: each list that counted is in it
  if (first === undefined) throw new RangeError('no evidence');
  return others.reduce(
    (a, b) => ({
      text: a.text === b.text ? a.text : `${a.text}, ${b.text}`,
      thisUpdate: earliest(a.thisUpdate, b.thisUpdate),
      nextUpdate: earliest(a.nextUpdate, b.nextUpdate),
      stale: a.stale || b.stale,
    }),
    first,
  );
}

function earliest(a: Date, b: Date): Date {
  return a.getTime() < b.getTime() ? a : b;
}
