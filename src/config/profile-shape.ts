/**
 * The crypto profiles of the configuration: a name, or a map that starts from a built-in one and says what differs. The
 * names of algorithms are those of `cms/`, said again for the reference and held equal by a test.
 */
import { either, list, map } from './map-shape.ts';
import { integer, truth } from './scalars.ts';
import { optional, required, type Shape, type TextShape } from './shape.ts';
import { choice, scalar, Wrong } from './text-shape.ts';

export const PROFILE_NAMES = ['default', 'modern', 'bsi', 'pq'] as const;
export const CONTENT_NAMES = [
  'aes-128-cbc',
  'aes-192-cbc',
  'aes-256-cbc',
  'aes-128-gcm',
  'aes-192-gcm',
  'aes-256-gcm',
  'chacha20-poly1305',
] as const;
export const KEY_AGREEMENT_NAMES = [
  'by-curve',
  'x963-sha256',
  'x963-sha384',
  'x963-sha512',
  'hkdf-sha256',
  'hkdf-sha384',
  'hkdf-sha512',
] as const;
export const KEY_KIND_NAMES = ['rsa', 'ec', 'x25519', 'x448', 'ml-kem-512', 'ml-kem-768', 'ml-kem-1024'] as const;
const HASH_NAMES = ['sha256', 'sha384', 'sha512'] as const;

/** One profile; every key but `base` is taken from there where it is absent. */
export const profileShape = map({
  base: required(choice(PROFILE_NAMES), 'Built-in profile to start from.'),
  signature: optional(choice(['rsa-pkcs1', 'rsa-pss']), 'of `base`', 'Signatures of RSA keys.'),
  digest: optional(choice(HASH_NAMES), 'of `base`', 'Digest of signatures of RSA keys. Other keys bring their own.'),
  content: optional(choice(CONTENT_NAMES), 'of `base`', 'Cipher of the content. GCM and Poly1305: AuthEnvelopedData.'),
  'content-key': optional(
    choice(['direct', 'hkdf-sha256']),
    'of `base`',
    'Bind the content key to the cipher (CEK-HKDF, RFC 9709). Few programs read it.',
  ),
  'key-transport': optional(choice(['rsa-pkcs1', 'rsa-oaep']), 'of `base`', 'How keys are encrypted to RSA keys.'),
  'oaep-hash': optional(choice(HASH_NAMES), 'of `base`', 'Hash of OAEP.'),
  'oaep-mask-hash': optional(choice(HASH_NAMES), 'of `base`', 'Hash of the MGF1 of OAEP.'),
  'key-agreement': optional(choice(KEY_AGREEMENT_NAMES), 'of `base`', 'Key derivation of EC, X25519 and X448 keys.'),
  'encrypt-to': optional(
    list(choice(KEY_KIND_NAMES), 'at least one kind of key'),
    'of `base`',
    'Kinds of keys that are encrypted to; a certificate with another one cannot be used.',
  ),
  'rsa-bits-min': optional(integer(2048, 8192), 'of `base`', 'Shortest RSA key of signers and recipients.'),
  chain: optional(
    choice(['none', 'leaf', 'without-root', 'with-root']),
    'of `base`',
    'Certificates that go with a signature.',
  ),
  'key-identifier': optional(truth, 'of `base`', 'Name certificates by key identifier, where they have one.'),
  capabilities: optional(truth, '`true`', 'Say in signatures what the signer can read (sMIMECapabilities).'),
});

/** Names of profiles of the administrator's own. */
export const profileName = scalar('a name of letters, digits and hyphens', (text) => {
  if ((PROFILE_NAMES as readonly string[]).includes(text))
    return new Wrong(`${text} is a built-in profile`, 'another name');
  return /^[a-z0-9][a-z0-9-]{0,40}$/i.test(text) ? text : undefined;
});

const REFERENCE = `one of ${PROFILE_NAMES.join(', ')}, or a name under \`profiles\`; or a map as there`;

/** Where a profile is chosen. */
export const profileChoice: Shape<ProfileChoice> = withForm(
  either(
    scalar(REFERENCE, (text) => text),
    profileShape,
  ),
);

/** A name, or a profile written in place. */
export type ProfileChoice = string | ProfileTree;
export type ProfileTree = typeof profileShape extends Shape<infer T> ? T : never;

/** The reference describes the map once, under `profiles`. */
function withForm<T>(shape: TextShape<T>): Shape<T> {
  return { form: { kind: 'scalar', allowed: REFERENCE }, read: shape.read };
}
