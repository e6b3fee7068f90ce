/**
 * Collects everything that is wrong with one file, in the order of its lines, so that an administrator sees all
 * mistakes at once. A mistake stops the start (exit 78); a warning is said and no more.
 */
import type { Mistake } from './configuration.ts';

/** A value together with where it stands. */
export interface Located<T> {
  readonly value: T;
  /** `routes.internal.host`, `listen[0].clients[1].network`. */
  readonly key: string;
  /** Offset of its first character in the text of the file. */
  readonly offset: number;
}

/** Where something stands. */
export type Place = Pick<Located<unknown>, 'key' | 'offset'>;

export class MistakeList {
  readonly file: string;
  readonly #lineStarts: readonly number[];
  readonly #mistakes: Mistake[] = [];
  readonly #warnings: Mistake[] = [];
  readonly #included: MistakeList[] = [];

  /** @param file name as given, for people */
  constructor(file: string, text: string) {
    this.file = file;
    this.#lineStarts = [0, ...Array.from(text.matchAll(/\n/g), (match) => match.index + 1)];
  }

  /** @param allowed what would be right, as a phrase; may be empty */
  mistake(place: Place, problem: string, allowed: string): void {
    this.#mistakes.push(this.#entry(place, problem, allowed));
  }

  warning(place: Place, problem: string, allowed: string): void {
    this.#warnings.push(this.#entry(place, problem, allowed));
  }

  /** Takes over what was found in another file that this one names. */
  include(other: MistakeList): void {
    this.#included.push(other);
  }

  /** True when something at this key or below it is wrong already: what seems to be missing may only be unreadable. */
  hasMistakeUnder(key: string): boolean {
    return this.#mistakes.some((mistake) => mistake.key === key || mistake.key.startsWith(`${key}.`));
  }

  /** Line of an offset, 1-based. */
  lineOf(offset: number): number {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  }

  get mistakes(): readonly Mistake[] {
    return [...this.#mistakes.toSorted(byPlace), ...this.#included.flatMap((other) => other.mistakes)];
  }

  get warnings(): readonly Mistake[] {
    return [...this.#warnings.toSorted(byPlace), ...this.#included.flatMap((other) => other.warnings)];
  }

  #entry(place: Place, problem: string, allowed: string): Mistake {
    const line = this.lineOf(place.offset);
    const column = place.offset - (this.#lineStarts[line - 1] ?? 0) + 1;
    return { file: this.file, line, column, key: place.key, problem, allowed };
  }
}

/** `file:line:column: key: problem: what is allowed`, on one line. */
export function formatMistake(mistake: Mistake): string {
  const position = `${mistake.file}:${mistake.line}:${mistake.column}`;
  return [position, mistake.key, mistake.problem, mistake.allowed].filter((part) => part !== '').join(': ');
}

function byPlace(a: Mistake, b: Mistake): number {
  return a.line - b.line || a.column - b.column;
}
