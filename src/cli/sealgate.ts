#!/usr/bin/env node
/** The program `sealgate`: runs one command line and ends the process, the only place that does. */
import { runCommandLine } from './command-line.ts';
import { EXIT } from './exit-code.ts';
import { processTerminal } from './terminal.ts';

// a reader that has gone, such as `| head`, is no defect
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

try {
  const code = await runCommandLine(process.argv.slice(2), processTerminal);
  // what is still to be written to a pipe is written before the process ends
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  process.exit(code);
} catch (error) {
  console.error(error);
  processTerminal.say('a defect of sealgate ended this command');
  processTerminal.hint('please report it with the lines above');
  process.exit(EXIT.software);
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()));
}
