/**
 * Shapes: what a value of the configuration may be. One definition serves three ends: reading a YAML node into a typed
 * value, saying exactly what is wrong with it and what is allowed, and writing `docs/configuration.md`. So the
 * language, its messages, its defaults and its reference cannot drift apart.
 *
 * A shape never throws: it reports to the {@link MistakeList} and gives null, and reading goes on, so that all mistakes
 * are found in one run.
 */
import { isMap, isScalar, isSeq, type ParsedNode } from 'yaml';
import type { Located, MistakeList, Place } from './mistake-list.ts';

/** What the reference says of a shape. */
export type Form =
  | { readonly kind: 'scalar'; readonly allowed: string }
  | { readonly kind: 'list'; readonly item: Form }
  | { readonly kind: 'record'; readonly keys: string; readonly value: Form }
  | { readonly kind: 'either'; readonly text: Form; readonly map: Form }
  | { readonly kind: 'map'; readonly fields: readonly FieldForm[]; readonly unsupported: readonly string[] };

export interface FieldForm {
  readonly name: string;
  readonly form: Form;
  readonly doc: string;
  /** `required`, a default value, or what absence means. */
  readonly absence: string;
}

export interface Shape<T> {
  readonly form: Form;
  /** @returns null after at least one mistake was reported */
  read(node: ParsedNode | null, place: Place, list: MistakeList): Located<T> | null;
  /** The value where the key is absent; only for shapes that have one. */
  absent?(place: Place, list: MistakeList): Located<T> | null;
}

export interface Field<T> {
  readonly shape: Shape<T>;
  readonly doc: string;
  readonly absence: string;
  readonly required: boolean;
}

/** Must be there. */
export function required<T>(shape: Shape<T>, doc: string): Field<T> {
  return { shape, doc, absence: 'required', required: true };
}

/** Null when absent. @param absence what that means, for the reference */
export function optional<T>(shape: Shape<T>, absence: string, doc: string): Field<T> {
  const { form, read } = shape;
  return { shape: { form, read }, doc, absence, required: false };
}

/** Has this value when absent, read by the shape itself. */
export function defaulted<T>(shape: TextShape<T>, text: string, doc: string): Field<T> {
  const absent = (place: Place, list: MistakeList) => shape.readText(text, place, list);
  return { shape: { form: shape.form, read: shape.read, absent }, doc, absence: `\`${text}\``, required: false };
}

/** A map whose every field has a default: absent is the same as empty. */
export function defaultedMap<T>(shape: Shape<T>, doc: string): Field<T> {
  return { shape, doc, absence: 'as below', required: false };
}

/** A shape that can be written as plain text. */
export interface TextShape<T> extends Shape<T> {
  /** @returns null after a mistake was reported */
  readText(text: string, place: Place, list: MistakeList): Located<T> | null;
}

/** Said of every part of the language that a later version will have. */
export const NOT_SUPPORTED = 'not supported in this version';

/** What would be right, as a phrase. */
export function allowedOf(form: Form): string {
  switch (form.kind) {
    case 'scalar':
      return form.allowed;
    case 'list':
      return 'a list';
    case 'either':
      return allowedOf(form.text);
    case 'record':
      return 'a map';
    case 'map':
      return `a map of ${form.fields.map((field) => field.name).join(', ')}`;
  }
}

/** The value itself where there is one, else its key. */
export function placeOf(node: ParsedNode | null, place: Place): Place {
  return { key: place.key, offset: node?.range[0] ?? place.offset };
}

/** @param parent empty for the file as a whole */
export function joinKey(parent: string, name: string): string {
  return parent === '' ? name : `${parent}.${name}`;
}

/** What stands there, without its value: somebody may have written a secret in the wrong place. */
export function describe(node: ParsedNode | null): string {
  if (isSeq(node)) return 'a list';
  if (isMap(node)) return 'a map';
  if (isScalar(node) && node.value !== '') return 'text';
  return 'empty';
}

/** Reports, and gives the null that {@link Shape.read} answers with. */
export function reject(list: MistakeList, place: Place, problem: string, allowed: string): null {
  list.mistake(place, problem, allowed);
  return null;
}
