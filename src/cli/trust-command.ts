/**
 * `sealgate trust import|list|show|remove|export`: the trusted CA collections that the configuration names. A change is
 * all or nothing; the running gateway is told to read it, over the control socket, as `sealgate reload` would.
 */
import { writeFile } from 'node:fs/promises';
import { askGateway } from '../admin/control-client.ts';
import { writeCertsOnly } from '../cms/certs-only-writer.ts';
import type { Configuration } from '../config/configuration.ts';
import { controlSocketIn } from '../gateway.ts';
import { thumbprintOf } from '../trust/authority-file.ts';
import { formatPem } from '../trust/certificate-text.ts';
import { type CollectionReading, readCollection, type TrustCollection } from '../trust/collection-reader.ts';
import { type ImportResult, importAuthorities, removeAuthority } from '../trust/collection-store.ts';
import { writeSst } from '../trust/sst-writer.ts';
import type { Certificate } from '../x509/certificate.ts';
import { readAuthorities } from './authority-input.ts';
import { certificateFacts, formatCertificate } from './certificate-facts.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { loadOrReport } from './load-or-report.ts';
import { formatJson, type Terminal } from './terminal.ts';

export interface TrustCommandOptions {
  readonly config?: string;
  readonly json?: boolean;
  /** Name of the collection. */
  readonly name?: string;
}

export interface TrustImportOptions extends TrustCommandOptions {
  readonly onlyFor?: readonly string[];
  readonly allowExpired?: boolean;
  readonly passwordFrom?: string;
}

export interface TrustExportOptions extends TrustCommandOptions {
  readonly form?: string;
}

interface Place {
  readonly name: string;
  readonly from: string;
  readonly onlyFor: readonly string[] | null;
}

export async function trustImport(file: string, options: TrustImportOptions, terminal: Terminal): Promise<ExitCode> {
  const found = await findPlace(options, terminal);
  if (found === null) return EXIT.configuration;
  const { place, configuration } = found;
  if (!fitsOnlyFor(place, options.onlyFor ?? [], terminal)) return EXIT.usage;
  const read = await readAuthorities(file, options.passwordFrom);
  for (const warning of read.warnings) terminal.say(`warning: ${warning}`);
  const result: ImportResult =
    read.mistakes.length > 0
      ? { ok: false, mistakes: read.mistakes }
      : await importAuthorities(place.from, read.certificates, new Date(), options.allowExpired === true);
  if (!result.ok) return refuseImport(result.mistakes, options, terminal);
  for (const one of result.expired) {
    terminal.say(`warning: ${one.subjectText} expired ${dayOf(one.notAfter)} and was taken all the same`);
  }
  const { collection } = await readCollection(place.name, place.from, new Date(), place.onlyFor);
  const running = result.added.length === 0 ? 'unchanged' : await reloadGateway(configuration, terminal);
  const { added, known } = result;
  const facts = { collection: collectionJson(collection), added: added.map(certificateFacts), known, running };
  terminal.out(
    options.json === true
      ? formatJson(facts)
      : [`${place.name}: ${added.length} added, ${known} known already`, summaryOf(collection), running].join('\n'),
  );
  return running === REFUSED ? EXIT.configuration : EXIT.ok;
}

function refuseImport(mistakes: readonly string[], options: TrustImportOptions, terminal: Terminal): ExitCode {
  if (options.json === true) terminal.out(formatJson({ added: [], mistakes }));
  for (const mistake of mistakes) terminal.say(mistake);
  terminal.say('nothing was imported');
  if (mistakes.some((mistake) => / expired \d/.test(mistake))) {
    terminal.hint('--allow-expired takes expired certificates too; they vouch for nobody');
  }
  return EXIT.data;
}

export async function trustList(options: TrustCommandOptions, terminal: Terminal): Promise<ExitCode> {
  const readings = await readAll(options, terminal);
  if (readings === null) return EXIT.configuration;
  for (const mistake of readings.flatMap(({ mistakes }) => mistakes)) terminal.say(mistake);
  const collections = readings.map(({ collection }) => collection);
  if (options.json === true) {
    terminal.out(formatJson(collections.map((one) => ({ ...collectionJson(one), certificates: rowsOf(one) }))));
  } else {
    terminal.out(collections.map((one) => [summaryOf(one), ...rowsOf(one).map(formatRow)].join('\n')).join('\n\n'));
  }
  return readings.some(({ mistakes }) => mistakes.length > 0) ? EXIT.data : EXIT.ok;
}

export async function trustShow(hash: string, options: TrustCommandOptions, terminal: Terminal): Promise<ExitCode> {
  const readings = await readAll(options, terminal);
  if (readings === null) return EXIT.configuration;
  const found = findByHash(readings, hash, terminal);
  if (found === null) return EXIT.no;
  const { certificate, reading } = found;
  const files = reading.files.get(certificate.sha256) ?? [];
  const facts = { ...certificateFacts(certificate), thumbprint: thumbprintOf(certificate) };
  const place = { collection: reading.collection.name, onlyFor: reading.collection.onlyFor, files };
  terminal.out(
    options.json === true
      ? formatJson({ ...facts, ...place })
      : `${formatCertificate(certificate)}\nthumbprint ${facts.thumbprint}\nin         ${place.collection}: ${files.join(', ')}`,
  );
  return EXIT.ok;
}

export async function trustRemove(hash: string, options: TrustCommandOptions, terminal: Terminal): Promise<ExitCode> {
  const found = await findPlace(options, terminal);
  if (found === null) return EXIT.configuration;
  const { place, configuration } = found;
  const reading = await readCollection(place.name, place.from, new Date(), place.onlyFor);
  const chosen = findByHash([reading], hash, terminal);
  if (chosen === null) return EXIT.no;
  try {
    await removeAuthority(place.from, chosen.certificate.sha256, new Date());
  } catch (thrown) {
    terminal.say(thrown instanceof Error ? thrown.message : String(thrown));
    return EXIT.data;
  }
  const running = await reloadGateway(configuration, terminal);
  const removed = certificateFacts(chosen.certificate);
  terminal.out(
    options.json === true
      ? formatJson({ collection: place.name, removed, running })
      : `${place.name}: ${removed.subject} removed\n${running}`,
  );
  return running === REFUSED ? EXIT.configuration : EXIT.ok;
}

export async function trustExport(file: string, options: TrustExportOptions, terminal: Terminal): Promise<ExitCode> {
  const form = options.form ?? /\.(pem|sst|p7b)$/i.exec(file)?.[1]?.toLowerCase();
  if (form !== 'pem' && form !== 'sst' && form !== 'p7b') {
    terminal.say(`--form is ${form === undefined ? 'missing' : `"${form}"`}`);
    terminal.hint('pem, sst or p7b');
    return EXIT.usage;
  }
  const found = await findPlace(options, terminal);
  if (found === null) return EXIT.configuration;
  const { collection, mistakes } = await readCollection(found.place.name, found.place.from, new Date());
  for (const mistake of mistakes) terminal.say(mistake);
  if (mistakes.length > 0) return EXIT.data;
  const all = [...collection.anchors, ...collection.intermediates];
  const octets = all.map(({ der }) => der);
  await writeFile(file, form === 'pem' ? formatPem(all) : form === 'sst' ? writeSst(octets) : writeCertsOnly(octets));
  terminal.out(
    options.json === true
      ? formatJson({ file, form, certificates: all.length })
      : `${file}: ${all.length} certificates, ${form}`,
  );
  return EXIT.ok;
}

/** The collection that `--name` means; null after what is wrong was said. */
async function findPlace(
  options: TrustCommandOptions,
  terminal: Terminal,
): Promise<{ place: Place; configuration: Configuration } | null> {
  const configuration = await loadOrReport(options.config, terminal);
  if (configuration === null) return null;
  const name = options.name ?? 'default';
  const place = placesOf(configuration).find((one) => one.name === name);
  if (place !== undefined) return { place, configuration };
  terminal.say(`the configuration has no collection "${name}"`);
  terminal.hint(`trust: { ${name}: { from: FOLDER, only-for: [DOMAIN] } } makes one`);
  return null;
}

function placesOf({ trust }: Configuration): Place[] {
  const named = (trust.named ?? []).map(({ name, from, onlyFor }) => ({ name, from, onlyFor }));
  return [{ name: 'default', from: trust.default, onlyFor: null }, ...named];
}

/** `--only-for` says what the administrator believes; the configuration decides, and the two must agree. */
function fitsOnlyFor(place: Place, wanted: readonly string[], terminal: Terminal): boolean {
  if (wanted.length === 0) return true;
  const { onlyFor } = place;
  if (onlyFor?.every((domain) => wanted.includes(domain)) && wanted.length === onlyFor.length) {
    return true;
  }
  terminal.say(`collection ${place.name} is for ${onlyFor === null ? 'all domains' : onlyFor.join(', ')}`);
  terminal.hint(
    `trust: { ${place.name === 'default' ? 'NAME' : place.name}: { from: FOLDER, only-for: [${wanted.join(', ')}] } } in the configuration`,
  );
  return false;
}

async function readAll(options: TrustCommandOptions, terminal: Terminal): Promise<CollectionReading[] | null> {
  if (options.name !== undefined) {
    const found = await findPlace(options, terminal);
    return found === null ? null : [await readPlace(found.place)];
  }
  const configuration = await loadOrReport(options.config, terminal);
  return configuration === null ? null : Promise.all(placesOf(configuration).map(readPlace));
}

function readPlace({ name, from, onlyFor }: Place): Promise<CollectionReading> {
  return readCollection(name, from, new Date(), onlyFor);
}

/** By SHA-256 or SHA-1 thumbprint, or the beginning of either; colons and case do not count. */
function findByHash(
  readings: readonly CollectionReading[],
  hash: string,
  terminal: Terminal,
): { certificate: Certificate; reading: CollectionReading } | null {
  const wanted = hash.replaceAll(':', '').toLowerCase();
  const found = readings.flatMap((reading) =>
    [...reading.collection.anchors, ...reading.collection.intermediates]
      .filter((one) => one.sha256.startsWith(wanted) || thumbprintOf(one).toLowerCase().startsWith(wanted))
      .map((certificate) => ({ certificate, reading })),
  );
  const [first] = found;
  const different = new Set(found.map(({ certificate }) => certificate.sha256)).size;
  if (/^[0-9a-f]{8,64}$/.test(wanted) && first !== undefined && different === 1) return first;
  terminal.say(
    different > 1 && wanted.length >= 8 ? `"${hash}" means several certificates` : `no certificate "${hash}"`,
  );
  terminal.hint('sealgate trust list shows them; 8 hexadecimal digits are enough');
  return null;
}

const REFUSED = 'the running gateway keeps the old collection, for it refuses the configuration';

/** Lets a running gateway read its collections again. @returns what became of it, for people */
async function reloadGateway({ queue }: Configuration, terminal: Terminal): Promise<string> {
  try {
    const reply = await askGateway(controlSocketIn(queue.folder), 'POST', '/reload');
    if (reply.kind === 'not-running') return 'no gateway is running: the next start reads it';
    if (reply.status === 200) return 'the running gateway uses it from now on';
    const { mistakes = [] } = reply.body as { mistakes?: unknown[] };
    for (const mistake of mistakes) terminal.say(String(mistake));
    return REFUSED;
  } catch (thrown) {
    terminal.say(thrown instanceof Error ? thrown.message : String(thrown));
    return 'the running gateway did not answer: sealgate reload tells it';
  }
}

/** Stable names, for `--json`. */
function collectionJson(collection: TrustCollection) {
  const { name, version, anchors, intermediates, earliestExpiry, onlyFor } = collection;
  const earliest = earliestOf(collection);
  return {
    name,
    version,
    anchors: anchors.length,
    intermediates: intermediates.length,
    onlyFor,
    earliestExpiry: earliestExpiry?.toISOString() ?? null,
    earliest: earliest === null ? null : { sha256: earliest.sha256, thumbprint: thumbprintOf(earliest) },
  };
}

function summaryOf(collection: TrustCollection): string {
  const { name, anchors, intermediates, earliestExpiry, onlyFor } = collection;
  const scope = onlyFor === null ? '' : `, only for ${onlyFor.join(', ')}`;
  const earliest = earliestOf(collection);
  const expiry =
    earliestExpiry === null || earliest === null
      ? ''
      : `, first to expire ${dayOf(earliestExpiry)} (thumbprint ${thumbprintOf(earliest)})`;
  return `${name}: anchors ${anchors.length}, intermediates ${intermediates.length}${scope}${expiry}`;
}

function earliestOf({ anchors, intermediates, earliest }: TrustCollection): Certificate | null {
  return [...anchors, ...intermediates].find(({ sha256 }) => sha256 === earliest) ?? null;
}

interface Row {
  readonly sha256: string;
  readonly place: 'anchor' | 'intermediate';
  readonly notAfter: string;
  readonly subject: string;
}

function rowsOf({ anchors, intermediates }: TrustCollection): Row[] {
  const row =
    (place: Row['place']) =>
    (one: Certificate): Row => ({
      sha256: one.sha256,
      place,
      notAfter: one.notAfter.toISOString(),
      subject: one.subjectText,
    });
  return [...anchors.map(row('anchor')), ...intermediates.map(row('intermediate'))];
}

function formatRow({ sha256, place, notAfter, subject }: Row): string {
  return `  ${sha256.slice(0, 12)}  ${place.padEnd(12)}  until ${notAfter.slice(0, 10)}  ${subject}`;
}

function dayOf(date: Date): string {
  return date.toISOString().slice(0, 10);
}
