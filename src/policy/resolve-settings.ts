/**
 * Which setting holds for a recipient, and where it was written (`docs/configuration.md`, "Which rule wins").
 *
 * Order, weakest first: built-in, `defaults`, `*.domain` (the longest match last), `domain`, address. Every setting
 * inherits on its own, so a rule says only what differs. Among `rules.to` the most specific rule wins, also where it
 * asks for less: an administrator wrote both. That a requirement can only strengthen concerns the other axes
 * (senders, triggers), which this version does not have.
 *
 * For recipients in our own domains `sign` and `encrypt` are `never` unless a rule of `rules.to` names them:
 * `defaults` speaks of the outside.
 */
import type { Address } from '../address.ts';
import type { Origin, PolicyRules, RecipientRule, Settings } from './rules.ts';

/** Every setting with the place it comes from. */
export type ResolvedSettings = {
  readonly [K in keyof Settings]: { readonly value: Settings[K]; readonly origin: Origin };
};

/** What holds where nobody wrote anything. */
export const BUILT_IN_SETTINGS: Settings = Object.freeze({
  sign: 'if-possible',
  encrypt: 'if-possible',
  withoutCertificate: 'plain',
  unusable: 'refuse',
  profile: 'default',
  trust: null,
});

const BUILT_IN: Origin = Object.freeze({ path: 'built-in', file: null, line: null });
const BUILT_IN_FOR_OURS: Origin = Object.freeze({ path: 'built-in for our own domains', file: null, line: null });

/** The settings for mail to this recipient. The cost is one pass over the rules. */
export function resolveSettings(rules: PolicyRules, recipient: Address): ResolvedSettings {
  const base = {
    sign: { value: BUILT_IN_SETTINGS.sign, origin: BUILT_IN },
    encrypt: { value: BUILT_IN_SETTINGS.encrypt, origin: BUILT_IN },
    withoutCertificate: { value: BUILT_IN_SETTINGS.withoutCertificate, origin: BUILT_IN },
    unusable: { value: BUILT_IN_SETTINGS.unusable, origin: BUILT_IN },
    profile: { value: BUILT_IN_SETTINGS.profile, origin: BUILT_IN },
    trust: { value: BUILT_IN_SETTINGS.trust, origin: BUILT_IN },
    ...rules.defaults,
  };
  const start: ResolvedSettings = rules.ours.includes(recipient.domain)
    ? {
        ...base,
        sign: { value: 'never', origin: BUILT_IN_FOR_OURS },
        encrypt: { value: 'never', origin: BUILT_IN_FOR_OURS },
      }
    : base;
  let settings = start;
  const applying = rules.to.filter((rule) => ruleApplies(rule, recipient));
  for (const rule of applying.sort((a, b) => specificity(a) - specificity(b))) {
    settings = { ...settings, ...rule.settings };
  }
  return settings;
}

/** True when a certificate of this recipient could be asked for: facts are gathered for exactly these. */
export function needsCertificate(settings: ResolvedSettings): boolean {
  return settings.encrypt.value !== 'never';
}

/** Where it was written that this collection is asked for such a recipient: in a rule, or with the collection itself. */
export function originOfCollection(rules: PolicyRules, { trust }: ResolvedSettings, name: string): Origin {
  if (trust.value !== null) return trust.origin;
  return rules.collections?.[name] ?? BUILT_IN;
}

/** True when the rule speaks about this recipient, whether or not a more specific one overrides it. */
function ruleApplies(rule: RecipientRule, recipient: Address): boolean {
  switch (rule.match.kind) {
    case 'address':
      return rule.match.address.key === recipient.key;
    case 'domain':
      return rule.match.domain === recipient.domain;
    case 'wildcard':
      return recipient.domain.endsWith(`.${rule.match.domain}`);
  }
}

/** Higher wins. Wildcards that match one recipient are suffixes of each other, so their length orders them totally. */
function specificity(rule: RecipientRule): number {
  switch (rule.match.kind) {
    case 'address':
      return 2000;
    case 'domain':
      return 1000;
    case 'wildcard':
      return rule.match.domain.length;
  }
}
