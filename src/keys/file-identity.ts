/** Identities from files: one object a mailbox, all of one certificate sharing its key (RFC 8550 §3). */
import type { Address } from '../address.ts';
import { type CryptoProfile, DEFAULT_PROFILE } from '../cms/profile.ts';
import type { SignatureAlgorithm, Signer } from '../cms/signer.ts';
import { signerAlgorithm } from '../cms/signer-algorithm.ts';
import { gatewayError } from '../errors.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { Identities, Identity } from './identities.ts';
import type { MatchedFile } from './identity-checks.ts';
import { KeySigner } from './key-signer.ts';

/** One mailbox and the certificate it signs with. */
export class FileIdentity implements Identity {
  readonly address: Address;
  readonly certificate: Certificate;
  readonly companions: readonly Certificate[];
  readonly file: string;
  /** Shared by the mailboxes of one certificate. */
  private readonly signers: SignerSource;

  constructor(address: Address, matched: MatchedFile, file: string, signers: SignerSource) {
    this.address = address;
    this.certificate = matched.certificate;
    this.companions = matched.companions;
    this.file = file;
    this.signers = signers;
  }

  signer(
    chain: readonly Certificate[],
    profile: CryptoProfile = DEFAULT_PROFILE,
    root: Certificate | null = null,
  ): Signer {
    return this.signers.under(profile, chain, root);
  }
}

/**
 * Makes the signers of one key. What `cms` prepares for a signer is kept with the object, so the same chain and algorithm
 * give the same object; the chain changes only when the trusted certificates do.
 */
export class SignerSource {
  private readonly matched: MatchedFile;
  private readonly file: string;
  private readonly last = new Map<SignatureAlgorithm, KeySigner>();

  constructor(matched: MatchedFile, file: string) {
    this.matched = matched;
    this.file = file;
  }

  /** @throws GatewayError keys.unusable for a key that the profile does not sign with */
  under(profile: CryptoProfile, chain: readonly Certificate[], root: Certificate | null): Signer {
    const { certificate, key } = this.matched;
    const fit = signerAlgorithm(certificate, profile);
    if (!fit.ok) throw gatewayError('keys.unusable', `certificate ${certificate.sha256}: ${fit.reason}`);
    const { algorithm } = fit;
    const last = this.last.get(algorithm);
    if (last !== undefined && last.root?.sha256 === root?.sha256 && sameCertificates(last.chain, chain)) return last;
    const signer = new KeySigner({ certificate, chain: [...chain], root, algorithm, key, file: this.file });
    this.last.set(algorithm, signer);
    return signer;
  }
}

function sameCertificates(a: readonly Certificate[], b: readonly Certificate[]): boolean {
  return a.length === b.length && a.every(({ sha256 }, index) => sha256 === b[index]?.sha256);
}

/** All identities by mailbox. */
export class LoadedIdentities implements Identities {
  private readonly byKey: ReadonlyMap<string, Identity>;

  /** @param byKey keys are {@link Address.key} */
  constructor(byKey: ReadonlyMap<string, Identity>) {
    this.byKey = byKey;
  }

  get all(): readonly Identity[] {
    return [...this.byKey.values()];
  }

  find(address: Address): Identity | null {
    return this.byKey.get(address.key) ?? null;
  }
}
