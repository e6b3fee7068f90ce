/** Who signs and who is encrypted to, as `sealgate cms` was told; judged by key and key usage, never by trust. */
import { type CryptoProfile, isPostQuantumProfile } from '../cms/profile.ts';
import { canEncryptTo } from '../cms/recipient-info.ts';
import type { Signer } from '../cms/signer.ts';
import { signerAlgorithm } from '../cms/signer-algorithm.ts';
import { KeySigner } from '../keys/key-signer.ts';
import type { Certificate } from '../x509/certificate.ts';
import { findKeyWeakness } from '../x509/key-strength.ts';
import { isPostQuantumKey } from '../x509/post-quantum-key.ts';
import { isSelfSigned } from '../x509/self-signed.ts';
import { readCertificates, readOwnKey, readPassword } from './cms-keys.ts';
import { CmsStop } from './cms-stop.ts';
import { EXIT } from './exit-code.ts';
import type { Terminal } from './terminal.ts';

export interface SignerOptions {
  readonly signer?: string;
  readonly key?: string;
  readonly chain?: string;
  readonly passwordFile?: string;
}

/** @throws CmsStop */
export async function readSigner(options: SignerOptions, profile: CryptoProfile, terminal: Terminal): Promise<Signer> {
  if (options.signer === undefined && options.key === undefined) {
    throw new CmsStop(
      EXIT.usage,
      'nobody signs',
      '--signer names a certificate and --key its key; a PKCS #12 has both',
    );
  }
  const password = await readPassword(options.passwordFile);
  const own = await readOwnKey({ key: options.key, certificate: options.signer }, password);
  const file = options.key ?? options.signer ?? '';
  const { certificate, key } = own;
  const weakness = findKeyWeakness(certificate);
  if (weakness?.kind === 'weak') throw new CmsStop(EXIT.data, `${file}: its key is weak (${weakness.text})`);
  const usage = certificate.keyUsage;
  if (usage !== null && !usage.has('digitalSignature') && !usage.has('nonRepudiation')) {
    throw new CmsStop(EXIT.data, `${file}: its certificate does not allow signatures`);
  }
  const fit = signerAlgorithm(certificate, profile);
  if (!fit.ok) throw new CmsStop(EXIT.data, `${file}: ${fit.reason}`);
  warnOfTime(certificate, file, terminal);
  if (isPostQuantumProfile(profile) && !isPostQuantumKey(certificate)) {
    terminal.say(
      `${file}: ${certificate.key.kind} signature, which quantum computers forge, under profile ${profile.name}`,
    );
  }
  const others = [...own.companions, ...(options.chain === undefined ? [] : await readCertificates(options.chain))];
  const chain = others.filter((other) => !isSelfSigned(other));
  const root = others.find(isSelfSigned) ?? null;
  return new KeySigner({ certificate, chain, root, algorithm: fit.algorithm, key, file });
}

/** The first certificate of each file, each once. @throws CmsStop */
export async function readRecipients(
  files: readonly string[],
  profile: CryptoProfile,
  terminal: Terminal,
): Promise<readonly Certificate[]> {
  const recipients = new Map<string, Certificate>();
  for (const file of files) {
    const [certificate] = await readCertificates(file);
    if (certificate === undefined) continue;
    const fit = canEncryptTo(certificate, profile);
    if (!fit.ok) throw new CmsStop(EXIT.data, `${file}: nothing can be encrypted to it: ${fit.reason}`);
    const usage = certificate.keyUsage;
    if (usage !== null && !usage.has('keyEncipherment') && !usage.has('keyAgreement')) {
      throw new CmsStop(EXIT.data, `${file}: its certificate does not allow encryption`);
    }
    warnOfTime(certificate, file, terminal);
    recipients.set(certificate.sha256, certificate);
  }
  const all = [...recipients.values()];
  const safe = all.filter(isPostQuantumKey).length;
  if (safe > 0 && safe < all.length) {
    terminal.say(`${safe} of ${all.length} recipients have ML-KEM keys: beside the others these protect nothing more`);
  }
  return all;
}

function warnOfTime({ notBefore, notAfter }: Certificate, file: string, terminal: Terminal): void {
  const now = new Date();
  if (notAfter < now) terminal.say(`${file} expired on ${notAfter.toISOString()}`);
  if (notBefore > now) terminal.say(`${file} is valid only from ${notBefore.toISOString()}`);
}
