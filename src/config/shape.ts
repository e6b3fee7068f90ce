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
import { nearestName } from './nearest-name.ts';

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
  readText(text: string, place: Place, list: MistakeList): Located<T> | null;
}

/** Why a text is refused; `allowed` overrides the phrase of the shape. */
export class Wrong {
  readonly problem: string;
  readonly allowed: string | null;
  constructor(problem: string, allowed: string | null = null) {
    this.problem = problem;
    this.allowed = allowed;
  }
}

export const NOT_SUPPORTED = 'not supported in this version';

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
      if (!isScalar(node)) return reject(list, place, `is ${describe(node)}`, allowed);
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
      return reject(list, place, `as a map ${NOT_SUPPORTED}`, allowed);
    },
  };
}

/** A list. @param nonEmpty what is missing when it is empty; null allows that */
export function list<T>(item: Shape<T>, nonEmpty: string | null): Shape<readonly Located<T>[]> {
  return {
    form: { kind: 'list', item: item.form },
    read(node, place, mistakes) {
      if (!isSeq(node)) return reject(mistakes, place, `is ${describe(node)}`, 'a list');
      if (node.items.length === 0 && nonEmpty !== null) return reject(mistakes, place, 'is empty', nonEmpty);
      const values = (node.items as (ParsedNode | null)[]).map((entry, index) =>
        item.read(entry, { key: `${place.key}[${index}]`, offset: entry?.range[0] ?? place.offset }, mistakes),
      );
      return { value: values.filter((value) => value !== null), key: place.key, offset: place.offset };
    },
  };
}

/** A map with keys of the administrator's own. */
export function record<K, V>(key: TextShape<K>, value: Shape<V>): Shape<readonly Entry<K, V>[]> {
  const keys = key.form.kind === 'scalar' ? key.form.allowed : '';
  return {
    form: { kind: 'record', keys, value: value.form },
    read(node, place, mistakes) {
      if (!isMap(node)) return reject(mistakes, place, `is ${describe(node)}`, 'a map');
      const entries: Entry<K, V>[] = [];
      for (const pair of readPairs(node.items as ParsedPair[], place, mistakes)) {
        const name = key.readText(pair.name, pair.place, mistakes);
        const content = value.read(pair.node, pair.place, mistakes);
        if (name !== null && content !== null) entries.push({ name, content });
      }
      return { value: entries, key: place.key, offset: place.offset };
    },
  };
}

export interface Entry<K, V> {
  readonly name: Located<K>;
  readonly content: Located<V>;
}

/** Text or a map, told apart by what is written. */
export function either<T, M>(text: TextShape<T>, map: Shape<M>): TextShape<T | M> {
  return {
    form: { kind: 'either', text: text.form, map: map.form },
    readText: text.readText,
    read: (node, place, mistakes) => (isMap(node) ? map.read(node, place, mistakes) : text.read(node, place, mistakes)),
  };
}

// biome-ignore lint/suspicious/noExplicitAny: the variance of Field needs it; MapValue below restores each type
type Fields = Readonly<Record<string, Field<any>>>;
export type MapValue<F extends Fields> = {
  readonly [K in keyof F]: (F[K] extends Field<infer T> ? Located<T> : never) | null;
};

/**
 * A map with fixed keys. A field is null when it is absent, or when a mistake in it was reported.
 * @param planned keys of the language that this version refuses by name; `others` true: every key it does not know
 */
export function map<F extends Fields>(
  fields: F,
  planned: { readonly keys?: readonly string[]; readonly others?: boolean } = {},
): Shape<MapValue<F>> {
  const names = Object.keys(fields);
  const readFields = (pairs: readonly ParsedPair[], place: Place, mistakes: MistakeList): Located<MapValue<F>> => {
    const found = new Map(readPairs(pairs, place, mistakes).map((pair) => [pair.name, pair]));
    for (const pair of found.values()) {
      if (!names.includes(pair.name)) reportUnknown(pair, names, planned, mistakes);
    }
    const values = Object.entries(fields).map(([name, field]) => {
      const pair = found.get(name);
      if (pair !== undefined) return [name, field.shape.read(pair.node, pair.place, mistakes)];
      const at = { key: joinKey(place.key, name), offset: place.offset };
      if (field.required) reject(mistakes, at, 'is missing', allowedOf(field.shape.form));
      return [name, field.shape.absent?.(at, mistakes) ?? null];
    });
    // the entries come from `fields` itself, one for each key with the type of its shape
    return { value: Object.fromEntries(values) as MapValue<F>, key: place.key, offset: place.offset };
  };
  return {
    form: { kind: 'map', fields: names.map((name) => fieldForm(name, fields[name])), unsupported: planned.keys ?? [] },
    read(node, place, mistakes) {
      if (!isMap(node)) return reject(mistakes, place, `is ${describe(node)}`, `a map of ${names.join(', ')}`);
      return readFields(node.items as ParsedPair[], { key: place.key, offset: node.range[0] }, mistakes);
    },
    absent: (place, mistakes) => readFields([], place, mistakes),
  };
}

type ParsedPair = { readonly key: ParsedNode | null; readonly value: ParsedNode | null };
interface NamedPair {
  readonly name: string;
  readonly node: ParsedNode | null;
  readonly place: Place;
}

/** The pairs with text keys, each key once: the first counts, the others are mistakes. */
function readPairs(pairs: readonly ParsedPair[], place: Place, mistakes: MistakeList): readonly NamedPair[] {
  const found = new Map<string, NamedPair>();
  for (const { key, value } of pairs) {
    const offset = key?.range[0] ?? place.offset;
    if (!isScalar(key)) {
      reject(mistakes, { key: place.key, offset }, `has a key that is ${describe(key)}`, 'text');
      continue;
    }
    const name = String(key.value);
    const at: Place = { key: joinKey(place.key, name), offset };
    const earlier = found.get(name);
    if (earlier === undefined) found.set(name, { name, node: value, place: at });
    else reject(mistakes, at, 'duplicate key', `it stands in line ${mistakes.lineOf(earlier.place.offset)} already`);
  }
  return [...found.values()];
}

function reportUnknown(
  pair: NamedPair,
  names: readonly string[],
  planned: { readonly keys?: readonly string[]; readonly others?: boolean },
  mistakes: MistakeList,
): void {
  if (planned.keys?.includes(pair.name)) return void reject(mistakes, pair.place, NOT_SUPPORTED, '');
  const near = nearestName(pair.name, names);
  if (near !== null) return void reject(mistakes, pair.place, 'unknown key', `did you mean ${near}?`);
  if (planned.others) return void reject(mistakes, pair.place, NOT_SUPPORTED, `${names.join(', ')}`);
  reject(mistakes, pair.place, 'unknown key', `one of ${names.join(', ')}`);
}

function fieldForm(name: string, field: Field<unknown> | undefined): FieldForm {
  if (field === undefined) throw new RangeError(`no field ${name}`);
  return { name, form: field.shape.form, doc: field.doc, absence: field.absence };
}

function allowedOf(form: Form): string {
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

function joinKey(parent: string, name: string): string {
  return parent === '' ? name : `${parent}.${name}`;
}

function describe(node: ParsedNode | null): string {
  if (isSeq(node)) return 'a list';
  if (isMap(node)) return 'a map';
  if (isScalar(node) && node.value !== '') return `"${String(node.value)}"`;
  return 'empty';
}

function reject(list: MistakeList, place: Place, problem: string, allowed: string): null {
  list.mistake(place, problem, allowed);
  return null;
}
