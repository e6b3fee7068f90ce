/**
 * Certificate policies of a path as the graph of RFC 9618 §5, in place of the tree of RFC 5280 §6.1, which grows
 * exponentially (CVE-2023-0464, catalogue C6): one node for each policy and depth.
 *
 * Links are not stored: the parents of a policy are the nodes above whose expected policies hold it, or else the node
 * of anyPolicy above. Qualifiers are ignored. Policies and mappings of the anchor are no part of the path; its policy
 * constraints and inhibitAnyPolicy are applied (RFC 5937 §3), an administrator having installed them with it.
 */
import type { Certificate } from './certificate.ts';
import { sameName } from './name.ts';
import type { PathSpending } from './path-spending.ts';
import { ANY_POLICY, type PolicyFacts, policyFacts } from './policy-extensions.ts';

/** What a caller asks of policies (RFC 5280 §6.1.1 (c) to (g)). */
export interface PolicyInputs {
  /** user-initial-policy-set, dotted OIDs; null is any-policy. */
  readonly policies: readonly string[] | null;
  readonly requireExplicitPolicy: boolean;
  readonly inhibitPolicyMapping: boolean;
  readonly inhibitAnyPolicy: boolean;
}

export type PolicyResult =
  /** user-constrained-policy-set; `2.5.29.32.0` stands for any. Empty where none is valid and none is needed. */
  | { readonly ok: true; readonly policies: readonly string[] }
  /** `at` is the certificate at which no policy was left. */
  | { readonly ok: false; readonly at: Certificate; readonly text: string };

/** Expected policies by valid policy: the nodes of one depth. */
type Level = Map<string, ReadonlySet<string>>;

/**
 * @param path leaf first, anchor last; every signature in it was verified
 * @throws GatewayError asn1.malformed for policy extensions that cannot be read
 * @throws BudgetExceeded
 */
export function checkPolicies(
  path: readonly [Certificate, ...Certificate[]],
  inputs: PolicyInputs,
  spending: PathSpending,
): PolicyResult {
  const anchor = path.at(-1);
  const below = path.slice(0, -1).reverse();
  const graph = new PolicyGraph(below.length, inputs, spending);
  if (anchor !== undefined) graph.tighten(policyFacts(anchor));
  for (const [index, certificate] of below.entries()) {
    const last = index === below.length - 1;
    if (!graph.add(certificate, last)) return { ok: false, at: certificate, text: graph.refusal() };
  }
  const policies = graph.validPolicies();
  if (policies === null) return { ok: false, at: path[0], text: graph.refusal() };
  return { ok: true, policies };
}

class PolicyGraph {
  private readonly inputs: PolicyInputs;
  private readonly spending: PathSpending;
  /** null: NULL of the RFC, no policy is valid any more. The first level is depth 0. */
  private levels: Level[] | null = [new Map([[ANY_POLICY, new Set([ANY_POLICY])]])];
  private nodes = 1;
  // RFC 5280 §6.1.2 (d) to (f): certificates that may still follow
  private explicitPolicy: number;
  private inhibitAny: number;
  private policyMapping: number;

  constructor(length: number, inputs: PolicyInputs, spending: PathSpending) {
    this.inputs = inputs;
    this.spending = spending;
    this.explicitPolicy = inputs.requireExplicitPolicy ? 0 : length + 1;
    this.inhibitAny = inputs.inhibitAnyPolicy ? 0 : length + 1;
    this.policyMapping = inputs.inhibitPolicyMapping ? 0 : length + 1;
  }

  /** One more certificate of the path, from the anchor down. @returns false: a policy is needed and none is left */
  add(certificate: Certificate, last: boolean): boolean {
    const facts = policyFacts(certificate);
    const selfIssued = sameName(certificate.subject, certificate.issuer);
    if (facts.policies === null) this.levels = null;
    else this.extend(facts, this.inhibitAny > 0 || (!last && selfIssued));
    if (this.explicitPolicy === 0 && this.levels === null) return false;
    if (last) {
      // §6.1.5 (a) and (b)
      if (this.explicitPolicy > 0) this.explicitPolicy--;
      if (facts.requireExplicitPolicy === 0) this.explicitPolicy = 0;
      return true;
    }
    this.applyMappings(facts.mappings);
    if (!selfIssued) this.countDown();
    this.tighten(facts);
    return true;
  }

  /** RFC 5280 §6.1.4 (i) and (j). */
  tighten(facts: PolicyFacts): void {
    this.explicitPolicy = Math.min(this.explicitPolicy, facts.requireExplicitPolicy ?? this.explicitPolicy);
    this.policyMapping = Math.min(this.policyMapping, facts.inhibitPolicyMapping ?? this.policyMapping);
    this.inhibitAny = Math.min(this.inhibitAny, facts.inhibitAnyPolicy ?? this.inhibitAny);
  }

  /** The user-constrained set (RFC 9618 §5.5 (g)); null where a policy is needed and none is left. */
  validPolicies(): string[] | null {
    const authority = this.authorityPolicies();
    const wanted = this.inputs.policies;
    const valid =
      wanted === null || wanted.includes(ANY_POLICY)
        ? [...authority]
        : authority.has(ANY_POLICY)
          ? [...wanted]
          : wanted.filter((policy) => authority.has(policy));
    return valid.length === 0 && this.explicitPolicy === 0 ? null : valid.sort();
  }

  /** Both sides, for an administrator. */
  refusal(): string {
    const { policies } = this.inputs;
    const wanted = policies === null ? 'a policy' : `one of ${policies.slice(0, 8).join(', ')}`;
    const found = [...this.authorityPolicies()].slice(0, 8).join(', ');
    return `the path is valid for ${found === '' ? 'no policy' : `the policies ${found}`}, ${wanted} is needed`;
  }

  private countDown(): void {
    if (this.explicitPolicy > 0) this.explicitPolicy--;
    if (this.policyMapping > 0) this.policyMapping--;
    if (this.inhibitAny > 0) this.inhibitAny--;
  }

  /** RFC 9618 §5.3 (d). */
  private extend(facts: PolicyFacts, anyAllowed: boolean): void {
    const above = this.levels?.at(-1);
    if (above === undefined) return;
    const expected = new Set<string>();
    for (const policies of above.values()) {
      this.spending.spendPolicyLinks(policies.size);
      for (const policy of policies) expected.add(policy);
    }
    const level: Level = new Map();
    for (const policy of facts.policies ?? []) {
      if (expected.has(policy) || above.has(ANY_POLICY)) level.set(policy, new Set([policy]));
    }
    if (facts.anyPolicy && anyAllowed) {
      for (const policy of expected) if (!level.has(policy)) level.set(policy, new Set([policy]));
    }
    this.push(level);
  }

  private push(level: Level): void {
    this.nodes += level.size;
    this.spending.checkPolicyNodes(this.nodes);
    if (level.size === 0) this.levels = null;
    else this.levels?.push(level);
  }

  /** RFC 9618 §5.4 (b). */
  private applyMappings(mappings: PolicyFacts['mappings']): void {
    const level = this.levels?.at(-1);
    if (level === undefined) return;
    for (const [policy, targets] of mappings) {
      this.spending.spendPolicyLinks(targets.length);
      if (this.policyMapping === 0) level.delete(policy);
      else if (level.has(policy)) level.set(policy, new Set(targets));
      else if (level.has(ANY_POLICY)) {
        this.nodes++;
        level.set(policy, new Set(targets));
      }
    }
    this.spending.checkPolicyNodes(this.nodes);
    if (level.size === 0) this.levels = null;
  }

  /**
   * authority-constrained-policy-set (RFC 9618 §5.5 (g)): policies whose parent is anyPolicy, of nodes that reach the
   * leaf's depth. Walked from the leaf up, so nothing need be pruned on the way down.
   */
  private authorityPolicies(): Set<string> {
    const found = new Set<string>();
    const { levels } = this;
    if (levels === null) return found;
    let reaching = new Set(levels.at(-1)?.keys());
    if (reaching.has(ANY_POLICY)) found.add(ANY_POLICY);
    for (let depth = levels.length - 1; depth > 0; depth--) {
      reaching = this.parentsOf(reaching, levels[depth - 1] ?? new Map(), found);
    }
    return found;
  }

  /** @param found takes the policies whose parent is anyPolicy */
  private parentsOf(reaching: ReadonlySet<string>, above: Level, found: Set<string>): Set<string> {
    const parents = new Set<string>();
    const orphans = new Set(reaching);
    for (const [policy, expected] of above) {
      this.spending.spendPolicyLinks(expected.size);
      for (const target of expected) {
        if (!reaching.has(target)) continue;
        parents.add(policy);
        orphans.delete(target);
      }
    }
    if (orphans.size > 0) parents.add(ANY_POLICY);
    for (const policy of orphans) if (policy !== ANY_POLICY) found.add(policy);
    return parents;
  }
}
