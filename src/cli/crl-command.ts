/**
 * `sealgate trust import-crl|list-crls|remove-crl`: the CRLs brought by hand, in the folder that `trust.revocation.crls`
 * names. Their signatures are checked with the collections and the CRL signers of the configuration. A running gateway
 * looks at the folder by itself.
 */
import path from 'node:path';
import type { Configuration } from '../config/configuration.ts';
import { printable } from '../log/logger.ts';
import { readCollection } from '../trust/collection-reader.ts';
import { findCrlsWithin } from '../trust/crl-container.ts';
import type { SignersOf } from '../trust/crl-file.ts';
import { readCrlSigners } from '../trust/crl-signer-file.ts';
import { CrlSigners } from '../trust/crl-signers.ts';
import { type CrlImport, importCrl, listCrls, removeCrl, type StoredCrl } from '../trust/crl-store.ts';
import type { RevocationList } from '../x509/crl.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { outputTrouble } from './file-trouble.ts';
import { loadOrReport } from './load-or-report.ts';
import { formatJson, type Terminal } from './terminal.ts';

export interface CrlCommandOptions {
  readonly config?: string;
  readonly json?: boolean;
}

export interface CrlImportOptions extends CrlCommandOptions {
  readonly allowStale?: boolean;
  readonly replace?: boolean;
}

const HINTS: Readonly<Record<string, string>> = {
  stale: '--allow-stale takes it: what it revokes stays revoked, and it counts as good up to staleness-max',
  differs: 'ask its issuer which one holds; --replace takes it in place of the one that is there',
};
const CODES: Readonly<Record<string, ExitCode>> = { unread: EXIT.noInput, unwritten: EXIT.temporary };
const SOON = 'a running gateway reads it within 15 seconds';

export async function trustImportCrl(file: string, options: CrlImportOptions, terminal: Terminal): Promise<ExitCode> {
  const place = await findPlace(options, terminal);
  if (place === null) return EXIT.configuration;
  const { crls: sources, problem } = await sourcesIn(path.resolve(file));
  const { folder, signersOf } = place;
  const missing = problem ?? (sources.length === 0 ? 'it holds no CRL' : null);
  const taken: Told[] =
    missing === null ? [] : [tellRefused(file, { ok: false, problem: missing, kind: 'refused' }, terminal)];
  for (const [index, source] of sources.entries()) {
    const name = sources.length === 1 ? file : `${file}: CRL ${index + 1} of ${sources.length}`;
    const result = await importCrl(source, folder, signersOf, new Date(), options);
    taken.push(result.ok ? tellTaken(name, result, terminal) : tellRefused(name, result, terminal));
  }
  const refused = taken.filter(({ code }) => code !== EXIT.ok);
  if (refused.length > 0) {
    const count = taken.length - refused.length;
    terminal.say(count === 0 ? 'nothing was imported' : `${count} of ${taken.length} imported or known`);
  }
  for (const hint of new Set(refused.flatMap(({ hints }) => hints))) terminal.hint(hint);
  const [first, ...more] = taken.map(({ facts }) => facts);
  if (options.json === true) terminal.out(formatJson(more.length === 0 ? first : [first, ...more]));
  else for (const { text } of taken) if (text !== null) terminal.out(text);
  return refused[0]?.code ?? EXIT.ok;
}

/** What became of one CRL. */
interface Told {
  readonly code: ExitCode;
  readonly facts: object;
  /** null: it was said why not. */
  readonly text: string | null;
  readonly hints: readonly string[];
}

/** The CRLs of a file that holds several things, else the file itself: what is wrong with it is told when it is read. */
async function sourcesIn(
  file: string,
): Promise<{ readonly crls: readonly (string | Buffer)[]; readonly problem: string | null }> {
  try {
    const within = await findCrlsWithin(file);
    if (within !== null) return within;
  } catch {
    // said where it is read again
  }
  return { crls: [file], problem: null };
}

function tellTaken(
  name: string,
  { file, added, list, stale }: Extract<CrlImport, { ok: true }>,
  terminal: Terminal,
): Told {
  if (stale) terminal.say(`warning: ${name} is past its end and was taken all the same`);
  const words = added ? `imported\n${SOON}` : 'known already';
  return {
    code: EXIT.ok,
    facts: { file, added, stale, ...factsOf(list) },
    text: `${textOf(list)}: ${words}`,
    hints: [],
  };
}

function tellRefused(name: string, { problem, kind }: Extract<CrlImport, { ok: false }>, terminal: Terminal): Told {
  terminal.say(`${name}: ${printable(problem)}`);
  const code = CODES[kind] ?? EXIT.data;
  const hint = HINTS[kind];
  return { code, facts: { added: false, problem }, text: null, hints: hint === undefined ? [] : [hint] };
}

export async function trustListCrls(options: CrlCommandOptions, terminal: Terminal): Promise<ExitCode> {
  const place = await findPlace(options, terminal);
  if (place === null) return EXIT.configuration;
  const stored = await listCrls(place.folder, place.signersOf, new Date());
  if (options.json === true) {
    const rows = stored.map(({ name, list, fault, stale }) => {
      return { name, fault, stale, ...(list === null ? {} : factsOf(list)) };
    });
    terminal.out(formatJson(rows));
  } else terminal.out(stored.length === 0 ? 'no CRLs' : stored.map(formatStored).join('\n'));
  if (stored.some(({ unread }) => unread)) return EXIT.noInput;
  return stored.some(({ fault }) => fault !== null) ? EXIT.data : EXIT.ok;
}

export async function trustRemoveCrl(name: string, options: CrlCommandOptions, terminal: Terminal): Promise<ExitCode> {
  const place = await findPlace(options, terminal);
  if (place === null) return EXIT.configuration;
  let removed: boolean;
  try {
    removed = await removeCrl(place.folder, name);
  } catch (thrown) {
    terminal.say(`${place.folder} cannot be changed: ${outputTrouble(thrown)}`);
    return EXIT.temporary;
  }
  if (!removed) {
    terminal.say(`no CRL "${printable(name)}" in ${place.folder}`);
    terminal.hint('sealgate trust list-crls shows them');
    return EXIT.no;
  }
  terminal.out(options.json === true ? formatJson({ removed: name }) : `${name} removed\n${SOON}`);
  return EXIT.ok;
}

/** What `check` tells of the CRLs brought by hand: which of them count for nothing, or no longer vouch. */
export async function crlWarnings(configuration: Configuration): Promise<string[]> {
  const warnings: string[] = [];
  for (const place of configuration.trust.revocation?.crls ?? []) {
    for (const { name, fault, stale } of await listCrls(place, await signersIn(configuration), new Date())) {
      const what = `trust.revocation.crls: ${printable(name)}`;
      if (fault !== null) warnings.push(`${what} is not used: ${printable(fault)}`);
      else if (stale) warnings.push(`${what} is stale: what it revokes stays revoked, and no more`);
    }
  }
  return warnings;
}

/** The folder and whose lists it takes; null after what is wrong was said. */
async function findPlace(
  options: CrlCommandOptions,
  terminal: Terminal,
): Promise<{ folder: string; signersOf: SignersOf } | null> {
  const configuration = await loadOrReport(options.config, terminal);
  if (configuration === null) return null;
  const [folder] = configuration.trust.revocation?.crls ?? [];
  if (folder === undefined) {
    terminal.say('the configuration names no folder of CRLs');
    terminal.hint('trust: { revocation: { crls: FOLDER } }');
    return null;
  }
  return { folder, signersOf: await signersIn(configuration) };
}

/** What is wrong with a collection is told by `check`; here its certificates only sign less. */
async function signersIn({ trust }: Configuration): Promise<SignersOf> {
  const now = new Date();
  const locations = [trust.default, ...(trust.named ?? []).map(({ from }) => from)];
  const readings = await Promise.all(locations.map((from) => readCollection('', from, now)));
  const own = await readCrlSigners(trust.revocation?.signers ?? [], now);
  const signers = new CrlSigners();
  for (const { collection } of readings) {
    for (const one of [...collection.anchors, ...collection.intermediates]) signers.add(one);
  }
  for (const one of own.certificates) signers.add(one);
  return signers.find;
}

/** Stable names, for `--json`. */
function factsOf(list: RevocationList) {
  return {
    issuer: list.issuerName,
    kind: list.base === null ? 'complete' : 'delta',
    partial: list.scope !== null,
    number: list.number?.toString() ?? null,
    thisUpdate: list.thisUpdate.toISOString(),
    nextUpdate: list.nextUpdate?.toISOString() ?? null,
    entries: list.entries.count,
  };
}

function textOf(list: RevocationList): string {
  const { issuer, kind, number, nextUpdate, entries } = factsOf(list);
  const name = `${kind === 'delta' ? 'delta CRL' : 'CRL'}${number === null ? '' : ` ${number}`}`;
  return `${name} of ${printable(issuer)}, ${entries} revoked, until ${nextUpdate ?? 'nobody knows'}`;
}

function formatStored({ name, list, fault, stale }: StoredCrl): string {
  const state = fault === null ? (stale ? '  STALE' : '') : `  NOT USED: ${printable(fault)}`;
  return `${name}  ${list === null ? 'no CRL' : textOf(list)}${state}`;
}
