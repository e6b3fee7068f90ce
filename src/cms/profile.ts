/**
 * Crypto profiles as data (RFC 8551 §2): which algorithms a message is signed and encrypted with. Every primitive stands
 * on its own and can be overridden on its own; {@link resolveProfile} makes one of what an administrator wrote.
 *
 * - `default`: what the mail programs in use today can read. DEVIATION RFC 8551 §2.7.1.2: AES-256-CBC without known
 *   capabilities, not AES-128-CBC; it is what Outlook and NSS write.
 * - `modern`: AES-256-GCM, OAEP, PSS.
 * - `bsi`: RSA from 3000 bits, elliptic curves from 256, OAEP, PSS, AES-256-CBC (or AES-128-GCM by override).
 * - `pq`: encrypts to ML-KEM only, for one classical recipient beside it would void what ML-KEM gives.
 */
import type { CapabilityName } from './algorithms/capabilities.ts';
import type { ContentCipher } from './algorithms/content-ciphers.ts';
import type { ContentDerivation } from './algorithms/content-key-derivation.ts';
import type { HashName } from './algorithms/digests.ts';
import type { AgreementScheme } from './algorithms/key-agreements.ts';
import type { RecipientKind } from './recipient-kinds.ts';

/** Certificates put into SignedData: nothing, our own, with intermediates, with the anchor too. */
export type ChainMode = 'none' | 'leaf' | 'without-root' | 'with-root';

export interface CryptoProfile {
  readonly name: string;
  /** Hash of RSA signatures. The other keys bring their own (RFC 5754, RFC 8419, RFC 9882). */
  readonly digest: HashName;
  /** Padding of RSA signatures. */
  readonly signature: 'rsa-pkcs1' | 'rsa-pss';
  readonly content: ContentCipher;
  /** `hkdf-sha256` (RFC 9709) for recipients that are known to read it, and nobody else. */
  readonly contentDerivation: ContentDerivation;
  readonly keyTransport: 'rsa-pkcs1' | 'rsa-oaep';
  /** Hash of OAEP, and of its MGF1. */
  readonly oaepHash: HashName;
  readonly oaepMaskHash: HashName;
  /** `by-curve`: the usual derivation of each curve. */
  readonly keyAgreement: 'by-curve' | AgreementScheme;
  /** Kinds of keys that are encrypted to; others are no certificate for this profile. */
  readonly recipients: readonly RecipientKind[];
  /** Shortest RSA key, of signers and of recipients. */
  readonly rsaBitsMin: number;
  /** Name signers and recipients by subjectKeyIdentifier where their certificate has one. */
  readonly keyIdentifier: boolean;
  readonly chain: ChainMode;
  /** What sMIMECapabilities says; empty leaves the attribute out. */
  readonly capabilities: readonly CapabilityName[];
}

const CLASSICAL: readonly RecipientKind[] = ['rsa', 'ec', 'x25519', 'x448'];
const LATTICE: readonly RecipientKind[] = ['ml-kem-512', 'ml-kem-768', 'ml-kem-1024'];

const DEFAULT: CryptoProfile = {
  name: 'default',
  digest: 'sha256',
  signature: 'rsa-pkcs1',
  content: 'aes-256-cbc',
  contentDerivation: 'direct',
  keyTransport: 'rsa-pkcs1',
  oaepHash: 'sha256',
  oaepMaskHash: 'sha256',
  keyAgreement: 'by-curve',
  recipients: [...CLASSICAL, ...LATTICE],
  rsaBitsMin: 2048,
  keyIdentifier: false,
  chain: 'without-root',
  // they speak for whatever program opens mail to the signer: no AEAD, which Outlook cannot open
  capabilities: [
    'aes-256-cbc',
    'aes-128-cbc',
    'rsa-pkcs1-sha256',
    'ecdsa-sha256',
    'rsa-encryption',
    'ecdh-x963-sha256',
  ],
};

const MODERN: CryptoProfile = {
  ...DEFAULT,
  name: 'modern',
  signature: 'rsa-pss',
  content: 'aes-256-gcm',
  keyTransport: 'rsa-oaep',
  capabilities: [
    'aes-256-gcm',
    'aes-128-gcm',
    'aes-256-cbc',
    'aes-128-cbc',
    'rsa-pss-sha256',
    'rsa-pkcs1-sha256',
    'ecdsa-sha256',
    'ecdsa-sha384',
    'rsa-oaep-sha256',
    'rsa-encryption',
    'ecdh-x963-sha256',
    'ecdh-hkdf-sha256',
  ],
};

/** The built-in profiles by name. */
export const PROFILES: Readonly<Record<string, CryptoProfile>> = {
  default: DEFAULT,
  modern: MODERN,
  bsi: {
    ...MODERN,
    name: 'bsi',
    content: 'aes-256-cbc',
    recipients: ['rsa', 'ec'],
    rsaBitsMin: 3000,
    capabilities: [
      'aes-256-cbc',
      'aes-128-gcm',
      'rsa-pss-sha256',
      'ecdsa-sha256',
      'rsa-oaep-sha256',
      'ecdh-x963-sha256',
    ],
  },
  pq: {
    ...MODERN,
    name: 'pq',
    recipients: ['ml-kem-768', 'ml-kem-1024'],
    capabilities: ['aes-256-gcm', 'ml-dsa-65', 'rsa-pss-sha256', 'ecdsa-sha256', 'ml-kem-768', 'ml-kem-1024'],
  },
};

/** The profile where nobody names one. */
export const DEFAULT_PROFILE: CryptoProfile = DEFAULT;

/** Does the profile encrypt to ML-KEM keys and to no others, as `pq` does? */
export function isPostQuantumProfile({ recipients }: CryptoProfile): boolean {
  return recipients.every((kind) => kind.startsWith('ml-kem'));
}

const styles = new WeakMap<CryptoProfile, string>();

/** Everything of a profile that shows in a SignedData beside the signer's algorithm: equal styles may share a signature. */
export function signingStyle(profile: CryptoProfile): string {
  let style = styles.get(profile);
  if (style === undefined) {
    style = [profile.keyIdentifier, profile.chain, ...profile.capabilities].join();
    styles.set(profile, style);
  }
  return style;
}

/** What an administrator wrote: a built-in profile and what differs from it. */
export interface ProfileSpec {
  /** Name of a built-in profile. */
  readonly base: string;
  readonly changes: Partial<Omit<CryptoProfile, 'name' | 'capabilities'>>;
  /** False leaves sMIMECapabilities out. */
  readonly capabilities: boolean;
}

/** What the running Node can do. A value, so that {@link resolveProfile} stays pure. */
export interface AlgorithmSupport {
  /** Such as `Node 20.20.2`. */
  readonly runtime: string;
  /** Can it be used? Names of content ciphers, curves, ML-KEM, ML-DSA and SLH-DSA parameter sets. */
  has(algorithm: string): boolean;
}

export type ProfileResult =
  | { readonly ok: true; readonly profile: CryptoProfile }
  | { readonly ok: false; readonly problem: string };

/**
 * The profile of a specification.
 * @param name shown in logs and explanations
 * @returns `problem` is one sentence for an administrator: an unknown base, changes that contradict each other, or an
 *   algorithm that the running Node lacks, with the Node that has it
 */
export function resolveProfile(name: string, spec: ProfileSpec, support: AlgorithmSupport): ProfileResult {
  const base = Object.hasOwn(PROFILES, spec.base) ? PROFILES[spec.base] : undefined;
  if (base === undefined) return failed(`no profile ${spec.base} to start from: ${Object.keys(PROFILES).join(', ')}`);
  const unchanged = name === spec.base && spec.capabilities && Object.keys(spec.changes).length === 0;
  // the object itself, so that what is prepared for it is kept when the configuration is read again
  const profile: CryptoProfile = unchanged
    ? base
    : {
        ...base,
        ...spec.changes,
        name,
        capabilities: spec.capabilities ? base.capabilities : [],
      };
  const problem = findContradiction(profile) ?? findMissing(profile, support);
  return problem === null ? { ok: true, profile } : failed(problem);
}

/** RFC 9936 §2.2.1: ML-KEM-768 and -1024 need AES-256 wrap, and the wrap is as long as the content key. */
function findContradiction({ content, recipients }: CryptoProfile): string | null {
  if (recipients.length === 0) return 'it encrypts to no kind of key';
  const strong = recipients.every((kind) => kind === 'ml-kem-768' || kind === 'ml-kem-1024');
  if (strong && !content.startsWith('aes-256') && content !== 'chacha20-poly1305') {
    return `content ${content} has a key too short for ML-KEM-768: aes-256-gcm or aes-256-cbc`;
  }
  return null;
}

function findMissing({ content, recipients }: CryptoProfile, support: AlgorithmSupport): string | null {
  if (!support.has(content)) return `${content} is missing in this ${support.runtime}`;
  if (recipients.some((kind) => !kind.startsWith('ml-kem') || support.has(kind))) return null;
  return `${recipients.join(', ')} is missing in this ${support.runtime}: Node 24 or later has it`;
}

function failed(problem: string): ProfileResult {
  return { ok: false, problem };
}
