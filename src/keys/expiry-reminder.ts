/**
 * Which certificates of ours end when: for health answers and metrics, and for the log, once a day, while one of them has
 * 30 days left or less. What is said at the start is forgotten by the time it matters.
 */
import { identityExpires } from '../log/keys-events.ts';
import type { Identities } from './identities.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
/** A certificate that has less left is told of, in milliseconds. */
const SOON_MS = 30 * DAY_MS;
/** Lines a day; the soonest to end come first. */
const TOLD_MAX = 100;

/** One certificate of ours; it may be that of several mailboxes. */
export interface IdentityExpiry {
  /** Mailboxes it signs for. */
  readonly addresses: readonly string[];
  readonly sha256: string;
  readonly notAfter: Date;
}

/** The certificates that end first, in that order. @param most how many */
export function soonestExpiries({ all }: Identities, most: number): IdentityExpiry[] {
  const found = new Map<string, { addresses: string[]; sha256: string; notAfter: Date }>();
  for (const { address, certificate } of all) {
    const { sha256, notAfter } = certificate;
    const known = found.get(sha256);
    if (known === undefined) found.set(sha256, { addresses: [address.text], sha256, notAfter });
    else known.addresses.push(address.text);
  }
  return [...found.values()].sort((a, b) => a.notAfter.getTime() - b.notAfter.getTime()).slice(0, most);
}

/** Tells the log once a day. The first time is a day after {@link start}, for at the start everything was told. */
export class ExpiryReminder {
  readonly #identities: () => Identities;
  readonly #now: () => Date;
  #timer: NodeJS.Timeout | null = null;

  constructor(identities: () => Identities, now: () => Date = () => new Date()) {
    this.#identities = identities;
    this.#now = now;
  }

  start(): void {
    this.#timer = setInterval(() => this.remind(), DAY_MS);
    this.#timer.unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Tells of every certificate of which little is left. @returns how many that were */
  remind(): number {
    const until = this.#now().getTime() + SOON_MS;
    const due = soonestExpiries(this.#identities(), TOLD_MAX).filter(({ notAfter }) => notAfter.getTime() < until);
    for (const { addresses, sha256, notAfter } of due) {
      identityExpires(addresses.slice(0, 20), sha256, notAfter, notAfter < this.#now());
    }
    return due.length;
  }
}
