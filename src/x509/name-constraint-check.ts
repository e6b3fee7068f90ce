/**
 * Does every certificate of a path keep within the name constraints of those above it (RFC 5280 §6.1.3 (b) and (c),
 * §6.1.4 (g), RFC 9598 §6)? Permitted subtrees intersect: a name must be within those of every authority that has any
 * of its form. Excluded subtrees unite.
 *
 * Asked after all signatures of the path were verified, within a budget (catalogue C5). Fails closed: a name that is
 * not understood is outside every permitted subtree and inside every excluded one; the same holds of forms that are
 * not processed. Constraints of the anchor are applied too (DEVIATION RFC 5280 §6.1, which takes an anchor as a bare
 * name and key; RFC 5937 §3 asks for it).
 */
import { foldAscii } from '../address.ts';
import type { Certificate } from './certificate.ts';
import { escapeControls, sameName } from './name.ts';
import { findNameConstraints, type NameConstraints, type Subtree, type SubtreeBase } from './name-constraints.ts';
import type { PathFailure } from './path.ts';
import { pathFailure } from './path-failure.ts';
import type { PathSpending } from './path-spending.ts';
import { type NameValue, type SubjectName, subjectNames } from './subject-name.ts';

/** Subtrees named in a failure. */
const SHOWN_MAX = 4;
/** Characters of a name in a failure. */
const SHOWN_LENGTH_MAX = 200;

/**
 * The first name that is not allowed; null when all are.
 * @param path leaf first, anchor last; every signature in it was verified
 * @throws GatewayError asn1.malformed for constraints or names that cannot be read
 * @throws BudgetExceeded
 */
export function findNameViolation(path: readonly Certificate[], spending: PathSpending): PathFailure | null {
  const above: { readonly authority: Certificate; readonly constraints: NameConstraints }[] = [];
  for (let position = path.length - 1; position >= 0; position--) {
    const certificate = path[position];
    if (certificate === undefined) continue;
    // §6.1.3 (b): a self-issued certificate in the middle is exempt, so that an authority can change its key
    const exempt = position > 0 && sameName(certificate.subject, certificate.issuer);
    if (above.length > 0 && !exempt) {
      const names = subjectNames(certificate);
      spending.spendComparisons(names.length);
      for (const { authority, constraints } of above) {
        const failure = violationOf(names, certificate, authority, constraints, spending);
        if (failure !== null) return failure;
      }
    }
    const constraints = findNameConstraints(certificate);
    if (constraints === null) continue;
    spending.spendComparisons(constraints.count);
    above.push({ authority: certificate, constraints });
  }
  return null;
}

function violationOf(
  names: readonly SubjectName[],
  certificate: Certificate,
  authority: Certificate,
  constraints: NameConstraints,
  spending: PathSpending,
): PathFailure | null {
  for (const name of names) {
    const excluded = constraints.excluded.get(name.form) ?? [];
    for (const subtree of excluded) {
      spending.spendComparisons(1);
      if (isExcludedBy(name.value, subtree.base)) return violation(name, certificate, authority, [subtree], 'excludes');
    }
    const permitted = constraints.permitted.get(name.form);
    if (permitted === undefined) continue;
    const within = permitted.some((subtree) => {
      spending.spendComparisons(1);
      return isPermittedBy(name.value, subtree.base);
    });
    if (!within) return violation(name, certificate, authority, permitted, 'permits only');
  }
  return null;
}

function violation(
  name: SubjectName,
  certificate: Certificate,
  authority: Certificate,
  subtrees: readonly Subtree[],
  verb: string,
): PathFailure {
  const code = subtrees.some(({ base }) => base.kind === 'unprocessed') ? 'constraint-unsupported' : 'name-constraints';
  const bases = subtrees.slice(0, SHOWN_MAX).map(({ shown }) => (shown === '' ? '""' : show(shown)));
  if (subtrees.length > SHOWN_MAX) bases.push(`${subtrees.length - SHOWN_MAX} more`);
  const sides = `${authority.subjectName} ${verb} ${bases.join(', ')}`;
  return pathFailure(
    code,
    certificate,
    `${certificate.subjectName} has the ${name.form} ${show(name.shown)}; ${sides}`,
  );
}

function show(text: string): string {
  return escapeControls(text.slice(0, SHOWN_LENGTH_MAX));
}

/** Is all that the name stands for within the subtree, beyond doubt? */
export function isPermittedBy(name: NameValue, base: SubtreeBase): boolean {
  if (base.kind === 'all') return name.kind !== 'invalid';
  switch (name.kind) {
    case 'mailbox':
      if (base.kind === 'host') return isHostWithin(name.domain, base);
      // RFC 5280 §7.5: local parts octet by octet; RFC 9598 §6: none of a SmtpUTF8Mailbox can be written there
      return base.kind === 'mailbox' && !name.utf8 && name.local === base.local && name.domain === base.domain;
    case 'host':
      if (base.kind !== 'host') return false;
      // `*.a.example` is all below a.example
      return name.wildcard
        ? base.reach !== 'exactly' && (name.domain === base.domain || name.domain.endsWith(`.${base.domain}`))
        : isHostWithin(name.domain, base);
    case 'directory':
      return base.kind === 'directory' && isPrefix(base.relative, name.relative);
    case 'address':
      return base.kind === 'network' && isAddressWithin(name.octets, base);
    case 'invalid':
      return false;
  }
}

/** Could anything that the name stands for be within the subtree? */
export function isExcludedBy(name: NameValue, base: SubtreeBase): boolean {
  if (base.kind === 'all' || base.kind === 'unprocessed' || name.kind === 'invalid') return true;
  if (name.kind === 'mailbox' && base.kind === 'mailbox') {
    // without case: another spelling must not be the way round an exclusion
    return !name.utf8 && foldAscii(name.local) === foldAscii(base.local) && name.domain === base.domain;
  }
  if (name.kind === 'host' && name.wildcard && base.kind === 'host') {
    return isPermittedBy(name, base) || base.domain.endsWith(`.${name.domain}`);
  }
  return isPermittedBy(name, base);
}

function isHostWithin(host: string, base: SubtreeBase & { readonly kind: 'host' }): boolean {
  if (base.reach !== 'below' && host === base.domain) return true;
  return base.reach !== 'exactly' && host.endsWith(`.${base.domain}`);
}

function isPrefix(base: readonly string[], name: readonly string[]): boolean {
  return base.length <= name.length && base.every((part, index) => part === name[index]);
}

function isAddressWithin(octets: Buffer, { address, mask }: SubtreeBase & { readonly kind: 'network' }): boolean {
  if (octets.length !== mask.length) return false;
  return mask.every((bits, index) => ((octets[index] ?? 0) & bits) === ((address[index] ?? 0) & bits));
}
