/**
 * `sealgate check`: loads everything that a start would load, the configuration, the trusted CAs, our identities, the
 * directory and the CRLs brought by hand, and says what is wrong and what should be known. Nothing listens and no queue is
 * opened.
 */
import type { Configuration } from '../config/configuration.ts';
import { formatMistake } from '../config/mistake-list.ts';
import { openSnapshot } from '../open-snapshot.ts';
import { crlWarnings } from './crl-command.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { configurationFile, readAll } from './load-or-report.ts';
import { formatJson, type Terminal } from './terminal.ts';

export interface CheckOptions {
  readonly config?: string;
  readonly json?: boolean;
}

/** Stable names, for `--json`. */
interface CheckReport {
  readonly ok: boolean;
  readonly file: string;
  /** Identifier of the configuration, as it stands in logs and records. */
  readonly configuration: string | null;
  readonly mistakes: readonly string[];
  readonly warnings: readonly string[];
  readonly identities: number;
  readonly anchors: number;
}

export async function check(options: CheckOptions, terminal: Terminal): Promise<ExitCode> {
  const file = configurationFile(options.config, terminal);
  const report = await inspect(file, terminal);
  if (options.json === true) terminal.out(formatJson(report));
  else print(report, terminal);
  return report.ok ? EXIT.ok : EXIT.configuration;
}

function print(report: CheckReport, terminal: Terminal): void {
  for (const warning of report.warnings) terminal.say(`warning: ${warning}`);
  for (const mistake of report.mistakes) terminal.say(mistake);
  const { file, configuration, identities, anchors, mistakes } = report;
  if (report.ok) {
    terminal.out(
      `${file}: valid, configuration ${configuration}, ${count(identities, 'identity', 'identities')}, ${count(anchors, 'trusted CA', 'trusted CAs')}`,
    );
  } else {
    terminal.say(`${file}: ${count(mistakes.length, 'mistake', 'mistakes')}`);
  }
}

function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}

async function inspect(file: string, terminal: Terminal): Promise<CheckReport> {
  const result = await readAll(file, terminal);
  const nothing = { file, configuration: null, warnings: [], identities: 0, anchors: 0 };
  if (!result.ok) return { ...nothing, ok: false, mistakes: result.mistakes.map(formatMistake) };
  return inspectRooms(file, result.configuration, result.warnings.map(formatMistake));
}

async function inspectRooms(
  file: string,
  configuration: Configuration,
  warnings: readonly string[],
): Promise<CheckReport> {
  const base = { file, configuration: configuration.id };
  const opened = await openSnapshot(configuration);
  if (!opened.ok) return { ...base, ok: false, mistakes: opened.mistakes, warnings, identities: 0, anchors: 0 };
  const { identities, trust, directory } = opened.value;
  await directory.close();
  const crls = await crlWarnings(configuration);
  return {
    ...base,
    ok: true,
    mistakes: [],
    warnings: [...warnings, ...opened.warnings, ...crls],
    identities: identities.all.length,
    anchors: trust.collections.reduce((sum, { anchors }) => sum + anchors, 0),
  };
}
