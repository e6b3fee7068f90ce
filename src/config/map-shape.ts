/** Shapes that hold others: lists, maps with fixed keys, maps with keys of the administrator's own. */
import { isMap, isScalar, isSeq, type ParsedNode, YAMLMap } from 'yaml';
import type { Located, MistakeList, Place } from './mistake-list.ts';
import { nearestName } from './nearest-name.ts';
import {
  allowedOf,
  describe,
  type Field,
  type FieldForm,
  joinKey,
  NOT_SUPPORTED,
  placeOf,
  reject,
  type Shape,
  type TextShape,
} from './shape.ts';

/** A list. @param nonEmpty what is missing when it is empty; null allows that */
export function list<T>(item: Shape<T>, nonEmpty: string | null): Shape<readonly Located<T>[]> {
  const allowed = item.form.kind === 'scalar' ? `a list in brackets, each ${item.form.allowed}` : 'a list';
  return {
    form: { kind: 'list', item: item.form },
    read(node, place, mistakes) {
      if (!isSeq(node)) return reject(mistakes, placeOf(node, place), `is ${describe(node)}`, allowed);
      if (node.items.length === 0 && nonEmpty !== null) {
        return reject(mistakes, placeOf(node, place), 'is empty', nonEmpty);
      }
      const values = (node.items as (ParsedNode | null)[]).map((entry, index) =>
        item.read(entry, { key: `${place.key}[${index}]`, offset: entry?.range[0] ?? place.offset }, mistakes),
      );
      return { value: values.filter((value) => value !== null), key: place.key, offset: place.offset };
    },
  };
}

/** A piece of text, or a list of such. @param allowed phrase for both together */
export function oneOrMany<T>(item: TextShape<T>, allowed: string): Shape<readonly Located<T>[]> {
  const many = list(item, allowed);
  return {
    form: { kind: 'scalar', allowed },
    read(node, place, mistakes) {
      if (isSeq(node)) return many.read(node, place, mistakes);
      const one = item.read(node, place, mistakes);
      return one === null ? null : { ...one, value: [one] };
    },
  };
}

/** A map with keys of the administrator's own. */
export function record<K, V>(key: TextShape<K>, value: Shape<V>): Shape<readonly Entry<K, V>[]> {
  const keys = key.form.kind === 'scalar' ? key.form.allowed : '';
  return {
    form: { kind: 'record', keys, value: value.form },
    read(node, place, mistakes) {
      if (!isMap(node)) return reject(mistakes, placeOf(node, place), `is ${describe(node)}`, 'a map');
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
    const meant = new Set<string | null>();
    for (const pair of found.values()) {
      if (!names.includes(pair.name)) meant.add(reportUnknown(pair, names, planned, mistakes));
    }
    const values = Object.entries(fields).map(([name, field]) => {
      const pair = found.get(name);
      if (pair !== undefined) return [name, field.shape.read(pair.node, pair.place, mistakes)];
      const at = { key: joinKey(place.key, name), offset: place.offset };
      if (!field.required) return [name, field.shape.absent?.(at, mistakes) ?? null];
      // one slip of the pen is one mistake
      if (!meant.has(name)) reject(mistakes, at, 'is missing', allowedOf(field.shape.form));
      return [name, null];
    });
    // the entries come from `fields` itself, one for each key with the type of its shape
    return { value: Object.fromEntries(values) as MapValue<F>, key: place.key, offset: place.offset };
  };
  return {
    form: { kind: 'map', fields: names.map((name) => fieldForm(name, fields[name])), unsupported: planned.keys ?? [] },
    read(node, place, mistakes) {
      const at = placeOf(node, place);
      if (!isMap(node)) return reject(mistakes, at, `is ${describe(node)}`, `a map of ${names.join(', ')}`);
      return readFields(node.items as ParsedPair[], at, mistakes);
    },
    absent: (place, mistakes) => readFields([], place, mistakes),
  };
}

/**
 * A map whose keys are those of `known`, and others of the administrator's own: a record.
 * @param doc one line on the others, for the reference
 */
export function mapWithRecord<M, K, V>(
  known: Shape<M>,
  others: { readonly key: TextShape<K>; readonly value: Shape<V>; readonly doc: string },
): Shape<{ readonly known: M; readonly others: readonly Entry<K, V>[] }> {
  if (known.form.kind !== 'map') throw new TypeError('a map is needed');
  const { fields, unsupported } = known.form;
  const names = new Set([...fields.map(({ name }) => name), ...unsupported]);
  const rest = record(others.key, others.value);
  const named: FieldForm = { name: 'NAME', form: others.value.form, doc: others.doc, absence: 'none' };
  return {
    form: { kind: 'map', fields: [...fields, named], unsupported },
    read(node, place, mistakes) {
      const whole = isMap(node) ? partsOf(node, names) : { mine: node, others: null };
      const read = known.read(whole.mine, place, mistakes);
      const entries = whole.others === null ? null : rest.read(whole.others, placeOf(node, place), mistakes);
      return read === null ? null : { ...read, value: { known: read.value, others: entries?.value ?? [] } };
    },
  };
}

/** The pairs with these keys, and all others, as two maps that stand at the same place. */
function partsOf(node: ParsedNode & YAMLMap, names: ReadonlySet<string>): { mine: ParsedNode; others: ParsedNode } {
  const part = (wanted: boolean): ParsedNode => {
    const map = new YAMLMap();
    map.items = node.items.filter(({ key }) => (isScalar(key) && names.has(String(key.value))) === wanted);
    map.range = node.range;
    // a map with a range, as the parser makes them
    return map as ParsedNode;
  };
  return { mine: part(true), others: part(false) };
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

/** @returns the name that was probably meant */
function reportUnknown(
  pair: NamedPair,
  names: readonly string[],
  planned: { readonly keys?: readonly string[]; readonly others?: boolean },
  mistakes: MistakeList,
): string | null {
  if (planned.keys?.includes(pair.name)) return reject(mistakes, pair.place, NOT_SUPPORTED, '');
  const near = nearestName(pair.name, names);
  if (near !== null) reject(mistakes, pair.place, 'unknown key', `did you mean ${near}?`);
  else if (planned.others) reject(mistakes, pair.place, NOT_SUPPORTED, `only ${names.join(', ')}`);
  else reject(mistakes, pair.place, 'unknown key', `one of ${names.join(', ')}`);
  return near;
}

function fieldForm(name: string, field: Field<unknown> | undefined): FieldForm {
  if (field === undefined) throw new RangeError(`no field ${name}`);
  return { name, form: field.shape.form, doc: field.doc, absence: field.absence };
}
