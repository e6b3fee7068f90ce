/**
 * The collections of `trust` by name, and who may name them: rules choose among them, and a choice that could never
 * vouch for the recipients it is written for is a mistake, found before any mail is refused for it (catalogue C29).
 */
import type { Origin, RecipientRule } from '../policy/rules.ts';
import type { Site } from './language.ts';
import type { Located, MistakeList } from './mistake-list.ts';
import { nearestName } from './nearest-name.ts';

type Match = RecipientRule['match'];
/** How much of what a rule is about a collection may vouch for. */
type Cover = 'all' | 'some' | 'none';

interface Known {
  readonly name: Located<string>;
  /** null: everybody, where a rule names it. */
  readonly onlyFor: readonly string[] | null;
}

/** The collections of one configuration. */
export class CollectionBook {
  /** Where the domains of each are listed, for explanations. */
  readonly origins: Readonly<Record<string, Origin>>;
  readonly #list: MistakeList;
  readonly #known = new Map<string, Known>();
  readonly #chosen = new Set<string>();
  /** What `defaults` chooses, which takes the place of every `only-for`. */
  #forEverybody: Located<unknown> | null = null;

  constructor(site: Site, list: MistakeList) {
    this.#list = list;
    const origins: Record<string, Origin> = {};
    for (const { name, content } of site.trust?.value.others ?? []) {
      const { 'only-for': onlyFor } = content.value;
      const wrong = list.hasMistakeUnder(`${content.key}.only-for`);
      const domains = onlyFor?.value.map(({ value }) => value) ?? null;
      this.#known.set(name.value, { name, onlyFor: wrong ? ['*'] : domains });
      if (onlyFor === null) continue;
      origins[name.value] = { path: onlyFor.key, file: list.file, line: list.lineOf(onlyFor.offset) };
    }
    this.origins = origins;
  }

  /**
   * The names of a choice; what is wrong with it was reported.
   * @param match whom the rule is about; null: everybody (`defaults`)
   */
  namesOf(choice: Located<readonly Located<string>[]>, match: Match | null): readonly string[] {
    if (match === null) this.#forEverybody = choice;
    const names = new Set<string>();
    const covers: Cover[] = [];
    for (const one of choice.value) {
      if (names.has(one.value)) this.#list.mistake(one, `"${one.value}" stands there twice`, 'each collection once');
      names.add(one.value);
      this.#chosen.add(one.value);
      const cover = this.#coverOf(one, match);
      if (cover !== null) covers.push(cover);
    }
    if (covers.length === choice.value.length && !covers.includes('all') && !covers.includes('none')) {
      this.#reportPartial(choice, match);
    }
    return [...names];
  }

  /** To be called when every rule was read. */
  reportUnasked(): void {
    for (const { name, onlyFor } of this.#known.values()) {
      if (this.#chosen.has(name.value)) continue;
      if (onlyFor !== null) {
        if (this.#forEverybody !== null) this.#reportLeftOut(this.#forEverybody, name, onlyFor);
        continue;
      }
      this.#list.mistake(
        name,
        'nobody asks it',
        `only-for: [DOMAIN] beside its from, or trust: ${name.value} in a rule`,
      );
    }
  }

  /** Its domains are still listed with it, so somebody thinks that it is asked. */
  #reportLeftOut(choice: Located<unknown>, name: Located<string>, onlyFor: readonly string[]): void {
    this.#list.warning(
      choice,
      `leaves out "${name.value}" (line ${this.#list.lineOf(name.offset)}), so that it is not asked for ${onlyFor.join(', ')}`,
      `add ${name.value} here or to a rule`,
    );
  }

  /** null after a mistake was reported. */
  #coverOf(one: Located<string>, match: Match | null): Cover | null {
    if (one.value === 'default') return 'all';
    const known = this.#known.get(one.value);
    if (known === undefined) {
      const names = ['default', ...this.#known.keys()];
      const near = nearestName(one.value, names);
      const allowed = near === null ? names.join(', ') : `did you mean ${near}?`;
      this.#list.mistake(one, `there is no collection "${one.value}"`, allowed);
      return null;
    }
    const { onlyFor } = known;
    const cover = onlyFor === null ? 'all' : coverOf(onlyFor, match);
    if (cover !== 'none' || onlyFor === null) return cover;
    this.#list.mistake(
      one,
      `"${one.value}" vouches only for ${onlyFor.join(', ')} (line ${this.#list.lineOf(known.name.offset)})`,
      `${textOf(match)} in its only-for, or another collection`,
    );
    return null;
  }

  #reportPartial(choice: Located<readonly Located<string>[]>, match: Match | null): void {
    const names = choice.value.map(({ value }) => value).join(', ');
    if (match === null) {
      this.#list.mistake(choice, `nobody vouches for recipients outside the domains of ${names}`, 'add default');
      return;
    }
    const whom = `${textOf(match)} outside the domains of ${names}`;
    this.#list.warning(choice, `nobody vouches for recipients in ${whom}`, 'add default if somebody should');
  }
}

/** @param onlyFor domains in A-labels, `*.domain` for those below */
function coverOf(onlyFor: readonly string[], match: Match | null): Cover {
  if (onlyFor.includes('*')) return 'all';
  if (match === null) return 'some';
  const covered = onlyFor.some((pattern) => coversAll(pattern, match));
  if (covered) return 'all';
  return match.kind === 'wildcard' && onlyFor.some((pattern) => bare(pattern).endsWith(`.${match.domain}`))
    ? 'some'
    : 'none';
}

function coversAll(pattern: string, match: Match): boolean {
  const domain = match.kind === 'address' ? match.address.domain : match.domain;
  if (!pattern.startsWith('*.')) return match.kind !== 'wildcard' && pattern === domain;
  // all below the domain of a wildcard are below the domain itself
  return domain.endsWith(pattern.slice(1)) || (match.kind === 'wildcard' && domain === bare(pattern));
}

function bare(pattern: string): string {
  return pattern.startsWith('*.') ? pattern.slice(2) : pattern;
}

function textOf(match: Match | null): string {
  if (match === null) return 'everybody';
  if (match.kind === 'address') return match.address.domain;
  return match.kind === 'wildcard' ? `*.${match.domain}` : match.domain;
}
