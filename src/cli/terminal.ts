/**
 * How the command line speaks. Results go to standard output and nothing else does; everything else goes to standard
 * error with the prefix `sealgate: `, lower case, without a full stop, followed by `hint: ` lines where there is
 * something to do about it.
 */
import { escapeControls } from '../log/logger.ts';

export interface Terminal {
  /** Text of the result; lines are ended here. */
  out(text: string): void;
  /** Problem or news. */
  say(text: string): void;
  /** What to do about what was just said. */
  hint(text: string): void;
  /** A verdict for machines, on standard error as it is, because standard output has the content. */
  verdict(text: string): void;
  /** All of standard input, as text. */
  readInput(): Promise<string>;
  /** Standard input as octets, once. */
  input(): AsyncIterable<Buffer>;
  /** Descriptor of standard input, which may be a file that can be read at places; null where there is none. */
  inputFile(): number | null;
  /** Octets of the result, as they are. Rejects when nobody takes them any more. */
  write(octets: Buffer): Promise<void>;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The terminal of this process. Nothing is cut: advice may be a long command to copy. */
export const processTerminal: Terminal = {
  out: (text) => void process.stdout.write(`${text}\n`),
  say: (text) => sayToPeople(`sealgate: ${escapeControls(text)}\n`),
  hint: (text) => sayToPeople(`hint: ${escapeControls(text)}\n`),
  verdict: (text) => sayToPeople(`${text}\n`),
  async readInput() {
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks).toString('utf8');
  },
  input: () => process.stdin,
  inputFile: () => 0,
  write: (octets) =>
    new Promise((resolve, reject) => {
      process.stdout.write(octets, (error) => {
        if (error === null || error === undefined) resolve();
        else reject(error);
      });
    }),
  environment: process.env,
};

/** Whoever does not listen must not change what is done, nor the exit code that tells of it. */
function sayToPeople(line: string): void {
  try {
    process.stderr.write(line);
  } catch {
    // a file on a full disk throws; a closed pipe has its listener in sealgate.ts
  }
}

/** For `--json`: one object, two spaces. JSON leaves C1 controls and bidi marks as they are; a terminal obeys them. */
export function formatJson(value: unknown): string {
  return JSON.stringify(value, null, 2).split('\n').map(escapeControls).join('\n');
}
