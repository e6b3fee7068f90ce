/** Events of `keys/`: what was loaded, and a key that would not sign. Never a key, a password or what was signed. */
import { log } from './logger.ts';

/** The folder of identities was read without a mistake. */
export function identitiesLoaded(folder: string, counts: { readonly files: number; readonly addresses: number }): void {
  log().info({ event: 'keys.identities-loaded', folder, ...counts }, 'identities loaded');
}

/** A signature could not be made; the message is answered 451 and the sender's server tries again. */
export function signatureFailed(certificateSha256: string, file: string, reason: string): void {
  log().error({ event: 'keys.signature-failed', certificateSha256, file, reason }, 'signing key cannot be used');
}
