/** The commands and options of `sealgate`, and which function answers each. docs/cli.md documents every one. */
import { Command, CommanderError } from 'commander';
import { formatConfigurationReference } from '../config/configuration-reference.ts';
import { VERSION } from '../gateway.ts';
import { openAssessor } from './assessor.ts';
import { addCertificateCommands } from './certificate-commands.ts';
import { type CheckOptions, check } from './check-command.ts';
import { addCmsCommands } from './cms-commands.ts';
import { type ControlOptions, health, queueDrop, queueList, queueRetry, queueShow, reload } from './control-command.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { type ExplainOptions, explain } from './explain-command.ts';
import { loginHash } from './login-command.ts';
import { type StartOptions, start } from './start-command.ts';
import type { Terminal } from './terminal.ts';

/**
 * Runs one command line.
 * @param words without the program's own name
 * @returns the exit code; rejects only for a defect
 */
export async function runCommandLine(words: readonly string[], terminal: Terminal): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok;
  const program = buildProgram(terminal, (result) => {
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

type Answer = (code: ExitCode) => void;

/** Every command, for running and for the test that docs/cli.md names them all. */
export function buildProgram(terminal: Terminal, answer: Answer): Command {
  const program = new Command('sealgate')
    .description('S/MIME gateway: signs and encrypts the mail that leaves an organisation')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => sayUsage(text, terminal),
      outputError: (text, write) => write(text),
    });
  addHouseCommands(program, terminal, answer);
  addQueueCommands(program, terminal, answer);
  addCertificateCommands(program, terminal, answer);
  addToolCommands(program, terminal, answer);
  addCmsCommands(program, terminal, answer);
  return program;
}

const CONFIG = ['--config <file>', 'configuration file (SEALGATE_CONFIG, else config/sealgate.yaml)'] as const;
const JSON_OPTION = ['--json', 'facts as JSON'] as const;

function addHouseCommands(program: Command, terminal: Terminal, answer: Answer): void {
  program
    .command('start')
    .description('run the gateway')
    .option(...CONFIG)
    .action(async (options: StartOptions) => answer(await start(options, terminal)));
  program
    .command('check')
    .description('check the configuration, the trusted CAs and our identities')
    .option(...CONFIG)
    .option(...JSON_OPTION)
    .action(async (options: CheckOptions) => answer(await check(options, terminal)));
  program
    .command('explain')
    .description('say what would happen to a mail, and why')
    .argument('[message]', 'file with the message; without it an ordinary one of the sender')
    .requiredOption('--from <address>', 'envelope sender; "<>" for the null sender')
    .requiredOption('--to <address>', 'recipient')
    .option(...CONFIG)
    .option(...JSON_OPTION)
    .action(async (message: string | undefined, options: ExplainOptions) => {
      answer(
        await explain(message, options, terminal, (configuration) => openAssessor(configuration, () => new Date())),
      );
    });
  for (const [name, description, command] of [
    ['health', 'ask the running gateway how it is', health],
    ['reload', 'let the running gateway read its configuration again', reload],
  ] as const) {
    program
      .command(name)
      .description(description)
      .option(...CONFIG)
      .option(...JSON_OPTION)
      .action(async (options: ControlOptions) => answer(await command(options, terminal)));
  }
}

function addQueueCommands(program: Command, terminal: Terminal, answer: Answer): void {
  const queue = program.command('queue').description('look at and manage accepted mail');
  queue
    .command('list')
    .description('list the messages that wait')
    .option(...CONFIG)
    .option(...JSON_OPTION)
    .action(async (options: ControlOptions) => answer(await queueList(options, terminal)));
  for (const [name, description, command] of [
    ['show', 'show one message: transport facts only, no content', queueShow],
    ['retry', 'deliver one message now', queueRetry],
    ['drop', 'remove one message without telling anybody', queueDrop],
  ] as const) {
    queue
      .command(name)
      .description(description)
      .argument('<id>', 'message identifier')
      .option(...CONFIG)
      .option(...JSON_OPTION)
      .action(async (id: string, options: ControlOptions) => answer(await command(id, options, terminal)));
  }
}

function addToolCommands(program: Command, terminal: Terminal, answer: Answer): void {
  program
    .command('login')
    .description('make entries of a user file')
    .command('hash')
    .description('read a password from standard input, print its hash')
    .action(async () => answer(await loginHash(terminal)));
  program
    .command('reference')
    .description('print the reference of the configuration file')
    .action(() => terminal.out(formatConfigurationReference().trimEnd()));
  program
    .command('version')
    .description('print the version')
    .option(...JSON_OPTION)
    .action((options: { readonly json?: boolean }) => {
      terminal.out(options.json === true ? JSON.stringify({ version: VERSION, node: process.versions.node }) : VERSION);
    });
}
