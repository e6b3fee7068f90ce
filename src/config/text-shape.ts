/** Shapes that are written as a piece of text: scalars and choices, and what of them a later version will also take. */
import { isMap, isScalar, isSeq } from 'yaml';
import type { Located, MistakeList, Place } from './mistake-list.ts';
import { nearestName } from './nearest-name.ts';
import { allowedOf, describe, NOT_SUPPORTED, placeOf, reject, type Shape, type TextShape } from './shape.ts';

/** Why a text is refused; `allowed` overrides the phrase of the shape. */
export class Wrong {
  readonly problem: string;
  readonly allowed: string | null;
  constructor(problem: string, allowed: string | null = null) {
    this.problem = problem;
    this.allowed = allowed;
  }
}

/**
 * A piece of text.
 * @param allowed phrase: what would be right
 * @param parse gives the value, a {@link Wrong}, or undefined for a plain "is not allowed"
 */
export function scalar<T>(allowed: string, parse: (text: string) => T | Wrong | undefined): TextShape<T> {
  const readText = (text: string, place: Place, list: MistakeList): Located<T> | null => {
    if (text === '') return reject(list, place, 'has no value', allowed);
    const value = parse(text);
    if (value === undefined) return reject(list, place, `"${text}" is not allowed`, allowed);
    if (value instanceof Wrong) return reject(list, place, value.problem, value.allowed ?? allowed);
    return { value, ...place };
  };
  return {
    form: { kind: 'scalar', allowed },
    readText,
    read(node, place, list) {
      if (node === null) return reject(list, place, 'has no value', allowed);
      if (!isScalar(node)) return reject(list, placeOf(node, place), `is ${describe(node)}`, allowed);
      return readText(String(node.value), { key: place.key, offset: node.range[0] }, list);
    },
  };
}

/** One of these words; those of `planned` belong to the language and are refused by name. */
export function choice<const T extends string>(values: readonly T[], planned: readonly string[] = []): TextShape<T> {
  const allowed = values.length === 1 ? `${values[0]}` : `one of ${values.join(', ')}`;
  return scalar(allowed, (text) => {
    const found = values.find((value) => value === text);
    if (found !== undefined) return found;
    if (planned.includes(text)) return new Wrong(`${text}: ${NOT_SUPPORTED}`);
    const near = nearestName(text, values);
    return near === null ? undefined : new Wrong(`"${text}" is not allowed`, `did you mean ${near}?`);
  });
}

/** A choice that a later version will also take as a map (`profile: { base: ... }`). */
export function plannedAsMap<T>(shape: TextShape<T>): TextShape<T> {
  return {
    ...shape,
    read(node, place, list) {
      if (!isMap(node)) return shape.read(node, place, list);
      const allowed = shape.form.kind === 'scalar' ? shape.form.allowed : '';
      return reject(list, placeOf(node, place), `as a map ${NOT_SUPPORTED}`, allowed);
    },
  };
}

/** A shape that a later version will also take as a list. */
export function plannedAsList<T>(shape: Shape<T>): Shape<T> {
  return {
    ...shape,
    read(node, place, list) {
      if (!isSeq(node)) return shape.read(node, place, list);
      return reject(list, placeOf(node, place), `as a list ${NOT_SUPPORTED}`, allowedOf(shape.form));
    },
  };
}
