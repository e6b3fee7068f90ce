/**
 * Does an identifier in a CMS object name this certificate (RFC 5652 §5.3, §6.2)? Names are compared as RFC 5280 §7.1
 * says, because some programs re-encode them. A name that cannot be read names nothing.
 */
import { GatewayError } from '../errors.ts';
import type { Certificate } from '../x509/certificate.ts';
import { sameName } from '../x509/name.ts';
import type { CertificateIdentifier } from './ber-field-reader.ts';

/** @param identifier attacker-chosen */
export function isNamed(certificate: Certificate, identifier: CertificateIdentifier): boolean {
  if (identifier.kind === 'key-identifier') {
    return certificate.subjectKeyIdentifier?.equals(identifier.keyIdentifier) === true;
  }
  if (!certificate.serial.equals(identifier.serial)) return false;
  return isSameName(identifier.issuer, certificate.issuer);
}

/** @param name attacker-chosen @param known of a certificate that was parsed */
export function isSameName(name: Buffer, known: Buffer): boolean {
  try {
    return sameName(name, known);
  } catch (thrown) {
    if (thrown instanceof GatewayError) return false;
    throw thrown;
  }
}
