/** From `trust`, `identities` and `directory` to the options of those rooms; reads CA files and bind passwords. */
import type { DirectoryOptions, SourceOptions } from '../directory/directory.ts';
import type { IdentityOptions } from '../keys/identities.ts';
import type { RevocationOptions } from '../trust/revocation-options.ts';
import type { NamedCollection, TrustOptions } from '../trust/trust.ts';
import { type Building, readLeaf } from './build-door.ts';
import type { Site, sourceShape, TreeOf } from './language.ts';
import type { Located, MistakeList } from './mistake-list.ts';

type Source = TreeOf<typeof sourceShape>;

/** Keys that say something only of an LDAP source. */
const LDAP_KEYS = ['base', 'mode', 'start-tls', 'bind-dn', 'bind-password-from', 'ca', 'when-unreachable'] as const;

export async function buildTrust(site: Site, building: Building): Promise<TrustOptions> {
  const { files } = building;
  const { known, others } = site.trust?.value ?? { known: null, others: [] };
  const path = known?.default ?? null;
  if (path !== null) await files.expectAny(path);
  const named: NamedCollection[] = [];
  for (const { name, content } of others) {
    const { from, 'only-for': onlyFor } = content.value;
    if (from === null) continue;
    await files.expectAny(from);
    const domains = onlyFor?.value.map((domain) => domain.value) ?? null;
    named.push({ name: name.value, from: files.resolve(from.value), onlyFor: domains });
  }
  const revocation = await buildRevocation(site, building);
  return { default: path === null ? '' : files.resolve(path.value), named, revocation };
}

async function buildRevocation(site: Site, building: Building): Promise<RevocationOptions | null> {
  const { files } = building;
  const tree = site.trust?.value.known?.revocation?.value ?? null;
  if (tree === null) return null;
  const { crls, cache, signers, 'ldap-ca': ca } = tree;
  if (signers !== null) await files.expectAny(signers);
  if (crls !== null) await files.expectAny(crls);
  if (cache !== null) await files.expectFolderIfPresent(cache);
  const spool = site.queue?.value.folder?.value ?? null;
  return {
    check: tree.check?.value ?? true,
    whenUnreachable: tree['when-unreachable']?.value ?? 'refuse',
    stalenessMaxMs: tree['staleness-max']?.value ?? 0,
    fetchTimeoutMs: tree['fetch-timeout']?.value ?? 0,
    validationTimeoutMs: tree['validation-timeout']?.value ?? 0,
    refreshMs: tree.refresh?.value ?? 0,
    allow: tree.allow?.value.map(({ value }) => value.cidr) ?? [],
    ldapHost: tree['ldap-host']?.value.url ?? null,
    ldapCa: ca === null ? null : await readCa(ca, building),
    fetchIntermediates: tree['fetch-intermediates']?.value ?? false,
    crls: crls === null ? [] : [files.resolve(crls.value)],
    signers: signers === null ? [] : [files.resolve(signers.value)],
    cache: cache !== null ? files.resolve(cache.value) : spool === null ? null : `${files.resolve(spool)}-revocation`,
    withoutSource: 'accept',
    fetch: true,
    patient: false,
  };
}

export async function buildIdentities(site: Site, { files }: Building): Promise<IdentityOptions> {
  const tree = site.identities;
  if (tree === null) return { folder: '', decryptsElsewhere: [] };
  const folder: Located<string> | null =
    typeof tree.value === 'string' ? { value: tree.value, key: tree.key, offset: tree.offset } : tree.value.folder;
  const decrypts = typeof tree.value === 'string' ? null : tree.value.decrypts;
  if (folder !== null) await files.expectFolder(folder);
  return {
    folder: folder === null ? '' : files.resolve(folder.value),
    decryptsElsewhere: (decrypts?.value ?? []).map((entry) => entry.name.value),
  };
}

export async function buildDirectory(site: Site, building: Building): Promise<DirectoryOptions> {
  const trees = site.directory?.value ?? [];
  const sources = await Promise.all(trees.map((tree) => buildSource(tree, building)));
  refuseDuplicateSources(trees, building);
  return {
    sources: sources.filter((source) => source !== null),
    cache: { entriesMax: 100_000, positiveTtlMs: 3_600_000, negativeTtlMs: 300_000 },
    // a client waits for its RCPT reply: well below the 5 minutes of RFC 5321 §4.5.3.2.3
    deadlineMs: 10_000,
    failFastMs: 30_000,
  };
}

async function buildSource(located: Located<Source>, building: Building): Promise<SourceOptions | null> {
  const { list, files } = building;
  const { folder, ldap } = located.value;
  if ((folder === null) === (ldap === null)) {
    if (list.hasMistakeUnder(located.key)) return null;
    const problem = folder === null ? 'says not where to look' : 'is a folder and a server at once';
    list.mistake(located, problem, 'either folder or ldap');
    return null;
  }
  const domains = located.value.for?.value.map((domain) => domain.value) ?? [];
  const speaksFor = domains.length === 0 || domains.includes('*') ? null : domains;
  if (located.value.for?.value.length === 0) list.mistake(located.value.for, 'is empty', 'at least one domain');
  if (folder !== null) {
    refuseLdapKeys(located.value, list);
    await files.expectFolder(folder);
    return { kind: 'folder', folder: files.resolve(folder.value), for: speaksFor, label: folder.value };
  }
  return buildLdapSource(located, speaksFor, building);
}

function refuseLdapKeys(source: Source, list: MistakeList): void {
  for (const key of LDAP_KEYS) {
    const value = source[key];
    if (value !== null) list.mistake(value, 'says nothing of a folder', 'only beside ldap');
  }
}

async function buildLdapSource(
  located: Located<Source>,
  speaksFor: readonly string[] | null,
  building: Building,
): Promise<SourceOptions | null> {
  const { list } = building;
  const source = located.value;
  const { ldap, base, ca } = source;
  if (ldap === null) return null;
  const startTls = source['start-tls']?.value ?? false;
  if (startTls && ldap.value.encrypted && source['start-tls'] !== null) {
    list.mistake(source['start-tls'], 'ldaps has TLS from the beginning', 'start-tls beside ldap:// only');
  }
  const encrypted = ldap.value.encrypted || startTls;
  if (!encrypted) list.warning(ldap, 'answers come unprotected', 'ldaps://, or start-tls: true');
  if (base === null && !list.hasMistakeUnder(`${located.key}.base`)) {
    list.mistake(located, 'has no base', 'base: the DN below which to search');
  }
  const bind = await buildBind(source, encrypted, building);
  return {
    kind: 'ldap',
    url: ldap.value.url,
    base: base?.value ?? '',
    startTls,
    bind,
    ca: ca === null ? null : await readCa(ca, building),
    for: speaksFor,
    label: ldap.value.url,
  };
}

async function buildBind(
  source: Source,
  encrypted: boolean,
  { list, files }: Building,
): Promise<{ dn: string; password: string } | null> {
  const { 'bind-dn': dn, 'bind-password-from': from } = source;
  if (dn === null && from === null) return null;
  if (dn === null || from === null) {
    const alone = dn ?? from;
    if (alone !== null) list.mistake(alone, 'stands alone', 'bind-dn together with bind-password-from');
    return null;
  }
  if (!encrypted) list.mistake(dn, 'the password would cross the network in clear', 'ldaps://, or start-tls: true');
  const password = await files.readSecretLine(from);
  return password === null ? null : { dn: dn.value, password };
}

/** PEM of a CA, checked to hold at least one certificate; null after a mistake was reported. */
export async function readCa(path: Located<string>, building: Building): Promise<Buffer | null> {
  const pem = await building.files.readPublic(path);
  return pem === null || readLeaf(pem, path, building) === null ? null : pem;
}

function refuseDuplicateSources(trees: readonly Located<Source>[], { list, files }: Building): void {
  const seen = new Map<string, Located<Source>>();
  for (const tree of trees) {
    const { folder, ldap, base } = tree.value;
    const name = folder === null ? `${ldap?.value.url} ${base?.value}` : files.resolve(folder.value);
    const earlier = seen.get(name);
    if (earlier === undefined) seen.set(name, tree);
    else if (folder !== null || ldap !== null) {
      list.mistake(tree, 'duplicate source', `it stands in line ${list.lineOf(earlier.offset)} already`);
    }
  }
}
