/** What a figure was measured on. */
import { execFileSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';

export function machineFacts(rounds: number): Record<string, string> {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const dirty = execFileSync('git', ['status', '--porcelain', '--untracked-files=no'], { encoding: 'utf8' }) !== '';
  return {
    commit: dirty ? `${commit} with changes` : commit,
    node: process.version,
    openssl: process.versions.openssl,
    cpu: `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    kernel: release(),
    date: new Date().toISOString().slice(0, 10),
    load: loadavg()[1]?.toFixed(1) ?? '',
    rounds: String(rounds),
  };
}
