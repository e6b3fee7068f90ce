/** The commands and options of `sealgate`, and which function answers each. docs/cli.md documents every one. */
import type { Command } from 'commander';
import { formatConfigurationReference } from '../config/configuration-reference.ts';
import { VERSION } from '../gateway.ts';
import { openAssessor } from './assessor.ts';
import { addCertificateCommands } from './certificate-commands.ts';
import { type CheckOptions, check } from './check-command.ts';
import { addCmsCommands } from './cms-commands.ts';
import {
  type ControlOptions,
  type HealthOptions,
  health,
  queueDrop,
  queueList,
  queueRetry,
  queueShow,
  reload,
} from './control-command.ts';
import type { ExitCode } from './exit-code.ts';
import { type ExplainOptions, explain } from './explain-command.ts';
import { loginHash } from './login-command.ts';
import { type Answer, emptyProgram, runProgram } from './program.ts';
import { type StartOptions, start } from './start-command.ts';
import type { Terminal } from './terminal.ts';

/**
 * Runs one command line.
 * @param words without the program's own name
 * @returns the exit code; rejects only for a defect
 */
export function runCommandLine(words: readonly string[], terminal: Terminal): Promise<ExitCode> {
  return runProgram(words, (answer) => buildProgram(terminal, answer));
}

/** Every command, for running and for the test that docs/cli.md names them all. */
export function buildProgram(terminal: Terminal, answer: Answer): Command {
  const program = emptyProgram(terminal);
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
  program
    .command('health')
    .description('ask the running gateway how it is')
    .option('--metrics', 'as text for Prometheus')
    .option(...CONFIG)
    .option(...JSON_OPTION)
    .action(async (options: HealthOptions) => answer(await health(options, terminal)));
  program
    .command('reload')
    .description('let the running gateway read its configuration again')
    .option(...CONFIG)
    .option(...JSON_OPTION)
    .action(async (options: ControlOptions) => answer(await reload(options, terminal)));
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
