/**
 * Whether a certificate and key from a file can sign for somebody: which certificate belongs to the key, which mailboxes
 * it names, and what an administrator should know (RFC 8550 §3, §4.3, §4.4.2; RFC 8551 §4.2).
 *
 * Refused: a key without its certificate, weak keys and kinds that this version does not sign with, certificates without
 * a mailbox, with control characters in one (catalogue C11), or whose key usage excludes signatures. Validity and trust
 * are asked of `trust` before each signature, so an expired certificate is only warned of here.
 */
import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { type Address, parseAddress } from '../address.ts';
import { SIGNATURES, type SignatureAlgorithm } from '../cms/algorithms/signatures.ts';
import { DEFAULT_PROFILE } from '../cms/profile.ts';
import { signerAlgorithm } from '../cms/signer-algorithm.ts';
import { gatewayError } from '../errors.ts';
import { printable } from '../log/logger.ts';
import type { Certificate } from '../x509/certificate.ts';
import { findKeyWeakness } from '../x509/key-strength.ts';
import type { KeyFile } from './pem-file.ts';

const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;
/** How long before its end a certificate is warned of, in days. */
const EXPIRY_WARNING_DAYS = 30;

/** The certificate of the key and all others. */
export interface MatchedFile {
  readonly key: KeyObject;
  readonly certificate: Certificate;
  readonly companions: readonly Certificate[];
}

/** @throws GatewayError keys.unusable when not exactly one certificate has this key */
export function matchCertificate({ key, certificates }: KeyFile): MatchedFile {
  const publicKey = createPublicKey(key);
  const own = certificates.filter((certificate) => hasKey(certificate, publicKey));
  const [certificate, second] = own;
  if (certificate === undefined) {
    throw unusable(
      certificates.length === 0
        ? 'has no certificate: put certificate and key into this one file'
        : 'its private key does not belong to its certificate: put the matching pair into it',
    );
  }
  if (second !== undefined && second.sha256 !== certificate.sha256) {
    throw unusable('has two certificates for its key: keep only the one to be used');
  }
  const companions = certificates.filter(({ sha256 }) => sha256 !== certificate.sha256);
  return { key, certificate, companions };
}

function hasKey(certificate: Certificate, publicKey: KeyObject): boolean {
  try {
    return certificate.key.keyObject().equals(publicKey);
  } catch {
    // some other certificate of the chain, with a key that OpenSSL does not know
    return false;
  }
}

/**
 * Mailboxes that the certificate names, each once: those of the SAN, or of the subject where the SAN names none.
 * @throws GatewayError keys.unusable when there is none, or one holds control characters
 */
export function mailboxesOf(certificate: Certificate): Address[] {
  const alternative = [...certificate.rfc822Names, ...certificate.smtpUtf8Mailboxes];
  const names = alternative.length > 0 ? alternative : certificate.subjectEmails;
  const addresses = new Map<string, Address>();
  for (const name of names) {
    if (/[\x00-\x1f\x7f]/.test(name)) {
      throw unusable(`its certificate has control characters in ${printable(name)}: get another one`);
    }
    const address = parseAddress(name);
    if (address !== null) addresses.set(address.key, address);
  }
  if (addresses.size === 0) throw unusable('its certificate has no mail address: get one with the address in it');
  return [...addresses.values()];
}

/** @throws GatewayError keys.unusable for a key that is weak, unsupported, or may not or does not sign */
export function checkSigningKey({ key, certificate }: MatchedFile): void {
  const weakness = findKeyWeakness(certificate);
  if (weakness?.kind === 'weak') throw unusable(`its key is weak (${weakness.text}): get another one`);
  const fit = signerAlgorithm(certificate, DEFAULT_PROFILE);
  if (!fit.ok) throw unusable(`its key is not one to sign with (${fit.reason}): use RSA or EC P-256`);
  const usage = certificate.keyUsage;
  if (usage !== null && !usage.has('digitalSignature') && !usage.has('nonRepudiation')) {
    throw unusable('its certificate does not allow signatures: use the signing certificate of this person');
  }
  if (!signsCorrectly(key, certificate, fit.algorithm))
    throw unusable('its private key makes no right signatures: export it again');
}

/** The public half matched already; a damaged private half would be found by the first recipient. */
function signsCorrectly(key: KeyObject, certificate: Certificate, algorithm: SignatureAlgorithm): boolean {
  const probe = Buffer.from('probe');
  const { hash, options } = SIGNATURES[algorithm];
  try {
    const signature = sign(hash, probe, { key, ...options });
    return verify(hash, probe, { key: certificate.key.keyObject(), ...options }, signature);
  } catch {
    return false;
  }
}

/**
 * What works but should be known, `problem: what to do`.
 * @param openedHere its mailboxes of which nobody said that their encrypted mail is opened elsewhere
 */
export function warningsOf(certificate: Certificate, openedHere: readonly Address[], now: Date): string[] {
  const warnings: string[] = [];
  const until = certificate.notAfter.toISOString().slice(0, 10);
  const left = certificate.notAfter.getTime() - now.getTime();
  if (left < 0) warnings.push(`its certificate expired on ${until} and signs nothing: renew it`);
  else if (left < EXPIRY_WARNING_DAYS * DAY_MILLISECONDS) {
    warnings.push(`its certificate expires on ${until}: renew it`);
  }
  if (certificate.notBefore > now) {
    warnings.push(
      `its certificate is valid only from ${certificate.notBefore.toISOString()}: nothing is signed before`,
    );
  }
  const [address] = openedHere;
  if (address !== undefined && allowsEncryption(certificate)) {
    warnings.push(
      'its certificate also allows encryption, so partners may answer encrypted, which this version cannot open: ' +
        `use a certificate for signatures only, or say that it is opened elsewhere (decrypts: { ${address.text}: elsewhere })`,
    );
  }
  return warnings;
}

function allowsEncryption({ keyUsage }: Certificate): boolean {
  return keyUsage === null || keyUsage.has('keyEncipherment') || keyUsage.has('keyAgreement');
}

function unusable(problem: string): Error {
  return gatewayError('keys.unusable', problem);
}
