/** A terminal that keeps what it was told. */
import type { Terminal } from '../../src/cli/terminal.ts';

export class CapturedTerminal implements Terminal {
  /** Standard output, a line an entry. */
  readonly results: string[] = [];
  /** Standard error without its prefix, a line an entry. */
  readonly said: string[] = [];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Octets written to standard output. */
  readonly octets: Buffer[] = [];
  readonly #input: string | Buffer;

  constructor(options: { readonly input?: string | Buffer; readonly environment?: Record<string, string> } = {}) {
    this.#input = options.input ?? '';
    this.environment = options.environment ?? {};
  }

  out(text: string): void {
    this.results.push(`${text}\n`);
  }

  say(text: string): void {
    this.said.push(`${text}\n`);
  }

  hint(text: string): void {
    this.said.push(`hint: ${text}\n`);
  }

  verdict(text: string): void {
    this.said.push(`${text}\n`);
  }

  readInput(): Promise<string> {
    return Promise.resolve(this.#input.toString());
  }

  async *input(): AsyncGenerator<Buffer, void, undefined> {
    const octets = Buffer.from(this.#input);
    for (let at = 0; at < octets.length; at += 5000) yield octets.subarray(at, at + 5000);
  }

  inputFile(): number | null {
    return null;
  }

  async write(octets: Buffer): Promise<void> {
    // copied: whoever writes may use its buffer again
    this.octets.push(Buffer.from(octets));
  }
}
