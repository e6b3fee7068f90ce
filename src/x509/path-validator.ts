/**
 * Path building and validation (RFC 5280 §6, RFC 4158 for the search): from a leaf through untrusted candidates to a
 * trust anchor, depth first, taking back what led nowhere. Pure: the time is an argument.
 *
 * Order as in webpki: what needs no issuer first, then each anchor of the right name, then each intermediate. Every
 * certificate's signature is verified before the search goes past it. Refused: loops (RFC 4158 §5.2), and whatever
 * exceeds the budget, so that crossed or look-alike authorities cost an answer and never the process (catalogue C4).
 *
 * A leaf that is itself an anchor: authorities are no end entities, so for `encrypt` and `sign` it is refused as such;
 * for `any` the path is that one certificate. An end entity cannot be made trusted by putting it among the anchors.
 */
import type { Certificate } from './certificate.ts';
import { endEntityFailures, findIssuerFailure } from './certificate-rules.ts';
import { nameKey, sameName } from './name.ts';
import type { CertificationPath, PathFailure, PathRequest, PathResult } from './path.ts';
import { mostUseful, pathFailure } from './path-failure.ts';
import { findAlgorithmFault, verifyCertificateSignature } from './signature-check.ts';

export interface PathBudget {
  /** Signature verifications. */
  readonly signatures: number;
  /** Candidates looked at. */
  readonly steps: number;
  /** Certificates between leaf and anchor. */
  readonly depth: number;
}

/**
 * Signatures and steps as in webpki (NSS mozpkix before it); 100 verifications stay under 500 ms with the largest keys
 * accepted. Depth: real paths for mail have one or two intermediates.
 */
export const PATH_BUDGET: PathBudget = { signatures: 100, steps: 200_000, depth: 8 };

/** Failures kept for `explain`; the most useful one is kept apart. */
const ATTEMPTS_MAX = 32;

/**
 * Is there a path from `leaf` to one of `anchors` that RFC 5280 accepts at that time, for that purpose and mailbox?
 * Expected failures are values. No revocation is looked at.
 * @param request everything in it but the anchors may be attacker-chosen
 */
export function validatePath(request: PathRequest, budget: PathBudget = PATH_BUDGET): PathResult {
  const leafFailures = endEntityFailures(request);
  const leafFailure = mostUseful(leafFailures);
  if (leafFailure !== null) return { ok: false, failure: leafFailure, attempts: leafFailures };
  const { leaf, anchors, purpose } = request;
  if (purpose === 'any' && anchors.some((anchor) => anchor.sha256 === leaf.sha256)) {
    return { ok: true, path: { certificates: [leaf], validFrom: leaf.notBefore, validUntil: leaf.notAfter } };
  }
  return new PathSearch(request, budget).run();
}

class PathSearch {
  private readonly request: PathRequest;
  private readonly budget: PathBudget;
  private readonly anchors: CandidateIndex;
  private readonly intermediates: CandidateIndex;
  private readonly attempts: PathFailure[] = [];
  private best: PathFailure | null = null;
  private signatures = 0;
  private steps = 0;
  private exhausted = false;
  /** Answers of this search by certificate: the same candidate is met again on many ways of a mesh. */
  private readonly issuerFailures = new Map<string, PathFailure | null>();
  private readonly signatureFailures = new Map<string, PathFailure | null>();

  constructor(request: PathRequest, budget: PathBudget) {
    this.request = request;
    this.budget = budget;
    this.anchors = candidateIndex(request.anchors);
    this.intermediates = candidateIndex(request.intermediates);
  }

  run(): PathResult {
    const path = this.extend([this.request.leaf], 0);
    if (path !== null) return { ok: true, path };
    // extend() records a failure on every way it gives up
    const failure = this.best ?? pathFailure('no-path', this.request.leaf, 'no path found');
    return { ok: false, failure, attempts: this.attempts };
  }

  /**
   * @param chain leaf first; every certificate but the last was verified with the key of its successor
   * @param counted intermediates in it that are not self-issued (§6.1.4 (l))
   */
  private extend(chain: readonly [Certificate, ...Certificate[]], counted: number): CertificationPath | null {
    const last = chain[chain.length - 1] ?? chain[0];
    const anchors = issuersOf(last, this.anchors);
    for (const anchor of anchors) {
      if (!this.spendStep(anchor)) return null;
      if (this.accepts(last, anchor, counted)) return pathOf([...chain, anchor]);
      if (this.exhausted) return null;
    }
    let tried = anchors.length;
    for (const candidate of issuersOf(last, this.intermediates)) {
      if (!this.spendStep(candidate)) return null;
      if (isInChain(candidate, chain)) continue;
      tried++;
      const path = this.extendBy(candidate, chain, counted);
      if (path !== null || this.exhausted) return path;
    }
    if (tried === 0) this.record(pathFailure('no-path', last, noIssuerText(last)));
    return null;
  }

  private extendBy(
    candidate: Certificate,
    chain: readonly [Certificate, ...Certificate[]],
    counted: number,
  ): CertificationPath | null {
    const last = chain[chain.length - 1] ?? chain[0];
    if (chain.length > this.budget.depth) {
      this.record(pathFailure('path-length', candidate, `more than ${this.budget.depth} intermediate certificates`));
      return null;
    }
    if (!this.accepts(last, candidate, counted)) return null;
    const selfIssued = sameName(candidate.subject, candidate.issuer);
    return this.extend([...chain, candidate], counted + (selfIssued ? 0 : 1));
  }

  /** May `issuer` have issued `subject` here, and did it? Records why not. */
  private accepts(subject: Certificate, issuer: Certificate, counted: number): boolean {
    const failure =
      this.issuerFailure(issuer) ?? pathLengthFailure(issuer, counted) ?? this.signatureFailure(subject, issuer);
    if (failure !== null) this.record(failure);
    return failure === null;
  }

  private issuerFailure(issuer: Certificate): PathFailure | null {
    let failure = this.issuerFailures.get(issuer.sha256);
    if (failure === undefined) {
      failure = findIssuerFailure(issuer, this.request.purpose, this.request.at);
      this.issuerFailures.set(issuer.sha256, failure);
    }
    return failure;
  }

  private signatureFailure(subject: Certificate, issuer: Certificate): PathFailure | null {
    const pair = `${subject.sha256}${issuer.sha256}`;
    const known = this.signatureFailures.get(pair);
    if (known !== undefined) return known;
    const fault = findAlgorithmFault(subject);
    let failure: PathFailure | null = null;
    if (fault !== null) failure = pathFailure('signature-algorithm', subject, `${subject.subjectName}: ${fault}`);
    else if (this.signatures >= this.budget.signatures) {
      failure = this.exhaust(subject, `more than ${this.budget.signatures} signature checks`);
    } else {
      this.signatures++;
      if (!verifyCertificateSignature(subject, issuer.key)) {
        const text = `signature of ${subject.subjectName} does not verify with the key of ${issuer.subjectName}`;
        failure = pathFailure('bad-signature', subject, text);
      }
    }
    this.signatureFailures.set(pair, failure);
    return failure;
  }

  private spendStep(candidate: Certificate): boolean {
    this.steps++;
    if (this.steps <= this.budget.steps) return true;
    this.record(this.exhaust(candidate, `more than ${this.budget.steps} candidates`));
    return false;
  }

  private exhaust(certificate: Certificate, what: string): PathFailure {
    this.exhausted = true;
    return pathFailure('budget', certificate, `search for a path given up after ${what}`);
  }

  private record(failure: PathFailure): void {
    if (this.attempts.length < ATTEMPTS_MAX) this.attempts.push(failure);
    if (this.best === null || failure.rank > this.best.rank) this.best = failure;
  }
}

function pathLengthFailure(issuer: Certificate, counted: number): PathFailure | null {
  const limit = issuer.basicConstraints?.pathLength ?? null;
  if (limit === null || counted <= limit) return null;
  const sides = `allows ${limit} intermediate certificates below it, the path has ${counted}`;
  return pathFailure('path-length', issuer, `${issuer.subjectName} ${sides}`);
}

/** RFC 4158 §5.2: the same subject and key twice is a loop, whatever the certificates look like. */
function isInChain(candidate: Certificate, chain: readonly Certificate[]): boolean {
  return chain.some((one) => one.spki.equals(candidate.spki) && sameName(one.subject, candidate.subject));
}

function pathOf(certificates: readonly [Certificate, ...Certificate[]]): CertificationPath {
  let [{ notBefore: validFrom, notAfter: validUntil }] = certificates;
  for (const { notBefore, notAfter } of certificates) {
    if (notBefore > validFrom) validFrom = notBefore;
    if (notAfter < validUntil) validUntil = notAfter;
  }
  return { certificates, validFrom, validUntil };
}

function noIssuerText(last: Certificate): string {
  if (sameName(last.subject, last.issuer)) return `${last.subjectName} is self-issued and not a trusted authority`;
  return `issuer ${last.issuerName} of ${last.subjectName} is not a trusted authority and no way leads from it to one`;
}

type CandidateIndex = ReadonlyMap<string, readonly Certificate[]>;

const indexes = new WeakMap<readonly Certificate[], CandidateIndex>();

/** Certificates by subject. Kept for frozen arrays, such as those of a trust collection: they cannot change. */
function candidateIndex(certificates: readonly Certificate[]): CandidateIndex {
  const known = indexes.get(certificates);
  if (known !== undefined) return known;
  const index = new Map<string, Certificate[]>();
  for (const certificate of certificates) {
    const key = nameKey(certificate.subject);
    const same = index.get(key);
    if (same === undefined) index.set(key, [certificate]);
    else same.push(certificate);
  }
  if (Object.isFrozen(certificates)) indexes.set(certificates, index);
  return index;
}

/** Candidates of the issuer's name; those whose key identifier fits come first (a hint only, RFC 4158 §3.5.12). */
function issuersOf(certificate: Certificate, index: CandidateIndex): readonly Certificate[] {
  const candidates = index.get(nameKey(certificate.issuer)) ?? [];
  const wanted = certificate.authorityKeyIdentifier;
  if (candidates.length < 2 || wanted === null) return candidates;
  const order = ({ subjectKeyIdentifier: found }: Certificate): number =>
    found === null ? 1 : found.equals(wanted) ? 0 : 2;
  return [...candidates].sort((a, b) => order(a) - order(b));
}
