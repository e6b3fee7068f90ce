/** What was sent, what was answered, what arrived in which life of the gateway, and what follows from it. */
import { createHash } from 'node:crypto';

/** One try of one message; a message that is sent again after a lost 250 is another attempt. */
export interface Attempt {
  readonly id: string;
  /** The message that this is a try of. */
  readonly message: string;
  readonly recipients: readonly string[];
  readonly bodyDigest: string;
  /** `unanswered`: the final dot was written and no reply came. `cut`: the session ended before. */
  answer: 'none yet' | 'acknowledged' | 'unanswered' | 'cut' | 'refused';
}

/** One copy that the next hop took whole and answered with 250. */
export interface Arrival {
  readonly attempt: string;
  readonly to: readonly string[];
  /** SHA-256 of its octets: the same for the same stored copy, for nothing is encrypted twice. */
  readonly digest: string;
  /** Life of the gateway process that sent it. */
  readonly life: number;
  /** performance.now() when the 250 was said. */
  readonly at: number;
  /** What is wrong with it; null: it opened and is what was sent. */
  readonly fault: string | null;
}

export interface KillFindings {
  readonly messages: number;
  readonly attempts: number;
  readonly acknowledged: number;
  readonly refused: number;
  readonly arrivals: number;
  /** `attempt recipient` that were acknowledged and never arrived. */
  readonly lost: readonly string[];
  /** Copies that are not what was sent. */
  readonly wrong: readonly string[];
  /** Sent again in a later life: killed between the next hop's 250 and our commit. */
  readonly killedBetween: number;
  /** Longest time from such an arrival to the kill, milliseconds. */
  readonly longestGapMs: number;
  readonly unexplained: readonly string[];
  /** Deliveries of attempts whose 250 never reached the client (RFC 1047): committed, then killed. */
  readonly unacknowledged: number;
  /** Messages that arrived twice because the client sent again after a lost 250. */
  readonly sentAgain: number;
}

export function sha256(octets: Buffer): string {
  return createHash('sha256').update(octets).digest('hex');
}

/** @param killedAt performance.now() of the end of each life */
export function findKillFindings(
  attempts: ReadonlyMap<string, Attempt>,
  arrivals: readonly Arrival[],
  killedAt: ReadonlyMap<number, number>,
): KillFindings {
  const all = [...attempts.values()];
  const seen = new Map<string, Arrival>();
  const unexplained: string[] = [];
  let killedBetween = 0;
  let longestGapMs = 0;
  for (const arrival of arrivals) {
    for (const to of arrival.to) {
      const key = `${arrival.attempt} ${to}`;
      const before = seen.get(key);
      seen.set(key, arrival);
      if (before === undefined) continue;
      const killed = killedAt.get(before.life);
      if (killed !== undefined && before.life < arrival.life && before.digest === arrival.digest) {
        killedBetween += 1;
        longestGapMs = Math.max(longestGapMs, killed - before.at);
      } else unexplained.push(`${key} in life ${before.life} and ${arrival.life}`);
    }
  }
  const acknowledged = all.filter(({ answer }) => answer === 'acknowledged');
  const arrived = all.filter(({ id, recipients }) => recipients.some((to) => seen.has(`${id} ${to}`)));
  return {
    messages: new Set(all.map(({ message }) => message)).size,
    attempts: all.length,
    acknowledged: acknowledged.length,
    refused: all.filter(({ answer }) => answer === 'refused').length,
    arrivals: arrivals.length,
    lost: acknowledged.flatMap(({ id, recipients }) =>
      recipients.map((to) => `${id} ${to}`).filter((key) => !seen.has(key)),
    ),
    wrong: arrivals.flatMap(({ attempt, to, fault }) => (fault === null ? [] : [`${attempt} for ${to}: ${fault}`])),
    killedBetween,
    longestGapMs,
    unexplained,
    unacknowledged: arrived.filter(({ answer }) => answer !== 'acknowledged').length,
    sentAgain: arrived.length - new Set(arrived.map(({ message }) => message)).size,
  };
}
