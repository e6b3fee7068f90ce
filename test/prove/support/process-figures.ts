/** What a process and its spool cost, as the system tells it (proc(5)); nothing is asked of the process itself. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

/** USER_HZ is 100 on every Linux of today. */
const TICKS_A_SECOND = 100;

/** Peak resident set in octets since the process began. */
export function peakRss(pid: number): number {
  return statusOctets(pid, 'VmHWM');
}

export function residentSet(pid: number): number {
  return statusOctets(pid, 'VmRSS');
}

/** Seconds of CPU, user and system, all threads. */
export function cpuSeconds(pid: number): number {
  // the second field, the name, may hold blanks; what follows its bracket does not
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
}

/** Octets of all files below a folder; files that vanish meanwhile count nothing. */
export function folderOctets(folder: string): number {
  return filesBelow(folder).reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
}

/** Regular files below a folder. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
}

/** Asks again and again until stopped, and keeps the largest answer. */
export function watchPeak(figure: () => number, everyMs: number): { stop(): number } {
  let peak = figure();
  const timer = setInterval(() => {
    peak = Math.max(peak, figure());
  }, everyMs);
  return {
    stop: () => {
      clearInterval(timer);
      return Math.max(peak, figure());
    },
  };
}

function statusOctets(pid: number, name: string): number {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
  if (found === null) throw new Error(`no ${name} of process ${pid}`);
  return Number(found[1]) * 1024;
}
