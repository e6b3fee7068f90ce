/**
 * Proves that hostile paths get an answer with its own reason, each under 500 ms (catalogue C4 to C7).
 *
 *     npm run prove -- paths
 */
import type { PathFailureCode, PathRequest } from '../../src/x509/path.ts';
import { validatePath } from '../../src/x509/path-validator.ts';
import { type HostilePath, hostilePaths } from '../support/hostile-paths.ts';
import { printTable, printVerdict } from './support/figure-table.ts';

const LIMIT_MS = 500;

interface Measured extends HostilePath {
  readonly code: PathFailureCode | 'valid';
  readonly text: string;
  readonly milliseconds: number;
}

function measure(one: HostilePath): Measured {
  const request: PathRequest = one.request();
  const begun = performance.now();
  const result = validatePath(request, one.budget);
  const milliseconds = performance.now() - begun;
  return {
    ...one,
    milliseconds,
    code: result.ok ? 'valid' : result.failure.code,
    text: result.ok ? '' : result.failure.text,
  };
}

const measured = hostilePaths().map(measure);
printTable('hostile paths', [
  ['case', 'ms', 'answer', 'expected'],
  ...measured.map(({ name, milliseconds, code, expected }) => [name, milliseconds.toFixed(1), code, expected]),
]);
for (const { name, text } of measured) console.log(`  ${name}: ${text.slice(0, 160)}`);
process.exit(
  printVerdict(
    measured
      .filter(({ code, expected, milliseconds }) => code !== expected || milliseconds > LIMIT_MS)
      .map(({ name, code, milliseconds }) => `${name}: ${code} after ${milliseconds.toFixed(0)} ms`),
  ),
);
