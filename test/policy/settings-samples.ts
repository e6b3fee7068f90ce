/** Settings for tests of decisions: every value written in one rule. */
import type { ResolvedSettings } from '../../src/policy/resolve-settings.ts';
import type { Fallback, Level } from '../../src/policy/rules.ts';

export const LEVELS: readonly Level[] = ['never', 'if-possible', 'required'];
export const FALLBACKS: readonly Fallback[] = ['refuse', 'plain'];

export function settingsOf(values: {
  readonly sign: Level;
  readonly encrypt: Level;
  readonly withoutCertificate: Fallback;
  readonly unusable: Fallback;
}): ResolvedSettings {
  const origin = { path: 'defaults', file: 'sealgate.yaml', line: 9 };
  return {
    sign: { value: values.sign, origin },
    encrypt: { value: values.encrypt, origin },
    withoutCertificate: { value: values.withoutCertificate, origin },
    unusable: { value: values.unusable, origin },
    profile: { value: 'default', origin },
    trust: { value: null, origin },
  };
}
