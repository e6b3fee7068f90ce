/**
 * What one search for a path may cost (catalogue C4 to C6): counters that only go up, shared by everything that works
 * for the search, so that no part of it has a way round the limit.
 *
 * Whoever asks to spend and is told no stops at once; the search then ends with the failure `budget`.
 */
export interface PathBudget {
  /** Signature verifications. */
  readonly signatures: number;
  /** Candidates looked at. */
  readonly steps: number;
  /** Whole paths judged: constraints, policies and revocation. */
  readonly paths: number;
  /** Certificates between leaf and anchor. */
  readonly depth: number;
  /** Comparisons of a name with a subtree, and names read for them, over all paths tried. */
  readonly comparisons: number;
  /** Nodes of one policy graph. */
  readonly policyNodes: number;
  /** Links of policy graphs looked at, over all paths tried. */
  readonly policyLinks: number;
}

/**
 * Signatures, steps and comparisons as in webpki (NSS mozpkix before it); 100 verifications stay under 500 ms with the
 * largest keys accepted. Whole paths: authorities that certify each other make millions of them out of 100 signatures, and
 * each may ask for its revocation; real ones make a handful. Depth: real paths for mail have one or two intermediates. Policies: real graphs have some 10
 * nodes.
 */
export const PATH_BUDGET: PathBudget = {
  signatures: 100,
  steps: 200_000,
  paths: 100,
  depth: 8,
  comparisons: 250_000,
  policyNodes: 1000,
  policyLinks: 250_000,
};

/** Thrown by {@link PathSpending} and caught where the search is: no result of a half-made check is ever used. */
export class BudgetExceeded extends Error {
  override readonly name = 'BudgetExceeded';
}

/** What is spent of a {@link PathBudget}. Every method throws BudgetExceeded, whose message says what of. */
export class PathSpending {
  readonly budget: PathBudget;
  private signatures = 0;
  private steps = 0;
  private paths = 0;
  private comparisons = 0;
  private policyLinks = 0;

  constructor(budget: PathBudget) {
    this.budget = budget;
  }

  spendSignature(): void {
    if (++this.signatures > this.budget.signatures) throw exceeded(this.budget.signatures, 'signature checks');
  }

  spendStep(): void {
    if (++this.steps > this.budget.steps) throw exceeded(this.budget.steps, 'candidates');
  }

  spendPath(): void {
    if (++this.paths > this.budget.paths) throw exceeded(this.budget.paths, 'whole paths');
  }

  spendComparisons(count: number): void {
    this.comparisons += count;
    if (this.comparisons > this.budget.comparisons) {
      throw exceeded(this.budget.comparisons, 'comparisons of names with constraints');
    }
  }

  /** @param nodes of the graph by now */
  checkPolicyNodes(nodes: number): void {
    if (nodes > this.budget.policyNodes) throw exceeded(this.budget.policyNodes, 'nodes of a policy graph');
  }

  spendPolicyLinks(count: number): void {
    this.policyLinks += count;
    if (this.policyLinks > this.budget.policyLinks) throw exceeded(this.budget.policyLinks, 'links of policies');
  }
}

function exceeded(limit: number, what: string): BudgetExceeded {
  return new BudgetExceeded(`more than ${limit} ${what}`);
}
