/**
 * From `profiles` and the places that choose one to specifications by name. Whether the running Node can compute them is
 * found out when the gateway opens; here only names are resolved, and a profile written in place gets its text as name.
 */
import type { ProfileSpec } from '../cms/profile.ts';
import type { Origin } from '../policy/rules.ts';
import type { Site } from './language.ts';
import type { Located, MistakeList } from './mistake-list.ts';
import { nearestName } from './nearest-name.ts';
import type { ProfileDefinition } from './profile-definition.ts';
import { PROFILE_NAMES, type ProfileChoice, type ProfileTree } from './profile-shape.ts';

/** Collects the profiles of one configuration. */
export class ProfileBook {
  readonly #list: MistakeList;
  readonly #definitions = new Map<string, ProfileDefinition>();
  readonly #names: readonly string[];

  constructor(site: Site, list: MistakeList) {
    this.#list = list;
    this.#define('default', builtIn('default'), { path: 'built-in', file: null, line: null });
    const own = site.profiles?.value ?? [];
    for (const { name, content } of own) this.#define(name.value, specOf(content.value), this.#originOf(content));
    this.#names = [...PROFILE_NAMES, ...own.map(({ name }) => name.value)];
  }

  /** Every profile that anything names. */
  get definitions(): readonly ProfileDefinition[] {
    return [...this.#definitions.values()];
  }

  /** The name under which a choice is found among the definitions; `default` after a mistake was reported. */
  nameOf(choice: Located<ProfileChoice>): string {
    const { value } = choice;
    if (typeof value !== 'string') {
      const name = textOf(value);
      if (!this.#definitions.has(name)) this.#define(name, specOf(value), this.#originOf(choice));
      return name;
    }
    if (this.#definitions.has(value)) return value;
    if ((PROFILE_NAMES as readonly string[]).includes(value)) {
      this.#define(value, builtIn(value), this.#originOf(choice));
      return value;
    }
    const near = nearestName(value, this.#names);
    this.#list.mistake(
      choice,
      `there is no profile "${value}"`,
      near === null ? this.#names.join(', ') : `did you mean ${near}?`,
    );
    return 'default';
  }

  #define(name: string, spec: ProfileSpec, origin: Origin): void {
    this.#definitions.set(name, { name, spec, origin });
  }

  #originOf({ key, offset }: Located<unknown>): Origin {
    return { path: key, file: this.#list.file, line: this.#list.lineOf(offset) };
  }
}

function builtIn(name: string): ProfileSpec {
  return { base: name, changes: {}, capabilities: true };
}

/** `default, signature rsa-pss, key-transport rsa-oaep`: what `explain` and `queue show` call it. */
function textOf(tree: ProfileTree): string {
  const { base, ...changes } = tree;
  const parts = Object.entries(changes).flatMap(([key, located]) => {
    if (located === null) return [];
    const { value } = located;
    return [`${key} ${typeof value === 'object' ? value.map((one) => one.value).join(' ') : value}`];
  });
  return [base?.value ?? 'default', ...parts].join(', ');
}

function specOf(tree: ProfileTree): ProfileSpec {
  const changes = {
    signature: tree.signature?.value,
    digest: tree.digest?.value,
    content: tree.content?.value,
    contentDerivation: tree['content-key']?.value,
    keyTransport: tree['key-transport']?.value,
    oaepHash: tree['oaep-hash']?.value,
    oaepMaskHash: tree['oaep-mask-hash']?.value,
    keyAgreement: tree['key-agreement']?.value,
    recipients: tree['encrypt-to']?.value.map(({ value }) => value),
    rsaBitsMin: tree['rsa-bits-min']?.value,
    chain: tree.chain?.value,
    keyIdentifier: tree['key-identifier']?.value,
  };
  const written = Object.entries(changes).filter(([, value]) => value !== undefined);
  // the undefined ones were taken out: what is left has the types of `changes`
  const given = Object.fromEntries(written) as ProfileSpec['changes'];
  return { base: tree.base?.value ?? 'default', changes: given, capabilities: tree.capabilities?.value ?? true };
}
