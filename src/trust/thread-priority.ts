/**
 * What a thread beside the one that serves mail may take of the processor while both want it: a third, or a tenth.
 *
 * QUIRK: Linux gives each thread a niceness of its own, and "this process" in setpriority(2) is the thread that asks.
 * Elsewhere it would be all threads, so nothing is changed there.
 */
import { platform, setPriority } from 'node:os';

/** As nice(1) counts: 5 is a third of the share of who has 0, 10 a tenth. */
export type Niceness = 5 | 10;

/** Of the thread that calls, for as long as it lives. Where the system refuses, all goes on as without. */
export function yieldToMail(niceness: Niceness): void {
  if (platform() !== 'linux') return;
  try {
    setPriority(niceness);
  } catch {
    // a container may forbid it: only mail beside a large list is then a little slower
  }
}
