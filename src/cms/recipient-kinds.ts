/** Kinds of keys that a content key can be encrypted to; each has one way of doing it. */
import type { KeyKind } from '../x509/certificate.ts';

export type RecipientKind = Extract<
  KeyKind,
  'rsa' | 'ec' | 'x25519' | 'x448' | 'ml-kem-512' | 'ml-kem-768' | 'ml-kem-1024'
>;

export const RECIPIENT_KINDS: readonly RecipientKind[] = [
  'rsa',
  'ec',
  'x25519',
  'x448',
  'ml-kem-512',
  'ml-kem-768',
  'ml-kem-1024',
];
