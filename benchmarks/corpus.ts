/** Messages of the benchmarks: text and a base64 attachment, CRLF, 76 columns; the same shape the peers are fed. */
import { randomBytes } from 'node:crypto';

export interface BenchSize {
  readonly name: string;
  readonly bytes: number;
  /** Messages a measurement; a second or two of work. */
  readonly repeats: number;
  /** Before ours is measured: it is more code than a bound, and a gateway runs for weeks. */
  readonly warm: number;
}

export const SIZES: readonly BenchSize[] = [
  { name: '4k', bytes: 4096, repeats: 2000, warm: 8000 },
  { name: '75k', bytes: 75_000, repeats: 800, warm: 2000 },
  { name: '1m', bytes: 1 << 20, repeats: 100, warm: 200 },
  { name: '25m', bytes: 25 << 20, repeats: 6, warm: 6 },
];

const TOP =
  'Content-Type: multipart/mixed; boundary="mix"\r\nMIME-Version: 1.0\r\n\r\n--mix\r\n' +
  'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n' +
  'A line of ordinary text for the reader, seventy columns or so wide, ok.\r\n'.repeat(20) +
  '--mix\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n';
const END = '--mix--\r\n';

/** A MIME entity of about that many octets, header fields first. */
export function makeEntity(bytes: number): Buffer {
  const lines = Math.max(1, Math.floor((bytes - TOP.length - END.length) / 78));
  const block = randomBytes(57 * Math.min(lines, 4096))
    .toString('base64')
    .replace(/(.{76})/g, '$1\r\n');
  const parts = [Buffer.from(TOP)];
  for (let left = lines; left > 0; left -= 4096) parts.push(Buffer.from(block.slice(0, Math.min(left, 4096) * 78)));
  parts.push(Buffer.from(END));
  return Buffer.concat(parts);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** `1.23 [1.10-1.31]` */
export function spread(values: readonly number[], digits = 2): string {
  const low = Math.min(...values).toFixed(digits);
  const high = Math.max(...values).toFixed(digits);
  return `${median(values).toFixed(digits)} [${low}-${high}]`;
}
