/** Our own senders' certificates and keys. What the rest of the house sees of `keys/`. */
import type { Address } from '../address.ts';
import type { CryptoProfile } from '../cms/profile.ts';
import type { Signer } from '../cms/signer.ts';
import type { Certificate } from '../x509/certificate.ts';

/** Where our own keys are. */
export interface IdentityOptions {
  /**
   * Absolute path of the folder: one .p12 or .pem (certificate, chain and key) an address. The password of `NAME.p12` is
   * in `NAME.password` beside it, mode 0600; none means the empty password.
   */
  readonly folder: string;
  /** Addresses whose encrypted mail is opened elsewhere: no warning that their certificate also allows encryption. */
  readonly decryptsElsewhere: readonly Address[];
}

/** Result of loading all identities: mistakes stop the start (exit 78), warnings are said. */
export interface IdentityLoad {
  readonly identities: Identities;
  /** `file: problem: what to do`. */
  readonly mistakes: readonly string[];
  readonly warnings: readonly string[];
}

/** Our senders' certificates with their keys; loaded once, and held until the snapshot goes. */
export interface Identities {
  /** The identity of that mailbox, or null. Its validity in time is the caller's to ask of `trust` before each signature. */
  find(address: Address): Identity | null;
  readonly all: readonly Identity[];
}

/** One mailbox of ours that can sign. The key itself is behind `signer`. */
export interface Identity {
  readonly address: Address;
  readonly certificate: Certificate;
  /** Certificates that stood in the file beside the leaf. */
  readonly companions: readonly Certificate[];
  /** Absolute path of the file it came from. */
  readonly file: string;
  /**
   * @param chain what to include beside the leaf, root left out
   * @param profile decides the algorithm; `default` when left out
   * @param root the anchor, for profiles that include it
   * @throws GatewayError keys.unusable for a key that the profile does not sign with
   */
  signer(chain: readonly Certificate[], profile?: CryptoProfile, root?: Certificate | null): Signer;
}
