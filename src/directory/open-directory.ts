/**
 * Opens the configured sources and answers from all of them: who publishes a certificate for this mailbox.
 *
 * The authoritative "none" is earned: every source that may speak for the domain has answered, and none has anything.
 * What one source has and another's failure stand side by side; the caller decides. A folder that cannot be read is a
 * mistake at the start; a server that is down is not, for it may come back before the first mail needs it.
 */
import { X509Certificate } from 'node:crypto';
import type { Address } from '../address.ts';
import { sourceDefect } from '../log/directory-events.ts';
import { CachedSource } from './cached-source.ts';
import type { Directory, DirectoryAnswer, DirectoryOptions, SourceOptions, SourceStatus } from './directory.ts';
import { FirstSeen } from './first-seen.ts';
import { FolderSource } from './folder-source.ts';
import { parseLdapUrl } from './ldap-connection.ts';
import { LdapSource } from './ldap-source.ts';
import { coversDomain, type Source, type SourceAnswer } from './source.ts';

export type OpenedDirectory =
  | { readonly ok: true; readonly directory: Directory; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly mistakes: readonly string[] };

/**
 * Opens every source. Folders are read before this returns; servers are asked at the first look-up.
 * @param clock milliseconds since 1970
 */
export async function openDirectory(
  options: DirectoryOptions,
  clock: () => number = () => Date.now(),
): Promise<OpenedDirectory> {
  const firstSeen = new FirstSeen(clock);
  const sources: Source[] = [];
  const warnings: string[] = [];
  const mistakes: string[] = [];
  for (const [rank, source] of options.sources.entries()) {
    if (source.kind === 'folder') {
      const folder = new FolderSource(source, rank, firstSeen, clock);
      sources.push(folder);
      const failure = await folder.start();
      if (failure !== null) mistakes.push(`${folder.name}: ${failure}`);
      warnings.push(...folder.problems());
    } else {
      mistakes.push(...ldapMistakes(source));
      warnings.push(...ldapWarnings(source));
      const { deadlineMs, failFastMs } = options;
      const live = new LdapSource({ ldap: source, rank, deadlineMs, failFastMs }, firstSeen, clock);
      sources.push(new CachedSource(live, rank, options.cache, clock));
    }
  }
  const directory = new MergedDirectory(sources);
  if (mistakes.length === 0) return { ok: true, directory, warnings };
  await directory.close();
  return { ok: false, mistakes };
}

/** All sources as one. Exported for tests; the house calls {@link openDirectory}. */
export class MergedDirectory implements Directory {
  readonly #sources: readonly Source[];

  /** @param sources best first */
  constructor(sources: readonly Source[]) {
    this.#sources = sources;
  }

  async find(address: Address): Promise<DirectoryAnswer> {
    const asked = this.#sources.filter((source) => coversDomain(source.domains, address.domain));
    const pending = asked.map((source) => ask(source, address));
    const answers = pending.some((answer) => answer instanceof Promise)
      ? await Promise.all(pending)
      : (pending as SourceAnswer[]);
    const candidates: DirectoryAnswer['candidates'][number][] = [];
    const failures: DirectoryAnswer['failures'][number][] = [];
    for (const [i, answer] of answers.entries()) {
      if (answer.ok) candidates.push(...answer.candidates);
      else failures.push({ source: asked[i]?.name ?? '', reason: answer.reason });
    }
    return { candidates, failures };
  }

  status(): readonly SourceStatus[] {
    return this.#sources.map((source) => source.status());
  }

  async close(): Promise<void> {
    await Promise.all(this.#sources.map((source) => source.close()));
  }
}

/** A source must not reject; one that does has a defect, and a defect is no "none". */
function ask(source: Source, address: Address): SourceAnswer | Promise<SourceAnswer> {
  const defect = (thrown: unknown): SourceAnswer => {
    sourceDefect(source.name, thrown);
    return { ok: false, reason: 'internal error' };
  };
  try {
    const answer = source.find(address);
    return answer instanceof Promise ? answer.catch(defect) : answer;
  } catch (thrown) {
    return defect(thrown);
  }
}

type LdapSourceOptions = Extract<SourceOptions, { kind: 'ldap' }>;

function ldapMistakes({ label, url, bind, ca }: LdapSourceOptions): readonly string[] {
  const mistakes: string[] = [];
  try {
    parseLdapUrl(url);
  } catch {
    mistakes.push(`ldap ${label}: not an ldap:// or ldaps:// URL with a host`);
  }
  // RFC 4513 §5.1.2: a name without a password succeeds and is anonymous
  if (bind !== null && bind.password === '') mistakes.push(`ldap ${label}: bind with an empty password is anonymous`);
  if (ca !== null) {
    try {
      new X509Certificate(ca);
    } catch {
      mistakes.push(`ldap ${label}: the CA file holds no PEM certificate`);
    }
  }
  return mistakes;
}

function ldapWarnings({ label, url, startTls, bind }: LdapSourceOptions): readonly string[] {
  if (startTls || url.toLowerCase().startsWith('ldaps:')) return [];
  const what = bind === null ? 'answers can be altered on the way' : 'the bind password is sent in clear';
  return [`ldap ${label}: no TLS, ${what}; use ldaps:// or StartTLS`];
}
