/**
 * A token that no chance can write, and a search for it in every form that careless code might leave on a disk: as it
 * is in any case, as UTF-16, hexadecimal, base64 (also of UTF-16, at each of the three alignments), reversed; with and
 * without the line ends that folding puts in between.
 */
import { randomBytes } from 'node:crypto';

export interface Canary {
  readonly token: string;
  /** Names of the forms found; empty when the octets are clean. */
  find(octets: Buffer): string[];
  /** The octets of each form, for a proof that the search finds them. */
  readonly forms: readonly CanaryForm[];
}

export interface CanaryForm {
  readonly name: string;
  /** latin1 text; searched without regard to case where `anyCase`. */
  readonly text: string;
  readonly anyCase: boolean;
}

/** Letters that base64 of anything else makes only by chance: 18 of 62, some 2^107. */
export function makeCanary(): Canary {
  const token = `Kestrel${randomBytes(24).toString('base64').replace(/[+/=]/g, '').slice(0, 18)}`;
  const forms = formsOf(token);
  return { token, forms, find: (octets) => findForms(octets, forms) };
}

function formsOf(token: string): CanaryForm[] {
  const plain = Buffer.from(token, 'latin1');
  const wide = Buffer.from(token, 'utf16le');
  const wideBig = Buffer.from(wide).swap16();
  const exact = (name: string, text: string): CanaryForm => ({ name, text, anyCase: false });
  return [
    { name: 'as it is', text: token, anyCase: true },
    { name: 'reversed', text: [...token].reverse().join(''), anyCase: true },
    { name: 'hexadecimal', text: plain.toString('hex'), anyCase: true },
    exact('UTF-16LE', wide.toString('latin1')),
    exact('UTF-16BE', wideBig.toString('latin1')),
    ...[0, 1, 2].flatMap((shift) => [
      exact(`base64, shifted by ${shift}`, base64Inside(plain, shift)),
      exact(`base64 of UTF-16LE, shifted by ${shift}`, base64Inside(wide, shift)),
    ]),
  ];
}

/** The characters that stand in base64 of any text that holds these octets at that alignment. */
function base64Inside(octets: Buffer, shift: number): string {
  const all = Buffer.concat([Buffer.alloc(shift), octets])
    .toString('base64')
    .replace(/=+$/, '');
  const first = Math.ceil((shift * 8) / 6);
  const whole = Math.floor(((shift + octets.length) * 8) / 6);
  return all.slice(first, whole);
}

function findForms(octets: Buffer, forms: readonly CanaryForm[]): string[] {
  const text = octets.toString('latin1');
  const searched = [text, text.replace(/\r?\n[ \t]?/g, '')];
  const lower = searched.map((each) => each.toLowerCase());
  return forms
    .filter(({ text: form, anyCase }) =>
      anyCase ? lower.some((each) => each.includes(form.toLowerCase())) : searched.some((each) => each.includes(form)),
    )
    .map(({ name }) => name);
}
