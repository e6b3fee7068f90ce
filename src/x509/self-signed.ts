/**
 * Is a certificate signed by its own key? What makes a CA certificate of a collection an anchor rather than an
 * intermediate. A self-issued certificate that another key signed (RFC 5280 §3.2, key rollover) is not self-signed.
 *
 * Digests that are refused everywhere else count here: an anchor's own signature proves nothing anyway, and old roots
 * carry SHA-1. A signature that cannot be computed is "no".
 */
import { X509Certificate } from 'node:crypto';
import type { Certificate } from './certificate.ts';
import { sameName } from './name.ts';

/** @param certificate parsed; its key may be anything */
export function isSelfSigned(certificate: Certificate): boolean {
  if (!sameName(certificate.issuer, certificate.subject)) return false;
  try {
    return new X509Certificate(certificate.der).verify(certificate.key.keyObject());
  } catch {
    return false;
  }
}
