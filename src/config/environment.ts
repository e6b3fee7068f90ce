/**
 * Variables of the environment that would override a key of the file (`SEALGATE_QUEUE_FOLDER`). The language has them,
 * this version does not: they are refused by name, for a value that somebody set and nobody reads is a trap.
 */
import { siteShape } from './language.ts';

/** @returns names of the variables, sorted; `SEALGATE_CONFIG` and names that are no key of the language are none */
export function findOverrides(environment: Readonly<Record<string, string | undefined>>): readonly string[] {
  const form = siteShape.form;
  const keys = form.kind === 'map' ? form.fields.map((field) => field.name.toUpperCase()) : [];
  return Object.keys(environment)
    .filter((name) => keys.some((key) => name === `SEALGATE_${key}` || name.startsWith(`SEALGATE_${key}_`)))
    .sort();
}
