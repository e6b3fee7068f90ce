/** `sealgate explain --from A --to B [message.eml]`: what would happen to this mail, and why. */
import { readFile } from 'node:fs/promises';
import { type Address, parseAddress } from '../address.ts';
import type { Configuration } from '../config/configuration.ts';
import { GatewayError } from '../errors.ts';
import type { Opened } from '../open-snapshot.ts';
import type { Assessor } from '../relay/assessment.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { explanationFacts } from './explanation-facts.ts';
import { formatExplanation } from './explanation-text.ts';
import { loadOrReport } from './load-or-report.ts';
import { formatJson, type Terminal } from './terminal.ts';

export interface ExplainOptions {
  readonly from: string;
  readonly to: string;
  readonly config?: string;
  readonly json?: boolean;
}

/** @param open how the parts of the house are opened; an argument so that the command can be tested without them */
export async function explain(
  message: string | undefined,
  options: ExplainOptions,
  terminal: Terminal,
  open: (configuration: Configuration) => Promise<Opened<Assessor>>,
): Promise<ExitCode> {
  const from = parseSender(options.from);
  const to = parseAddress(options.to);
  if (from === undefined) return wrongAddress('--from', options.from, terminal);
  if (to === null) return wrongAddress('--to', options.to, terminal);
  const bytes = message === undefined ? null : await readMessage(message, terminal);
  if (bytes === undefined) return EXIT.noInput;
  const configuration = await loadOrReport(options.config, terminal);
  if (configuration === null) return EXIT.configuration;
  const opened = await open(configuration);
  if (!opened.ok) {
    for (const mistake of opened.mistakes) terminal.say(mistake);
    return EXIT.configuration;
  }
  return print(opened.value, { from, to, bytes, json: options.json === true }, terminal);
}

interface Question {
  readonly from: Address | null;
  readonly to: Address;
  readonly bytes: Buffer | null;
  readonly json: boolean;
}

async function print(assessor: Assessor, question: Question, terminal: Terminal): Promise<ExitCode> {
  try {
    const assessment = await assessor.assess(question.from, question.to, question.bytes);
    terminal.out(question.json ? formatJson(explanationFacts(assessment)) : formatExplanation(assessment));
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    terminal.say(
      `the message would be refused: ${error.reply} ${error.enhanced} ${error.publicText} (${error.detail})`,
    );
    return EXIT.data;
  } finally {
    await assessor.close();
  }
}

/** undefined when malformed; `<>` and the empty text are the null sender. */
function parseSender(text: string): Address | null | undefined {
  if (text === '<>' || text === '') return null;
  return parseAddress(text) ?? undefined;
}

function wrongAddress(option: string, text: string, terminal: Terminal): ExitCode {
  terminal.say(`${option}: "${text}" is not a mail address`);
  terminal.hint('an address such as anna@example.org; --from "<>" is the null sender');
  return EXIT.usage;
}

async function readMessage(file: string, terminal: Terminal): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch {
    terminal.say(`${file} cannot be read`);
    return undefined;
  }
}
