/**
 * Path building and validation (RFC 5280 §6, RFC 4158 for the search): from a leaf through untrusted candidates to a
 * trust anchor, depth first, taking back what led nowhere. Pure: the time is an argument.
 *
 * Order as in webpki: what needs no issuer first, then each anchor of the right name, then each intermediate. Every
 * certificate's signature is verified before the search goes past it; what only a whole path shows comes last
 * (`path-conclusion.ts`), and a path that fails there is one more way that led nowhere. Refused: loops (RFC 4158
 * §5.2), and whatever exceeds the budget, so that crossed or look-alike authorities cost an answer and never the
 * process (catalogue C4).
 *
 * A leaf that is itself an anchor: authorities are no end entities, so for `encrypt` and `sign` it is refused as such;
 * for `any` the path is that one certificate. An end entity cannot be made trusted by putting it among the anchors.
 */
import { type CandidateIndex, candidateIndex, issuersOf } from './candidate-index.ts';
import type { Certificate } from './certificate.ts';
import { endEntityFailures, findIssuerFailure } from './certificate-rules.ts';
import { sameName } from './name.ts';
import type { CertificationPath, PathFailure, PathRequest, PathResult } from './path.ts';
import { concludePath } from './path-conclusion.ts';
import { mostUseful, pathFailure } from './path-failure.ts';
import { BudgetExceeded, PATH_BUDGET, type PathBudget, PathSpending } from './path-spending.ts';
import { findAlgorithmFault, verifyCertificateSignature } from './signature-check.ts';

export { PATH_BUDGET, type PathBudget };

/** Failures kept for `explain`; the most useful one is kept apart. */
const ATTEMPTS_MAX = 32;

/** Leaf first. */
type Chain = readonly [Certificate, ...Certificate[]];

/**
 * Is there a path from `leaf` to one of `anchors` that RFC 5280 accepts at that time, for that purpose and mailbox?
 * Expected failures are values. Revocation is looked at where the request brings a judge of it.
 * @param request everything in it but the anchors may be attacker-chosen
 */
export function validatePath(request: PathRequest, budget: PathBudget = PATH_BUDGET): PathResult {
  const leafFailures = endEntityFailures(request);
  const leafFailure = mostUseful(leafFailures);
  if (leafFailure !== null) return { ok: false, failure: leafFailure, attempts: leafFailures };
  const { leaf, anchors, purpose } = request;
  if (purpose === 'any' && anchors.some((anchor) => anchor.sha256 === leaf.sha256)) {
    const interval = { validFrom: leaf.notBefore, validUntil: leaf.notAfter };
    return { ok: true, path: { certificates: [leaf], ...interval, policies: [], revocation: [] }, attempts: [] };
  }
  return new PathSearch(request, budget).run();
}

class PathSearch {
  private readonly request: PathRequest;
  private readonly spending: PathSpending;
  private readonly anchors: CandidateIndex;
  private readonly intermediates: CandidateIndex;
  private readonly attempts: PathFailure[] = [];
  private best: PathFailure | null = null;
  /** Answers of this search by certificate: the same candidate is met again on many ways of a mesh. */
  private readonly issuerFailures = new Map<string, PathFailure | null>();
  private readonly signatureFailures = new Map<string, PathFailure | null>();

  constructor(request: PathRequest, budget: PathBudget) {
    this.request = request;
    this.spending = new PathSpending(budget);
    this.anchors = candidateIndex(request.anchors);
    this.intermediates = candidateIndex(request.intermediates);
  }

  run(): PathResult {
    const path = this.search();
    const { attempts } = this;
    if (path !== null) return { ok: true, path, attempts };
    // extend() records a failure on every way it gives up
    const failure = this.best ?? pathFailure('no-path', this.request.leaf, 'no path found');
    return { ok: false, failure, attempts };
  }

  private search(): CertificationPath | null {
    const chain: Chain = [this.request.leaf];
    try {
      return this.extend(chain, 0);
    } catch (thrown) {
      if (!(thrown instanceof BudgetExceeded)) throw thrown;
      const text = `search for a path given up after ${thrown.message}`;
      this.record(pathFailure('budget', this.request.leaf, text), chain);
      return null;
    }
  }

  /**
   * @param chain every certificate but the last was verified with the key of its successor
   * @param counted intermediates in it that are not self-issued (§6.1.4 (l))
   */
  private extend(chain: Chain, counted: number): CertificationPath | null {
    const last = chain[chain.length - 1] ?? chain[0];
    const anchors = issuersOf(last, this.anchors);
    for (const anchor of anchors) {
      this.spending.spendStep();
      const path = this.accepts(chain, anchor, counted) ? this.conclude([...chain, anchor]) : null;
      if (path !== null) return path;
    }
    let tried = anchors.length;
    for (const candidate of issuersOf(last, this.intermediates)) {
      this.spending.spendStep();
      if (isInChain(candidate, chain)) continue;
      tried++;
      const path = this.extendBy(candidate, chain, counted);
      if (path !== null) return path;
    }
    if (tried === 0) this.record(pathFailure('no-path', last, noIssuerText(last)), chain);
    return null;
  }

  private extendBy(candidate: Certificate, chain: Chain, counted: number): CertificationPath | null {
    const { depth } = this.spending.budget;
    if (chain.length > depth) {
      this.record(pathFailure('path-length', candidate, `more than ${depth} intermediate certificates`), chain);
      return null;
    }
    if (!this.accepts(chain, candidate, counted)) return null;
    const selfIssued = sameName(candidate.subject, candidate.issuer);
    return this.extend([...chain, candidate], counted + (selfIssued ? 0 : 1));
  }

  private conclude(certificates: Chain): CertificationPath | null {
    this.spending.spendPath();
    const conclusion = concludePath(this.request, certificates, this.spending);
    if (conclusion.ok) return conclusion.path;
    this.record(conclusion.failure, certificates);
    return null;
  }

  /** May `issuer` have issued the last of `chain` here, and did it? Records why not. */
  private accepts(chain: Chain, issuer: Certificate, counted: number): boolean {
    const subject = chain[chain.length - 1] ?? chain[0];
    const failure =
      this.issuerFailure(issuer) ?? pathLengthFailure(issuer, counted) ?? this.signatureFailure(subject, issuer);
    if (failure !== null) this.record(failure, [...chain, issuer]);
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
    else {
      this.spending.spendSignature();
      if (!verifyCertificateSignature(subject, issuer.key)) {
        const text = `signature of ${subject.subjectName} does not verify with the key of ${issuer.subjectName}`;
        failure = pathFailure('bad-signature', subject, text);
      }
    }
    this.signatureFailures.set(pair, failure);
    return failure;
  }

  private record(failure: PathFailure, chain: readonly Certificate[]): void {
    const told = { ...failure, chain };
    if (this.attempts.length < ATTEMPTS_MAX) this.attempts.push(told);
    if (this.best === null || told.rank > this.best.rank) this.best = told;
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

function noIssuerText(last: Certificate): string {
  if (sameName(last.subject, last.issuer)) return `${last.subjectName} is self-issued and not a trusted authority`;
  return `issuer ${last.issuerName} of ${last.subjectName} is not a trusted authority and no way leads from it to one`;
}
