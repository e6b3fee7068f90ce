/**
 * When evidence is asked for again: well before it ends, and at the latest after the refresh time, for an authority may
 * publish a revocation any day. Spread by jitter, so that gateways started together do not ask together.
 */

/**
 * @param now milliseconds since 1970, as is the result
 * @param jitter 0 to 1
 */
export function refreshMoment(
  now: number,
  thisUpdate: Date,
  nextUpdate: Date | null,
  refreshMs: number,
  jitter: number,
): number {
  const spread = 0.9 + 0.1 * jitter;
  const regular = now + refreshMs * spread;
  if (nextUpdate === null) return regular;
  const lifetime = Math.max(0, nextUpdate.getTime() - thisUpdate.getTime());
  const early = thisUpdate.getTime() + lifetime * 0.85 * spread;
  return Math.max(now + Math.min(1_000, refreshMs), Math.min(regular, early));
}

/**
 * Has the moment come? A moment further away than any that could have been chosen now was chosen by another clock.
 * @param refreshMs as given to {@link refreshMoment}
 */
export function isRefreshDue(refreshAt: number, now: number, refreshMs: number): boolean {
  return now >= refreshAt || refreshAt - now > Math.max(1_000, refreshMs);
}
