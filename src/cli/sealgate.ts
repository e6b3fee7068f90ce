#!/usr/bin/env node
/** The program `sealgate`: runs one command line and ends the process, the only place that does. */
import { prepareReclaim } from '../buffer-reclaim.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { processTerminal } from './terminal.ts';

// a reader that has gone, such as `| head`, is no defect
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

prepareReclaim();
try {
  const code = await run(process.argv.slice(2));
  // what is still to be written to a pipe is written before the process ends
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  process.exit(code);
} catch (error) {
  console.error(error);
  processTerminal.say('a defect of sealgate ended this command');
  processTerminal.hint('please report it with the lines above');
  process.exit(EXIT.software);
}

async function run(words: readonly string[]): Promise<ExitCode> {
  if (words[0] === 'cms') return (await import('./cms-commands.ts')).runCmsCommandLine(words, processTerminal);
  return (await import('./command-line.ts')).runCommandLine(words, processTerminal);
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()));
}
