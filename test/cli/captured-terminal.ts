/** A terminal that keeps what it was told. */
import type { Terminal } from '../../src/cli/terminal.ts';

export class CapturedTerminal implements Terminal {
  /** Standard output, a line an entry. */
  readonly results: string[] = [];
  /** Standard error without its prefix, a line an entry. */
  readonly said: string[] = [];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly #input: string;

  constructor(options: { readonly input?: string; readonly environment?: Record<string, string> } = {}) {
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

  readInput(): Promise<string> {
    return Promise.resolve(this.#input);
  }
}
