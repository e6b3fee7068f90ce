/**
 * Opens what one configuration needs to judge mail: the trusted CAs, our identities, the directory, the crypto profiles.
 * `start`, `reload`, `check`, `explain` and `cert check` all begin here, so that they find the same mistakes.
 */
import { type CryptoProfile, isPostQuantumProfile, resolveProfile } from './cms/profile.ts';
import type { Configuration } from './config/configuration.ts';
import { openDirectory } from './directory/open-directory.ts';
import { algorithmSupport } from './keys/algorithm-support.ts';
import type { Identities } from './keys/identities.ts';
import { loadIdentities } from './keys/identity-loader.ts';
import type { Snapshot } from './relay/snapshot.ts';
import { openTrust } from './trust/open-trust.ts';
import { isPostQuantumKey } from './x509/post-quantum-key.ts';

/** Result of anything that an administrator's mistake can stop. */
export type Opened<T> =
  | { readonly ok: true; readonly value: T; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly mistakes: readonly string[] };

/**
 * Opens everything that judging mail needs: trust, identities, directory. All mistakes of all three at once.
 * The caller closes the snapshot.
 */
export async function openSnapshot(configuration: Configuration): Promise<Opened<Snapshot>> {
  const [trust, identities, directory] = await Promise.all([
    openTrust(configuration.trust),
    loadIdentities(configuration.identities),
    openDirectory(configuration.directory),
  ]);
  const profiles = resolveProfiles(configuration);
  const mistakes = [
    ...profiles.mistakes,
    ...(trust.ok ? [] : trust.mistakes),
    ...identities.mistakes,
    ...(directory.ok ? [] : directory.mistakes),
  ];
  if (!trust.ok || !directory.ok || mistakes.length > 0) {
    if (directory.ok) await directory.directory.close();
    if (trust.ok) await trust.trust.close();
    return { ok: false, mistakes };
  }
  const value: Snapshot = {
    id: configuration.id,
    hostname: configuration.hostname,
    rules: configuration.policy,
    directory: directory.directory,
    trust: trust.trust,
    identities: identities.identities,
    profiles: profiles.byName,
    vouchHeaders: vouchHeadersOf(configuration),
  };
  const signing = classicalSigners(configuration, profiles.byName, identities.identities);
  return { ok: true, value, warnings: [...trust.warnings, ...identities.warnings, ...directory.warnings, ...signing] };
}

/** What the running Node cannot compute is the administrator's mistake, found at the start and not at the first message. */
function resolveProfiles({ profiles }: Configuration) {
  const byName: Record<string, CryptoProfile> = Object.create(null);
  const mistakes: string[] = [];
  for (const { name, spec, origin } of profiles) {
    const result = resolveProfile(name, spec, algorithmSupport);
    if (result.ok) byName[name] = result.profile;
    else mistakes.push(`${origin.file}:${origin.line}: ${origin.path}: profile ${name}: ${result.problem}`);
  }
  return { byName, mistakes };
}

/** Most addresses that a warning names. */
const NAMED_MAX = 3;

/** A classical signature can be forged one day, not read today: worth knowing, and no reason to send nothing. */
function classicalSigners(
  { profiles }: Configuration,
  byName: Readonly<Record<string, CryptoProfile>>,
  { all }: Identities,
): string[] {
  const classical = all.filter(({ certificate }) => !isPostQuantumKey(certificate)).map(({ address }) => address.text);
  if (classical.length === 0) return [];
  const named = [...classical.slice(0, NAMED_MAX), ...(classical.length > NAMED_MAX ? ['...'] : [])].join(', ');
  return profiles
    .filter(({ name }) => byName[name] !== undefined && isPostQuantumProfile(byName[name]))
    .map(
      ({ name, origin }) =>
        `${origin.file}:${origin.line}: ${origin.path}: profile ${name} encrypts to ML-KEM, but ${classical.length} of our ` +
        `${all.length} addresses sign with RSA or elliptic curves (${named}), which quantum computers forge: get ML-DSA certificates`,
    );
}

function vouchHeadersOf(configuration: Configuration): ReadonlySet<string> {
  const rules = configuration.door.listeners.flatMap(({ clients }) => clients);
  return new Set(rules.flatMap(({ vouches }) => (vouches.kind === 'header' ? [vouches.name.toLowerCase()] : [])));
}
