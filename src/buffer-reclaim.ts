/**
 * Keeps the memory of passed octets small: a process that streams 1 GB must not hold 50 MB of it as garbage.
 *
 * Ciphers and readers give each chunk in fresh memory outside V8's heap. V8 lets 32 MiB of that pile up before it looks
 * (it counts its own objects, of which a chunk has few), and glibc then gives the freed top of the heap back to the
 * kernel, so that the next chunks fault every page in again. Both are mended here, once a process: young objects are
 * collected every {@link RECLAIM_OCTETS} octets that passed, and glibc is taught to keep what is freed. Measured on 1 GB
 * signed and encrypted: a fifth to a third less CPU time, peak memory down by 11 MiB and no longer growing with size.
 *
 * Refuses nothing. Where V8 has no such collection, or the C library is another, all goes on as without.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Octets that may pass between two collections: fewer cost time, more cost memory. */
export const RECLAIM_OCTETS = 8 * 1024 * 1024;
/**
 * glibc keeps freed memory up to twice the largest block that it has ever mapped and unmapped (mallopt(3),
 * M_MMAP_THRESHOLD: dynamic), and takes smaller ones from its heap.
 */
const LARGEST_BLOCK = 16 * 1024 * 1024;

/** Small objects of a piece that is looked at weigh so many times less than the piece. */
const SMALL_SHARE = 8;

type Collect = (options: { readonly type: 'minor' }) => void;

let collect: Collect | null = null;
let passed = 0;

/** Prepares this process; without it {@link octetsPassed} does nothing. To be called once, at the start. */
export function prepareReclaim(): void {
  try {
    setFlagsFromString('--expose-gc');
    const found: unknown = runInNewContext('gc');
    if (typeof found !== 'function') return;
    collect = found as Collect;
  } catch {
    // a runtime without it: more memory, no other harm
    return;
  }
  // never touched, so that it costs no memory; dropped at once, so that it is unmapped by the collection
  Buffer.allocUnsafeSlow(LARGEST_BLOCK);
  collect({ type: 'minor' });
}

/**
 * Tells that so many octets were read into, or made in, memory of their own. Takes a millisecond every 8 MiB.
 * @param remade false: they are only looked at where they lie, and what each piece leaves behind is a few small objects
 */
export function octetsPassed(octets: number, remade = true): void {
  passed += remade ? octets : octets / SMALL_SHARE;
  if (passed < RECLAIM_OCTETS) return;
  passed = 0;
  collect?.({ type: 'minor' });
}
