/**
 * `sealgate trust import`: CA certificates from what an administrator has, or Mozilla's roots for mail, into a collection:
 * all or none. The running gateway is told, over the control socket, to read its collections.
 */
import { isUnread, readCollection } from '../trust/collection-reader.ts';
import { type ImportResult, importAuthorities } from '../trust/collection-store.ts';
import { type AuthorityInput, readAuthorities } from './authority-input.ts';
import { certificateFacts } from './certificate-facts.ts';
import { findPlace, type Place, type TrustCommandOptions } from './collection-place.ts';
import { collectionJson, dayOf, summaryOf } from './collection-text.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { outputTrouble } from './file-trouble.ts';
import { readMozillaRoots } from './mozilla-input.ts';
import { formatJson, type Terminal } from './terminal.ts';
import { REFUSED, reloadTrust } from './trust-reload.ts';

export interface TrustImportOptions extends TrustCommandOptions {
  readonly onlyFor?: readonly string[];
  readonly allowExpired?: boolean;
  readonly passwordFrom?: string;
  /** A certdata.txt; true: the NSS of this machine is asked. */
  readonly mozillaEmail?: string | boolean;
}

/** @param file undefined only with `--mozilla-email` */
export async function trustImport(
  file: string | undefined,
  options: TrustImportOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const source = sourceOf(file, options, terminal);
  if (source === null) return EXIT.usage;
  const found = await findPlace(options, terminal);
  if (found === null) return EXIT.configuration;
  const { place, configuration } = found;
  if (!fitsOnlyFor(place, options.onlyFor ?? [], terminal)) return EXIT.usage;
  const read = await source();
  for (const warning of read.warnings) terminal.say(`warning: ${warning}`);
  const result = await importFrom(read, place, options);
  if (!result.ok) {
    refuseImport(result.mistakes, options, terminal);
    if (read.unread) return EXIT.noInput;
    return result.unwritten ? EXIT.temporary : EXIT.data;
  }
  for (const one of result.expired) {
    terminal.say(`warning: ${one.subjectText} expired ${dayOf(one.notAfter)} and was taken all the same`);
  }
  const { collection } = await readCollection(place.name, place.from, new Date(), place.onlyFor);
  const running = result.added.length === 0 ? 'unchanged' : await reloadTrust(configuration, collection, terminal);
  const { added, known } = result;
  const facts = { collection: collectionJson(collection), added: added.map(certificateFacts), known, running };
  terminal.out(
    options.json === true
      ? formatJson(facts)
      : [`${place.name}: ${added.length} added, ${known} known already`, summaryOf(collection), running].join('\n'),
  );
  return running === REFUSED ? EXIT.configuration : EXIT.ok;
}

/** `unwritten`: the file system did not let the folder be changed. */
async function importFrom(
  { certificates, mistakes }: AuthorityInput,
  { from }: Place,
  { allowExpired = false }: TrustImportOptions,
): Promise<Extract<ImportResult, { ok: true }> | { ok: false; mistakes: readonly string[]; unwritten: boolean }> {
  if (mistakes.length > 0) return { ok: false, mistakes, unwritten: false };
  try {
    const result = await importAuthorities(from, certificates, new Date(), allowExpired);
    return result.ok ? result : { ...result, unwritten: false };
  } catch (thrown) {
    if (!isUnread(thrown)) throw thrown;
    return { ok: false, mistakes: [`${from} cannot be changed: ${outputTrouble(thrown)}`], unwritten: true };
  }
}

function refuseImport(mistakes: readonly string[], options: TrustImportOptions, terminal: Terminal): void {
  if (options.json === true) terminal.out(formatJson({ added: [], mistakes }));
  for (const mistake of mistakes) terminal.say(mistake);
  terminal.say('nothing was imported');
  if (mistakes.some((mistake) => / expired \d/.test(mistake))) {
    terminal.hint('--allow-expired takes expired certificates too; they vouch for nobody');
  }
}

/** How the certificates are got; null after a wrong command line was told. */
function sourceOf(
  file: string | undefined,
  { mozillaEmail = false, passwordFrom }: TrustImportOptions,
  terminal: Terminal,
): (() => Promise<AuthorityInput>) | null {
  if (mozillaEmail === false) {
    if (file !== undefined) return () => readAuthorities(file, passwordFrom);
    terminal.say('nothing to import');
    terminal.hint('a file or folder, or --mozilla-email');
    return null;
  }
  if (typeof mozillaEmail === 'string' && file !== undefined) {
    terminal.say('two files at once');
    terminal.hint('--mozilla-email takes one certdata.txt, or none');
    return null;
  }
  const certdata = typeof mozillaEmail === 'string' ? mozillaEmail : file;
  return () => readMozillaRoots(certdata, new Date());
}

/** `*` begins an alias in YAML. */
function asYaml(domain: string): string {
  return domain.startsWith('*') ? `"${domain}"` : domain;
}

/** `--only-for` says what the administrator believes; the configuration decides, and the two must agree. */
function fitsOnlyFor(place: Place, wanted: readonly string[], terminal: Terminal): boolean {
  if (wanted.length === 0) return true;
  const { onlyFor } = place;
  if (onlyFor?.every((domain) => wanted.includes(domain)) && wanted.length === onlyFor.length) {
    return true;
  }
  const scope = place.name === 'default' ? 'all domains' : 'the recipients whose rule names it';
  terminal.say(`collection ${place.name} is for ${onlyFor === null ? scope : onlyFor.join(', ')}`);
  terminal.hint(
    `trust: { ${place.name === 'default' ? 'NAME' : place.name}: { from: FOLDER, only-for: [${wanted.map(asYaml).join(', ')}] } } in the configuration`,
  );
  return false;
}
