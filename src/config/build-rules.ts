/** From `ours`, `defaults` and `rules` to {@link PolicyRules}; refuses rules that contradict or repeat each other. */
import type { Origin, PartialSettings, PolicyRules, RecipientRule } from '../policy/rules.ts';
import { CollectionBook } from './build-collections.ts';
import type { ProfileBook } from './build-profiles.ts';
import type { Site, settingsShape, TreeOf } from './language.ts';
import type { Located, MistakeList } from './mistake-list.ts';

type SettingsTree = TreeOf<typeof settingsShape>;

/** The parts of the file that a setting can name. */
interface Books {
  readonly profiles: ProfileBook;
  readonly collections: CollectionBook;
}

export function buildRules(site: Site, profiles: ProfileBook, list: MistakeList): PolicyRules {
  const books: Books = { profiles, collections: new CollectionBook(site, list) };
  const ours = buildOurs(site, list);
  const defaults = site.defaults === null ? {} : buildSettings(site.defaults, 'defaults', null, books, list);
  const seen = new Map<string, Located<unknown>>();
  const to: RecipientRule[] = [];
  for (const { name, content } of site.rules?.value.to?.value ?? []) {
    const pattern = patternText(name.value);
    const earlier = seen.get(pattern);
    if (earlier !== undefined) {
      list.mistake(name, 'duplicate rule', `it stands in line ${list.lineOf(earlier.offset)} already`);
    }
    seen.set(pattern, name);
    const settings = buildSettings(content, `rules.to.${pattern}`, name.value, books, list);
    if (Object.keys(settings).length === 0 && !list.hasMistakeUnder(name.key)) {
      list.mistake(name, 'rule sets nothing', 'sign, encrypt, without-certificate, unusable, profile or trust');
    }
    to.push({ match: name.value, settings });
  }
  books.collections.reportUnasked();
  return { ours, defaults, to, collections: books.collections.origins };
}

function buildOurs(site: Site, list: MistakeList): readonly string[] {
  const seen = new Map<string, Located<string>>();
  for (const domain of site.ours?.value ?? []) {
    const earlier = seen.get(domain.value);
    if (earlier === undefined) seen.set(domain.value, domain);
    else list.mistake(domain, 'duplicate domain', `it stands in line ${list.lineOf(earlier.offset)} already`);
  }
  return [...seen.keys()];
}

/** One spelling for each rule, so that two spellings of the same recipient are found out. */
function patternText(match: RecipientRule['match']): string {
  if (match.kind === 'address') return match.address.key;
  return match.kind === 'wildcard' ? `*.${match.domain}` : match.domain;
}

function buildSettings(
  tree: Located<SettingsTree>,
  path: string,
  match: RecipientRule['match'] | null,
  { profiles, collections }: Books,
  list: MistakeList,
): PartialSettings {
  const { sign, encrypt, 'without-certificate': without, unusable, profile, trust } = tree.value;
  if (encrypt?.value === 'required') {
    refusePlain(without, list);
    refusePlain(unusable, list);
  }
  return {
    ...(sign === null ? {} : { sign: withOrigin(sign, path, list) }),
    ...(encrypt === null ? {} : { encrypt: withOrigin(encrypt, path, list) }),
    ...(without === null ? {} : { withoutCertificate: withOrigin(without, path, list) }),
    ...(unusable === null ? {} : { unusable: withOrigin(unusable, path, list) }),
    ...(profile === null ? {} : { profile: withOrigin({ ...profile, value: profiles.nameOf(profile) }, path, list) }),
    ...(trust === null
      ? {}
      : { trust: withOrigin({ ...trust, value: collections.namesOf(trust, match) }, path, list) }),
  };
}

/** `required` never goes plain. Inherited, `plain` is overruled; written beside it, one of the two is a slip. */
function refusePlain(fallback: Located<string> | null, list: MistakeList): void {
  if (fallback?.value !== 'plain') return;
  list.mistake(fallback, 'plain contradicts encrypt: required beside it', 'refuse, or encrypt: if-possible');
}

function withOrigin<T>(located: Located<T>, path: string, list: MistakeList): { value: T; origin: Origin } {
  return { value: located.value, origin: { path, file: list.file, line: list.lineOf(located.offset) } };
}
