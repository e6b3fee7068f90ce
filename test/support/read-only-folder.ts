/** A folder nobody may change: for root, who may write everywhere, it is mounted so; for others its mode says so. */
import { spawnSync } from 'node:child_process';
import { chmodSync } from 'node:fs';

/** @returns what ends it; null where it cannot be had (root of a container that may not mount) */
export function closeFolder(folder: string): (() => void) | null {
  if (process.getuid?.() !== 0) {
    chmodSync(folder, 0o555);
    return () => chmodSync(folder, 0o755);
  }
  if (spawnSync('mount', ['--bind', '-o', 'ro', folder, folder]).status !== 0) return null;
  return () => void spawnSync('umount', [folder]);
}
