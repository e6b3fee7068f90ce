/**
 * Mozilla's roots from the NSS of this machine: `certutil` (package libnss3-tools on Debian) reads NSS' own module
 * `libnssckbi.so`, with the trust for mail and the day on which it ends. The PEM files of ca-certificates say nothing of
 * mail, and neither does what p11-kit makes of them: both are the store for servers, and neither is used.
 *
 * Refused: a `libnssckbi.so` that is not NSS' own, which names its objects otherwise (p11-kit can stand in its place).
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readCertificateBundle } from '../cms/certificate-bundle.ts';
import type { MozillaRoot } from '../trust/mozilla-roots.ts';
import type { Certificate } from '../x509/certificate.ts';

export type NssReading =
  | { readonly ok: true; readonly roots: readonly MozillaRoot[]; readonly module: string }
  | { readonly ok: false; readonly problem: string };

/** Folders of libraries in Debian, Fedora, Alpine and others; in the first, one for each architecture is below. */
const LIBRARY_FOLDERS = ['/usr/lib', '/usr/lib64', '/usr/local/lib'];
const MODULE = 'libnssckbi.so';
const OUTPUT_OCTETS_MAX = 4 * 1024 * 1024;
const PROGRAM_MS = 20_000;
/** The store has some 200. */
const ROOTS_MAX = 2_000;
const E_MAIL_FLAGS = /^ {8}Email Flags:\n((?: {12}.*\n)*)/gm;
const DISTRUST = /^ {8}E-mail Distrust After: (.+)$/m;

/** Needs some hundred runs of a program, a second or two. Never rejects. */
export async function readNssRoots(): Promise<NssReading> {
  const module = await findModule();
  if (module === null) return failed(`${MODULE} is not installed (Debian: libnss3)`);
  const folder = await mkdtemp(path.join(tmpdir(), 'sealgate-nss-'));
  try {
    await symlink(module, path.join(folder, MODULE));
    const made = await certutil(['-N', '-d', `sql:${folder}`, '--empty-password']);
    if (typeof made !== 'string') return failed(made.problem);
    const listed = await certutil(['-L', '-h', 'all', '-d', `sql:${folder}`]);
    if (typeof listed !== 'string') return failed(listed.problem);
    const names = namesForMail(listed);
    if (names.length === 0) return failed(`${module} is not NSS' own store, or trusts nobody for mail`);
    const roots: MozillaRoot[] = [];
    for (const name of new Set(names.slice(0, ROOTS_MAX))) {
      const named = await readNamed(folder, name);
      if (typeof named === 'string') return failed(`${name}: ${named}`);
      roots.push(...named);
    }
    return { ok: true, roots, module };
  } catch (thrown) {
    return failed(thrown instanceof Error ? thrown.message : String(thrown));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Names with a C (trusted to issue) in the column for e-mail, `NAME  C,C,`, after that of the token of NSS' own module. */
function namesForMail(listed: string): string[] {
  const rows = Array.from(listed.matchAll(/^(Builtin Object Token:.*?) +[A-Za-z]*,([A-Za-z]*),[A-Za-z]* *$/gm));
  return rows.flatMap(([, name = '', mail = '']) => (mail.includes('C') ? [name] : []));
}

/** @returns the roots of that name, for an old and a new one may share it; or why they cannot be read */
async function readNamed(folder: string, name: string): Promise<MozillaRoot[] | string> {
  const where = ['-L', '-d', `sql:${folder}`, '-n', name];
  const [pem, told] = [await certutil([...where, '-a']), await certutil(where)];
  if (typeof pem !== 'string') return pem.problem;
  if (typeof told !== 'string') return told.problem;
  const { certificates, problems } = readCertificateBundle(Buffer.from(pem));
  const texts = told.split(/^Certificate:$/m).slice(1);
  if (problems.length > 0 || texts.length !== certificates.length) return problems[0] ?? 'is not told whole';
  const roots: MozillaRoot[] = [];
  for (const certificate of certificates) {
    const colons = certificate.sha256.toUpperCase().replace(/..(?!$)/g, '$&:');
    const [text, ...others] = texts.filter((one) => one.includes(colons));
    if (text === undefined || others.length > 0) return 'its fingerprint is another';
    const root = rootOf(certificate, text);
    if (typeof root === 'string') return root;
    if (root !== null) roots.push(root);
  }
  return roots;
}

/** @param text what certutil tells of it @returns null where it is not for mail; a text: what is wrong */
function rootOf(certificate: Certificate, text: string): MozillaRoot | string | null {
  const [flags, ...others] = Array.from(text.matchAll(E_MAIL_FLAGS), ([, lines = '']) => lines);
  if (flags === undefined || others.length > 0) return 'its trust for mail is not told once';
  if (!/^ {12}Trusted CA$/m.test(flags)) return null;
  const [, date] = DISTRUST.exec(text) ?? [];
  const distrustAfter = date === undefined ? null : new Date(`${date} UTC`);
  if (distrustAfter !== null && Number.isNaN(distrustAfter.getTime())) return `"${date}" is no date`;
  return { certificate, ofMozilla: text.includes('Mozilla-CA-Policy: true'), distrustAfter };
}

async function findModule(): Promise<string | null> {
  for (const folder of LIBRARY_FOLDERS) {
    const below = await readdir(folder, { withFileTypes: true }).catch(() => []);
    const architectures = below.filter((one) => one.isDirectory() && one.name.includes('-linux-'));
    const folders = [folder, ...architectures.map(({ name }) => path.join(folder, name))];
    for (const place of folders.flatMap((one) => [one, path.join(one, 'nss')])) {
      const found = await realpath(path.join(place, MODULE)).catch(() => null);
      if (found !== null) return found;
    }
  }
  return null;
}

/** What the program writes, or why it does not. Text and times as in the C locale. */
function certutil(words: readonly string[]): Promise<string | { readonly problem: string }> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let octets = 0;
    const environment = { ...process.env, LC_ALL: 'C', TZ: 'UTC' };
    const child = spawn('certutil', words, {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: environment,
      timeout: PROGRAM_MS,
    });
    child.on('error', (error: NodeJS.ErrnoException) => {
      const missing = error.code === 'ENOENT';
      resolve({ problem: missing ? 'certutil is not installed (Debian: libnss3-tools)' : error.message });
    });
    child.stdout.on('data', (chunk: Buffer) => {
      octets += chunk.length;
      if (octets > OUTPUT_OCTETS_MAX) child.kill();
      else chunks.push(chunk);
    });
    child.on('close', (code) => {
      if (code === 0) resolve(Buffer.concat(chunks).toString('utf8'));
      else resolve({ problem: `certutil ${words[0]} ended with ${code}` });
    });
  });
}

function failed(problem: string): NssReading {
  return { ok: false, problem };
}
