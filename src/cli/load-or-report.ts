/** Loads the configuration for a command, or says everything that is wrong with it. */
import path from 'node:path';
import type { Configuration, ConfigurationResult } from '../config/configuration.ts';
import { findOverrides } from '../config/environment.ts';
import { loadConfiguration } from '../config/load-configuration.ts';
import { formatMistake } from '../config/mistake-list.ts';
import type { Terminal } from './terminal.ts';

/** `--config`, else SEALGATE_CONFIG, else the sample beside the installation. */
export function configurationFile(option: string | undefined, terminal: Terminal): string {
  const installed = path.resolve(import.meta.dirname, '../../../config/sealgate.yaml');
  // relative to where the command was called, when that is shorter to read
  const near = path.relative(process.cwd(), installed);
  return option ?? terminal.environment['SEALGATE_CONFIG'] ?? (near.startsWith('..') ? installed : near);
}

/** Reads file and environment. Never rejects. */
export async function readAll(file: string, terminal: Terminal): Promise<ConfigurationResult> {
  const result = await loadConfiguration(file);
  const overrides = findOverrides(terminal.environment).map((name) => ({
    file: 'environment',
    line: 1,
    column: 1,
    key: name,
    problem: 'not supported in this version',
    allowed: 'the key in the file',
  }));
  if (overrides.length === 0) return result;
  return { ok: false, mistakes: [...(result.ok ? [] : result.mistakes), ...overrides] };
}

/** @returns null after all mistakes were said; the command then ends with {@link EXIT.configuration} */
export async function loadOrReport(option: string | undefined, terminal: Terminal): Promise<Configuration | null> {
  const result = await readAll(configurationFile(option, terminal), terminal);
  if (result.ok) return result.configuration;
  for (const mistake of result.mistakes) terminal.say(formatMistake(mistake));
  return null;
}
