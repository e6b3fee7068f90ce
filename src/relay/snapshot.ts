/**
 * Everything one configuration means, opened and ready: what a transaction takes at MAIL and keeps to its end, so that
 * a reload in the middle changes nothing for mail under way.
 */
import type { CryptoProfile } from '../cms/profile.ts';
import type { Directory } from '../directory/directory.ts';
import type { Identities } from '../keys/identities.ts';
import type { PolicyRules } from '../policy/rules.ts';
import type { Trust } from '../trust/trust.ts';

/** Opened by `open-snapshot.ts`; whoever opened it ends it with {@link closeSnapshot}. */
export interface Snapshot {
  /** Configuration id, for records and logs. */
  readonly id: string;
  readonly hostname: string;
  readonly rules: PolicyRules;
  readonly directory: Directory;
  readonly trust: Trust;
  readonly identities: Identities;
  /** Crypto profiles by name. */
  readonly profiles: Readonly<Record<string, CryptoProfile>>;
  /** Lower-case names of every header field that proves internal origin anywhere; all are stripped on exit. */
  readonly vouchHeaders: ReadonlySet<string>;
}

/** Ends what a snapshot has running: its directory and the renewal of its evidence of revocation. */
export async function closeSnapshot({ directory, trust }: Snapshot): Promise<void> {
  await Promise.all([directory.close(), trust.close()]);
}
