/** `sealgate cms show`: what a CMS object is made of, for people, or with `--json` for machines. Judges nothing. */
import { printable } from '../log/logger.ts';
import { findCms } from '../smime/open-cms.ts';
import { failureStop } from './cms-decrypt-command.ts';
import { type CmsInput, openInput } from './cms-input.ts';
import { sayStop } from './cms-stop.ts';
import { readStructure } from './cms-structure.ts';
import type { CmsFileOptions } from './cms-write-command.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { formatJson, type Terminal } from './terminal.ts';

export interface ShowOptions extends CmsFileOptions {
  readonly json?: boolean;
}

export async function cmsShow(options: ShowOptions, terminal: Terminal): Promise<ExitCode> {
  let input: CmsInput | null = null;
  try {
    input = await openInput(options.in, true, terminal);
    const { object, content } = await findCms(input.source, options.form);
    const result = await readStructure(object);
    if (!result.ok) throw failureStop(result.failure);
    const facts = { ...result.structure, multipartSigned: content !== null };
    terminal.out(options.json === true ? formatJson(facts) : formatFacts(facts, '').join('\n'));
    return EXIT.ok;
  } catch (thrown) {
    return sayStop(thrown, terminal);
  } finally {
    await input?.close();
  }
}

/** Indented lines of `name value`; what is absent is left out. */
function formatFacts(facts: object, indent: string): string[] {
  const lines: string[] = [];
  for (const [name, value] of Object.entries(facts) as [string, unknown][]) {
    if (value === null || value === undefined || value === false) continue;
    if (Array.isArray(value)) lines.push(...formatList(name, value, indent));
    else if (typeof value === 'object') lines.push(`${indent}${wordsOf(name)}`, ...formatFacts(value, `${indent}  `));
    else lines.push(`${indent}${wordsOf(name).padEnd(20)} ${value === true ? 'yes' : printable(String(value))}`);
  }
  return lines;
}

function formatList(name: string, list: readonly unknown[], indent: string): string[] {
  if (list.every((entry) => typeof entry !== 'object')) {
    return list.length === 0 ? [] : [`${indent}${wordsOf(name).padEnd(20)} ${printable(list.join(', '))}`];
  }
  return list.flatMap((entry, index) => [
    `${indent}${wordsOf(name).replace(/s$/, '')} ${index + 1}`,
    ...formatFacts(entry as object, `${indent}  `),
  ]);
}

function wordsOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
