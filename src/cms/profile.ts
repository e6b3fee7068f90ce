/** Crypto profiles as data (RFC 8551 §2.7; our reach profile). Every primitive stands on its own. */
export interface CryptoProfile {
  readonly name: string;
  readonly digest: 'sha256';
  readonly content: 'aes-256-cbc';
  readonly keyTransport: 'rsa-pkcs1';
  readonly keyAgreement: 'ecdh-stddh-sha256-aes256wrap';
}

/** The profile that the mail programs in use today can read. */
export const PROFILES: Readonly<Record<string, CryptoProfile>> = {
  default: {
    name: 'default',
    digest: 'sha256',
    content: 'aes-256-cbc',
    keyTransport: 'rsa-pkcs1',
    keyAgreement: 'ecdh-stddh-sha256-aes256wrap',
  },
};
