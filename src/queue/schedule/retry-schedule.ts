/**
 * When a deferred message is tried again (RFC 5321 §4.5.4.1). Pure: time and randomness are arguments.
 * The delay starts at `firstMs` and doubles to `maxMs`; the jitter keeps a thousand messages that were deferred by one
 * outage from coming back in one second. The last attempt falls on the end of the lifetime, never long before it.
 */
import type { RetryOptions } from '../queue.ts';

/** A fifth either way: enough to spread a burst over minutes, little enough that "about five minutes" stays true. */
const JITTER = 0.2;

export interface RetryFacts {
  /** Attempts made so far; at least 1. */
  readonly attempts: number;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** In [0, 1). */
  readonly random: number;
}

/**
 * The next attempt of a message that was just deferred.
 * @returns milliseconds since 1970; null when the message is as old as its lifetime, and what waits has failed
 */
export function planNextAttempt(facts: RetryFacts, options: RetryOptions): number | null {
  const end = facts.receivedAt + options.lifetimeMs;
  if (facts.now >= end) return null;
  return Math.min(end, facts.now + retryDelayMs(facts.attempts, facts.random, options));
}

/**
 * @param attempts made so far; at least 1
 * @param random in [0, 1)
 */
export function retryDelayMs(attempts: number, random: number, options: RetryOptions): number {
  const doubled = options.firstMs * 2 ** Math.min(Math.max(attempts, 1) - 1, 40);
  return Math.round(Math.min(options.maxMs, doubled) * (1 + JITTER * (2 * random - 1)));
}
