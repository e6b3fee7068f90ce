/** `--profile` and `--cipher` of `sealgate cms`: a built-in profile and, if wanted, another content cipher in it. */
import { CONTENT_CIPHERS, type ContentCipher } from '../cms/algorithms/content-ciphers.ts';
import { type CryptoProfile, PROFILES, resolveProfile } from '../cms/profile.ts';
import { algorithmSupport } from '../keys/algorithm-support.ts';
import { CmsStop } from './cms-stop.ts';
import { EXIT } from './exit-code.ts';

export interface ProfileOptions {
  readonly profile?: string;
  readonly cipher?: string;
}

/** Ciphers that are written. */
export const CIPHER_NAMES: readonly string[] = Object.entries(CONTENT_CIPHERS)
  .filter(([, { legacy }]) => !legacy)
  .map(([name]) => name);

/** @throws CmsStop for names that are unknown or do not go together, and for what this Node lacks */
export function chooseProfile({ profile = 'default', cipher }: ProfileOptions): CryptoProfile {
  if (!Object.hasOwn(PROFILES, profile)) {
    throw new CmsStop(EXIT.usage, `there is no profile ${profile}`, `profiles: ${Object.keys(PROFILES).join(', ')}`);
  }
  if (cipher !== undefined && !CIPHER_NAMES.includes(cipher)) {
    throw new CmsStop(EXIT.usage, `there is no cipher ${cipher}`, `ciphers: ${CIPHER_NAMES.join(', ')}`);
  }
  const changes = cipher === undefined ? {} : { content: cipher as ContentCipher };
  const result = resolveProfile(profile, { base: profile, changes, capabilities: true }, algorithmSupport);
  if (!result.ok) throw new CmsStop(EXIT.usage, `profile ${profile}: ${result.problem}`);
  return result.profile;
}
