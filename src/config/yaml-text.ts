/**
 * YAML text to a tree of nodes with their places. Every scalar stays the text it is (failsafe schema): `no`, `0x10` and
 * `1e3` mean nothing special, so no value changes its type behind the administrator's back.
 *
 * Refused: tabs, aliases, tags, several documents, bytes that are not UTF-8, more than 1 MiB, and nesting so deep that
 * the parser itself would exhaust the process: a reload must never take a running gateway down (catalogue O5).
 */
import { type Document, isAlias, isMap, isSeq, type ParsedNode, parseDocument, type YAMLError } from 'yaml';
import type { MistakeList } from './mistake-list.ts';

/** A configuration of thousands of rules has some 100 KB. */
const CONFIGURATION_BYTES_MAX = 1024 * 1024;
/** The language itself needs six. */
const NESTING_MAX = 40;
const INDENTATION_MAX = 200;

/** Decodes a file. @returns null when it is not UTF-8 */
export function decodeUtf8(bytes: Buffer): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** @returns the root node, or null after mistakes were reported */
export function parseYamlText(text: string, list: MistakeList): ParsedNode | null {
  if (Buffer.byteLength(text) > CONFIGURATION_BYTES_MAX) return refuse(list, 0, 'is larger than 1 MiB');
  const tab = text.indexOf('\t');
  if (tab >= 0) return refuse(list, tab, 'tab', 'indent and separate with spaces');
  const deep = findDeepNesting(text);
  if (deep !== null) return refuse(list, deep, 'is nested too deeply');
  const document: Document.Parsed = parseDocument(text, { schema: 'failsafe', uniqueKeys: false, prettyErrors: false });
  for (const error of [...document.errors, ...document.warnings]) {
    list.mistake({ key: '', offset: error.pos[0] }, problemOf(error), '');
  }
  if (document.errors.length + document.warnings.length > 0) return null;
  if (document.contents === null) return refuse(list, 0, 'is empty');
  return refuseExtras(document.contents, list) ? document.contents : null;
}

function refuse(list: MistakeList, offset: number, problem: string, allowed = ''): null {
  list.mistake({ key: '', offset }, problem, allowed);
  return null;
}

function problemOf(error: YAMLError): string {
  if (error.code === 'TAG_RESOLVE_FAILED') return 'tags are not used here';
  if (error.code === 'MULTIPLE_DOCS') return 'a second document begins here';
  return `not YAML: ${error.message.charAt(0).toLowerCase()}${error.message.slice(1)}`;
}

/** Upper bound of the nesting by a look at the characters alone, before the recursive parser sees them. */
function findDeepNesting(text: string): number | null {
  const compact = new RegExp(`(?:[-?:] +){${NESTING_MAX},}|^ {${INDENTATION_MAX},}\\S`, 'm').exec(text);
  if (compact !== null) return compact.index;
  let depth = 0;
  for (const bracket of text.matchAll(/[[\]{}]/g)) {
    depth = '[{'.includes(bracket[0]) ? depth + 1 : Math.max(0, depth - 1);
    if (depth > NESTING_MAX) return bracket.index;
  }
  return null;
}

/** Aliases and tags: a reader of the file must see each value where it holds. */
function refuseExtras(node: ParsedNode | null, list: MistakeList): boolean {
  if (node === null) return true;
  if (isAlias(node)) {
    list.mistake({ key: '', offset: node.range[0] }, 'aliases are not used here', 'write the value out');
    return false;
  }
  if (node.tag !== undefined) {
    list.mistake({ key: '', offset: node.range[0] }, 'tags are not used here', '');
    return false;
  }
  if (isSeq(node)) return node.items.map((item) => refuseExtras(item, list)).every(Boolean);
  if (!isMap(node)) return true;
  return node.items.map((pair) => refuseExtras(pair.key, list) && refuseExtras(pair.value, list)).every(Boolean);
}
