/** Events of `keys/`: what was loaded, and a key that would not sign. Never a key, a password or what was signed. */
import { log, printable } from './logger.ts';

/** The folder of identities was read without a mistake. */
export function identitiesLoaded(folder: string, counts: { readonly files: number; readonly addresses: number }): void {
  log().info({ event: 'keys.identities-loaded', folder, ...counts }, 'identities loaded');
}

/** A certificate of ours has little time left, or none; told once a day. */
export function identityExpires(
  addresses: readonly string[],
  certificateSha256: string,
  notAfter: Date,
  isOver: boolean,
): void {
  const facts = { addresses: addresses.map(printable), certificateSha256, notAfter: notAfter.toISOString() };
  log().warn({ event: 'keys.identity-expires', ...facts }, isOver ? 'certificate has expired' : 'certificate expires');
}

/** A signature could not be made; the message is answered 451 and the sender's server tries again. */
export function signatureFailed(certificateSha256: string, file: string, reason: string): void {
  log().error({ event: 'keys.signature-failed', certificateSha256, file, reason }, 'signing key cannot be used');
}
