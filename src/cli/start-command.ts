/**
 * `sealgate start`: runs the gateway until SIGTERM or SIGINT; SIGHUP reloads the configuration. A second signal ends the
 * waiting for deliveries under way: what is not delivered stays in the queue.
 *
 * What is thrown and nobody catches ends it at once, with one event and exit code 70: nobody knows what state a process is
 * in then, and the spool is made for processes that end at any moment.
 */
import { formatMistake } from '../config/mistake-list.ts';
import { type Gateway, openGateway } from '../gateway.ts';
import { configurationWarning, gatewayDefect } from '../log/gateway-events.ts';
import { LogWriter } from '../log/log-writer.ts';
import { configureLog } from '../log/logger.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { configurationFile, readAll } from './load-or-report.ts';
import type { Terminal } from './terminal.ts';

export interface StartOptions {
  readonly config?: string;
}

/** Service managers kill after 90 s by default; deliveries get a third of that. */
const GRACE_MS = 30_000;

export async function start(options: StartOptions, terminal: Terminal): Promise<ExitCode> {
  const file = configurationFile(options.config, terminal);
  const result = await readAll(file, terminal);
  if (!result.ok) {
    refuse(result.mistakes.map(formatMistake), terminal);
    terminal.hint('sealgate check shows the same without starting');
    return EXIT.configuration;
  }
  configureLog(result.configuration.log.level, new LogWriter());
  const defect = untilDefect();
  // not inherited by anything we create: spool, keys and socket are ours alone
  process.umask(0o077);
  // until there is a handler SIGHUP ends the process: a reload asked for too early must not stop the mail
  let reloadAsked = false;
  const early = () => {
    reloadAsked = true;
  };
  process.on('SIGHUP', early);
  const opened = await Promise.race([openGateway(result.configuration), defect]);
  if (!opened.ok) return refuse(opened.mistakes, terminal);
  for (const warning of [...result.warnings.map(formatMistake), ...opened.warnings]) configurationWarning(warning);
  const stopped = untilStopped(opened.value);
  process.off('SIGHUP', early);
  if (reloadAsked) void opened.value.reload();
  await Promise.race([stopped, defect]);
  return EXIT.ok;
}

/** @throws what nobody caught, a rejection too; the process must end */
function untilDefect(): Promise<never> {
  return new Promise((_, reject) => {
    // stays: while the process ends, what else is thrown must not keep it from saying what the first was
    process.on('uncaughtException', (error) => {
      gatewayDefect(error);
      reject(error);
    });
  });
}

function refuse(mistakes: readonly string[], terminal: Terminal): ExitCode {
  for (const mistake of mistakes) terminal.say(mistake);
  terminal.say('not started');
  return EXIT.configuration;
}

function untilStopped(gateway: Gateway): Promise<void> {
  return new Promise((resolve, reject) => {
    const reload = () => void gateway.reload();
    let stopping = false;
    const stop = () => {
      if (stopping) return resolve();
      stopping = true;
      gateway.stop(GRACE_MS).then(resolve, reject);
    };
    process.on('SIGHUP', reload);
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
  });
}
