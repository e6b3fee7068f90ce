/**
 * `sealgate trust list|show|remove|export`: the trusted CA collections that the configuration names. A change is all or
 * nothing; the running gateway is told, over the control socket, to read its collections.
 */
import { writeFile } from 'node:fs/promises';
import { writeCertsOnly } from '../cms/certs-only-writer.ts';
import type { Configuration } from '../config/configuration.ts';
import { thumbprintOf } from '../trust/authority-file.ts';
import { formatPem } from '../trust/certificate-text.ts';
import { type CollectionReading, isUnread, readCollection, type TrustCollection } from '../trust/collection-reader.ts';
import { removeAuthority } from '../trust/collection-store.ts';
import { writeSst } from '../trust/sst-writer.ts';
import type { Certificate } from '../x509/certificate.ts';
import { certificateFacts, formatCertificate } from './certificate-facts.ts';
import { findPlace, type Place, placesOf, readAll, type TrustCommandOptions } from './collection-place.ts';
import { collectionJson, summaryOf } from './collection-text.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { outputTrouble } from './file-trouble.ts';
import { formatJson, type Terminal } from './terminal.ts';
import { REFUSED, reloadTrust } from './trust-reload.ts';

export interface TrustExportOptions extends TrustCommandOptions {
  readonly form?: string;
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
  if (readings.some(({ unread }) => unread)) return EXIT.noInput;
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
  const chosen = findByHash([reading], hash, terminal, await elsewhere(hash, place, configuration));
  if (chosen === null) return EXIT.no;
  try {
    await removeAuthority(place.from, chosen.certificate.sha256, new Date());
  } catch (thrown) {
    if (isUnread(thrown)) {
      terminal.say(`${place.from} cannot be changed: ${outputTrouble(thrown)}`);
      return EXIT.temporary;
    }
    terminal.say(thrown instanceof Error ? thrown.message : String(thrown));
    return EXIT.data;
  }
  const { collection } = await readCollection(place.name, place.from, new Date(), place.onlyFor);
  const running = await reloadTrust(configuration, collection, terminal);
  const removed = certificateFacts(chosen.certificate);
  if (collection.anchors.length + collection.intermediates.length === 0) {
    terminal.hint(
      `${place.name} is empty now: mail that needs it waits at its sender, and no start takes it. Import a CA, or take it out of the configuration and reload`,
    );
  }
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
  const { collection, mistakes, unread } = await readCollection(found.place.name, found.place.from, new Date());
  for (const mistake of mistakes) terminal.say(mistake);
  if (mistakes.length > 0) return unread ? EXIT.noInput : EXIT.data;
  const all = [...collection.anchors, ...collection.intermediates];
  const octets = all.map(({ der }) => der);
  const written = form === 'pem' ? formatPem(all) : form === 'sst' ? writeSst(octets) : writeCertsOnly(octets);
  try {
    await writeFile(file, written);
  } catch (thrown) {
    terminal.say(`${file} cannot be written: ${outputTrouble(thrown)}`);
    return EXIT.temporary;
  }
  terminal.out(
    options.json === true
      ? formatJson({ file, form, certificates: all.length })
      : `${file}: ${all.length} certificates, ${form}`,
  );
  return EXIT.ok;
}

/** Names of other collections that hold it: a certificate is taken out of one at a time. */
async function elsewhere(hash: string, place: Place, configuration: Configuration): Promise<string[]> {
  const others = placesOf(configuration).filter(({ name }) => name !== place.name);
  const readings = await Promise.all(others.map(({ name, from }) => readCollection(name, from, new Date())));
  return readings
    .filter((reading) => holdersOf([reading], wantedHash(hash)).length > 0)
    .map((one) => one.collection.name);
}

function wantedHash(hash: string): string {
  return hash.replaceAll(':', '').toLowerCase();
}

function holdersOf(
  readings: readonly CollectionReading[],
  wanted: string,
): { certificate: Certificate; reading: CollectionReading }[] {
  return readings.flatMap((reading) =>
    [...reading.collection.anchors, ...reading.collection.intermediates]
      .filter((one) => one.sha256.startsWith(wanted) || thumbprintOf(one).toLowerCase().startsWith(wanted))
      .map((certificate) => ({ certificate, reading })),
  );
}

/**
 * By SHA-256 or SHA-1 thumbprint, or the beginning of either; colons and case do not count.
 * @param others collections that were not asked and hold it
 */
function findByHash(
  readings: readonly CollectionReading[],
  hash: string,
  terminal: Terminal,
  others: readonly string[] = [],
): { certificate: Certificate; reading: CollectionReading } | null {
  const wanted = wantedHash(hash);
  const found = holdersOf(readings, wanted);
  const [first] = found;
  const different = new Set(found.map(({ certificate }) => certificate.sha256)).size;
  if (/^[0-9a-f]{8,64}$/.test(wanted) && first !== undefined && different === 1) return first;
  const several = different > 1 && wanted.length >= 8;
  const where = readings.length === 1 ? ` in collection ${readings[0]?.collection.name}` : '';
  terminal.say(several ? `"${hash}" means several certificates` : `no certificate "${hash}"${where}`);
  const other = wanted.length >= 8 && !several ? others : [];
  terminal.hint(
    other.length > 0
      ? `it is in ${other.join(' and ')}: --collection ${other[0]}`
      : 'sealgate trust list shows them; 8 hexadecimal digits are enough',
  );
  return null;
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
