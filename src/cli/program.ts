/** A program without commands, how it speaks, and how a command line is run with it. */
import { Command, CommanderError } from 'commander';
import { EXIT, type ExitCode } from './exit-code.ts';
import type { Terminal } from './terminal.ts';

export type Answer = (code: ExitCode) => void;

/** `sealgate` without any command. */
export function emptyProgram(terminal: Terminal): Command {
  return new Command('sealgate')
    .description('S/MIME gateway: signs and encrypts the mail that leaves an organisation')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => sayUsage(text, terminal),
      outputError: (text, write) => write(text),
    });
}

/**
 * Runs one command line.
 * @param words without the program's own name
 * @param build gives the program; its commands tell their exit code to the function they are given
 * @returns the exit code; rejects only for a defect
 */
export async function runProgram(words: readonly string[], build: (answer: Answer) => Command): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok;
  const program = build((result) => {
    code = result;
  });
  try {
    await program.parseAsync([...words], { from: 'user' });
    return code;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // help and version that were asked for are results
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
}

/** What the library says of a wrong command line: an error with a suggestion, or the whole help where a command is missing. */
function sayUsage(text: string, terminal: Terminal): void {
  const [first = '', ...rest] = text.trimEnd().split('\n');
  if (!first.startsWith('error: ')) {
    terminal.say('a command is missing');
    terminal.hint('--help shows the commands');
    return;
  }
  terminal.say(first.slice('error: '.length));
  for (const suggestion of rest) terminal.hint(suggestion.replace(/^\((.*)\)$/, '$1').toLowerCase());
}
