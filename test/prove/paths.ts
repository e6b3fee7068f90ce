/**
 * Proves that hostile paths, lists and responses get an answer with its own reason (catalogue C4 to C7, C20, C21).
 *
 *     npm run prove -- paths
 *
 * Prints what each took, and fails on a wrong answer, on a path that takes 500 ms, on a list or response of which a step keeps
 * the event loop for 50 ms, and on a list of 64 MB that takes 3 s.
 */
import type { PathFailureCode, PathRequest } from '../../src/x509/path.ts';
import { validatePath } from '../../src/x509/path-validator.ts';
import { type HostileList, hostileLists } from '../support/hostile-lists.ts';
import { type HostilePath, hostilePaths } from '../support/hostile-paths.ts';
import { printTable, printVerdict } from './support/figure-table.ts';

const LIMIT_MS = 500;
const STEP_MS = 50;
/** A list of 64 MB is read in some 300 ms; hostile ones may take longer, in steps. */
const LIST_MS = 3_000;

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

interface MeasuredList extends HostileList {
  readonly answer: string;
  readonly milliseconds: number;
  /** The longest turn. */
  readonly stepMs: number;
}

function measureList(one: HostileList): MeasuredList {
  const run = one.make()();
  const begun = performance.now();
  let [stepMs, last] = [0, begun];
  for (;;) {
    const step = run.next();
    const now = performance.now();
    stepMs = Math.max(stepMs, now - last);
    last = now;
    if (step.done === true) return { ...one, answer: step.value, milliseconds: now - begun, stepMs };
  }
}

const measured = hostilePaths().map(measure);
printTable('hostile paths', [
  ['case', 'ms', 'answer', 'expected'],
  ...measured.map(({ name, milliseconds, code, expected }) => [name, milliseconds.toFixed(1), code, expected]),
]);
for (const { name, text } of measured) console.log(`  ${name}: ${text.slice(0, 160)}`);

const lists = hostileLists(1).map(measureList);
printTable('hostile lists and responses', [
  ['case', 'ms', 'longest turn, ms', 'answer'],
  ...lists.map(({ name, milliseconds, stepMs, answer }) => [
    name,
    milliseconds.toFixed(1),
    stepMs.toFixed(1),
    answer.slice(0, 90),
  ]),
]);
process.exit(
  printVerdict([
    ...measured
      .filter(({ code, expected, milliseconds }) => code !== expected || milliseconds > LIMIT_MS)
      .map(({ name, code, milliseconds }) => `${name}: ${code} after ${milliseconds.toFixed(0)} ms`),
    ...lists
      .filter(
        ({ answer, expected, milliseconds, stepMs }) =>
          !expected.test(answer) || stepMs > STEP_MS || milliseconds > LIST_MS,
      )
      .map(({ name, answer, stepMs }) => `${name}: ${answer}, longest turn ${stepMs.toFixed(0)} ms`),
  ]),
);
