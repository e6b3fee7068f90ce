/** Whole CMS objects of our own writers, for tests of what others (and our readers) make of them. */
import { sign } from 'node:crypto';
import { Readable } from 'node:stream';
import { startDigest } from '../../src/cms/algorithms/digests.ts';
import { SIGNATURES } from '../../src/cms/algorithms/signatures.ts';
import { ContentEncryptor } from '../../src/cms/content-encryptor.ts';
import { writeEnvelopedData } from '../../src/cms/enveloped-data-writer.ts';
import { type CryptoProfile, PROFILES } from '../../src/cms/profile.ts';
import {
  type SignedDataParts,
  signedAttributes,
  signedDataDetached,
  signedDataOpaque,
} from '../../src/cms/signed-data-writer.ts';
import type { Entropy, Signer } from '../../src/cms/signer.ts';
import { signerAlgorithm } from '../../src/cms/signer-algorithm.ts';
import type { MadeCertificate } from './certificate-builder.ts';

/** A built-in profile with changes. */
export function profileOf(base: string, changes: Partial<CryptoProfile> = {}): CryptoProfile {
  const profile = PROFILES[base];
  if (profile === undefined) throw new RangeError(base);
  return { ...profile, name: `${base} of a test`, ...changes };
}

export interface EncryptedOptions {
  readonly profile: CryptoProfile;
  readonly recipients: readonly MadeCertificate[];
  readonly entropy: Entropy;
  readonly password?: Buffer;
}

/** ContentInfo with (Auth)EnvelopedData. */
export async function encryptContent(content: Buffer, options: EncryptedOptions): Promise<Buffer> {
  const encryptor = new ContentEncryptor(options.profile, options.entropy);
  const ciphertext = Buffer.concat([encryptor.update(content), encryptor.final()]);
  const others = options.password === undefined ? [] : [await encryptor.passwordRecipient(options.password, 1000)];
  const recipientInfos = encryptor.recipientInfos(
    options.recipients.map(({ certificate }) => certificate),
    others,
  );
  const parts = {
    recipientInfos,
    contentEncryption: encryptor.algorithm,
    ciphertextBytes: ciphertext.length,
    tag: encryptor.tag(),
  };
  encryptor.destroy();
  return Buffer.concat(await Readable.from(writeEnvelopedData(parts, Readable.from([ciphertext]))).toArray());
}

/** A signer with the key in reach, without the thread pool. */
export function signerOf(made: MadeCertificate, profile: CryptoProfile, issuers: readonly MadeCertificate[]): Signer {
  const fit = signerAlgorithm(made.certificate, profile);
  if (!fit.ok) throw new RangeError(fit.reason);
  const { hash, options } = SIGNATURES[fit.algorithm];
  return {
    certificate: made.certificate,
    chain: issuers.slice(0, -1).map(({ certificate }) => certificate),
    root: issuers.at(-1)?.certificate ?? null,
    algorithm: fit.algorithm,
    sign: async (attributes) => sign(hash, attributes, { key: made.privateKey, ...options }),
  };
}

export interface SignedOptions {
  readonly profile: CryptoProfile;
  readonly signers: readonly MadeCertificate[];
  /** From the issuer of the signers to the root. */
  readonly issuers: readonly MadeCertificate[];
}

/** ContentInfo with SignedData, content outside and inside. */
export async function signContent(
  content: Buffer,
  { profile, signers, issuers }: SignedOptions,
): Promise<{ detached: Buffer; opaque: Buffer }> {
  const parts: SignedDataParts[] = [];
  for (const made of signers) {
    const signer = signerOf(made, profile, issuers);
    const digest = startDigest(SIGNATURES[signer.algorithm].digest).update(content).digest();
    const attributes = signedAttributes({ digest, signer, signingTime: new Date(), profile });
    parts.push({ signer, attributes, signature: await signer.sign(attributes), profile });
  }
  return { detached: signedDataDetached(parts), opaque: signedDataOpaque(parts, content) };
}
