/**
 * `sealgate cert check FILE|ADDRESS`: is this certificate good, by which path, and what else was tried? The same
 * validator decides that decides for mail.
 *
 * With `--trust` only those files are anchors and no configuration is read; else the configured collections judge, and
 * an ADDRESS is looked up in the configured directory. Exit 0 valid, 1 not valid, 65 unreadable, 64 usage.
 */
import { existsSync } from 'node:fs';
import { type Address, parseAddress } from '../address.ts';
import type { DirectoryOptions } from '../directory/directory.ts';
import { openSnapshot } from '../open-snapshot.ts';
import { resolveSettings } from '../policy/resolve-settings.ts';
import type { PolicyRules } from '../policy/rules.ts';
import { closeSnapshot } from '../relay/snapshot.ts';
import type { Certificate } from '../x509/certificate.ts';
import { type CertCheckOptions, type CheckTerms, checkTerms, readCheckFile } from './cert-check-question.ts';
import { mergedRevocation, tellCrlTrouble, validateAsked } from './cert-check-revocation.ts';
import { type CheckedCertificate, checkedCertificate, checkFacts, formatCheck } from './cert-check-text.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { loadOrReport } from './load-or-report.ts';
import { formatJson, type Terminal } from './terminal.ts';

/** @param subject a file, or a mail address to look up */
export async function certCheck(
  subject: string,
  options: CertCheckOptions,
  terminal: Terminal,
  now: () => Date = () => new Date(),
): Promise<ExitCode> {
  const file = await readCheckFile(subject);
  const address = file.ok ? null : addressOf(subject);
  const terms = checkTerms(options, now(), address === null ? 'any' : 'encrypt', terminal);
  if (terms === null) return EXIT.usage;
  if (address !== null) {
    if (options.trust === undefined) return checkAddress(address, options, terms, terminal);
    terminal.say('an address is looked up with the configuration, which --trust leaves unread');
    return EXIT.usage;
  }
  if (!file.ok) return unreadable(file.problem, options, terminal);
  for (const problem of file.problems) terminal.say(`warning: ${problem}`);
  const missing = (options.crl ?? []).find((name) => !existsSync(name));
  if (missing !== undefined) return unreadable(`${missing} cannot be read`, options, terminal);
  await tellCrlTrouble(options, terminal);
  const [leaf, ...companions] = file.certificates;
  if (leaf === undefined) return unreadable(`${subject}: holds no certificate`, options, terminal);
  const untrusted = await readMany(options.untrusted ?? [], false, terminal);
  const company = [...companions, ...untrusted.certificates];
  if (options.trust === undefined) return checkConfigured(leaf, company, options, terms, terminal);
  const trusted = await readMany(options.trust, true, terminal);
  if (trusted.problem !== null) return unreadable(trusted.problem, options, terminal);
  const request = { ...terms, leaf, anchors: trusted.certificates, intermediates: company };
  const verdict = await validateAsked(request, options);
  return report([checkedCertificate(leaf, verdict, null)], options, terminal);
}

/** A mail address that is no file. */
function addressOf(subject: string): Address | null {
  return /[/\\]/.test(subject) ? null : parseAddress(subject);
}

/**
 * All certificates of several files.
 * @param strict what is not readable ends the command; else it is told, as the wire would pass over it
 */
async function readMany(
  files: readonly string[],
  strict: boolean,
  terminal: Terminal,
): Promise<{ certificates: Certificate[]; problem: string | null }> {
  const certificates: Certificate[] = [];
  for (const file of files) {
    const read = await readCheckFile(file);
    if (!read.ok) {
      if (strict) return { certificates, problem: read.problem };
      terminal.say(`warning: ${read.problem}`);
      continue;
    }
    for (const problem of read.problems) terminal.say(`warning: ${problem}`);
    certificates.push(...read.certificates);
  }
  return { certificates, problem: null };
}

async function checkConfigured(
  leaf: Certificate,
  company: readonly Certificate[],
  options: CertCheckOptions,
  terms: CheckTerms,
  terminal: Terminal,
): Promise<ExitCode> {
  return withSnapshot(options, terminal, async ({ trust, rules }) => {
    const collections = collectionsFor(rules, terms.address);
    const question = { ...terms, certificate: leaf, extraIntermediates: company, collections };
    await trust.prepare(question);
    const verdict = trust.judge(question);
    const checked = checkedCertificate(leaf, verdict, verdict.ok ? verdict.collection : null);
    return report([checked], options, terminal);
  });
}

async function checkAddress(
  address: Address,
  options: CertCheckOptions,
  terms: CheckTerms,
  terminal: Terminal,
): Promise<ExitCode> {
  return withSnapshot(options, terminal, async ({ trust, directory, rules }) => {
    const answer = await directory.find(address);
    for (const { certificate, problem } of answer.candidates) {
      if (certificate === null && problem !== null) terminal.say(`warning: ${problem}`);
    }
    const checked: CheckedCertificate[] = [];
    for (const { certificate, companions } of answer.candidates) {
      if (certificate === null) continue;
      const mailbox = terms.address ?? address;
      const collections = collectionsFor(rules, mailbox);
      const question = { ...terms, address: mailbox, certificate, extraIntermediates: companions, collections };
      await trust.prepare(question);
      const verdict = trust.judge(question);
      checked.push(checkedCertificate(certificate, verdict, verdict.ok ? verdict.collection : null));
    }
    return report(checked, options, terminal, `no source publishes a certificate for ${address.text}`);
  });
}

/** What the rules choose for mail to this mailbox; null where none is asked about, or nothing is chosen. */
function collectionsFor(rules: PolicyRules, address: Address | null): readonly string[] | null {
  return address === null ? null : resolveSettings(rules, address).trust.value;
}

async function withSnapshot(
  options: CertCheckOptions,
  terminal: Terminal,
  answer: (snapshot: SnapshotOf) => Promise<ExitCode>,
): Promise<ExitCode> {
  const configuration = await loadOrReport(options.config, terminal);
  if (configuration === null) return EXIT.configuration;
  const revocation = mergedRevocation(configuration.trust.revocation ?? null, options);
  const directory =
    options.offline === true ? withoutServers(configuration.directory, terminal) : configuration.directory;
  const opened = await openSnapshot({ ...configuration, directory, trust: { ...configuration.trust, revocation } });
  if (!opened.ok) {
    for (const mistake of opened.mistakes) terminal.say(mistake);
    return EXIT.configuration;
  }
  try {
    return await answer(opened.value);
  } finally {
    await closeSnapshot(opened.value);
  }
}

/** The folders alone. */
function withoutServers(directory: DirectoryOptions, terminal: Terminal): DirectoryOptions {
  const sources = directory.sources.filter((source) => source.kind === 'folder');
  for (const source of directory.sources) {
    if (source.kind === 'ldap') terminal.say(`warning: ${source.label} is not asked (--offline)`);
  }
  return { ...directory, sources };
}

type SnapshotOf = Extract<Awaited<ReturnType<typeof openSnapshot>>, { readonly ok: true }>['value'];

/** The best of all certificates is the answer; each is shown. */
function report(
  checked: readonly CheckedCertificate[],
  options: CertCheckOptions,
  terminal: Terminal,
  nothing = 'no certificate',
): ExitCode {
  const facts = checkFacts(checked, nothing);
  terminal.out(options.json === true ? formatJson(facts) : formatCheck(checked, nothing));
  return facts.valid ? EXIT.ok : EXIT.no;
}

function unreadable(problem: string, options: CertCheckOptions, terminal: Terminal): ExitCode {
  if (options.json === true) {
    terminal.out(
      formatJson({ valid: false, reason: problem, code: 'malformed', path: [], policies: [], attempts: [] }),
    );
  }
  terminal.say(problem);
  return EXIT.data;
}
