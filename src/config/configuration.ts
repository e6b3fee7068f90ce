/** The whole validated configuration: frozen, files named in it not yet read except where a room's options say so. */
import type { DeliveryOptions } from '../delivery/route-options.ts';
import type { DirectoryOptions } from '../directory/directory.ts';
import type { IdentityOptions } from '../keys/identities.ts';
import type { PolicyRules } from '../policy/rules.ts';
import type { QueueOptions } from '../queue/queue.ts';
import type { DoorOptions } from '../smtp/listener-options.ts';
import type { TrustOptions } from '../trust/trust.ts';
import type { ProfileDefinition } from './profile-definition.ts';

/** One file, read and checked: every value is valid, every file that it names was there. */
export interface Configuration {
  /** First 12 hex digits of the SHA-256 of the file: names the snapshot in records and logs. */
  readonly id: string;
  /** Absolute path of the file. */
  readonly file: string;
  readonly hostname: string;
  readonly door: DoorOptions;
  readonly policy: PolicyRules;
  /** Every profile that `policy` can name, and `default`. */
  readonly profiles: readonly ProfileDefinition[];
  readonly trust: TrustOptions;
  readonly identities: IdentityOptions;
  readonly directory: DirectoryOptions;
  readonly delivery: DeliveryOptions;
  readonly queue: QueueOptions;
  readonly log: { readonly level: 'debug' | 'info' | 'warn' | 'error' };
}

/** One mistake or warning: printed `file:line:column: key: problem: what is allowed`. */
export interface Mistake {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** `rules.to.bank.example.encrypt`; empty for the file as a whole. */
  readonly key: string;
  readonly problem: string;
  /** What would be right, as a phrase; may be empty. */
  readonly allowed: string;
}

/** A configuration, or all of its mistakes at once. */
export type ConfigurationResult =
  | { readonly ok: true; readonly configuration: Configuration; readonly warnings: readonly Mistake[] }
  | { readonly ok: false; readonly mistakes: readonly Mistake[] };
