/**
 * For whom a collection of a partner may vouch (catalogue C29): only for mailboxes in the domains listed with it.
 *
 * Where one mailbox is asked about, its domain counts. Where none is, every mailbox the certificate speaks for must be
 * in the list, and there must be one: a certificate for everybody is no partner's.
 */
import type { Address } from '../address.ts';
import { certificateAddresses } from '../x509/address-match.ts';
import type { Certificate } from '../x509/certificate.ts';

/**
 * @param onlyFor domains in A-labels, `*.domain` for those below; null: everybody
 * @param address the mailbox that is asked about; null: all of the certificate's
 */
export function isInScope(
  onlyFor: readonly string[] | null,
  certificate: Certificate,
  address: Address | null,
): boolean {
  if (onlyFor === null) return true;
  const addresses = address === null ? certificateAddresses(certificate) : [address];
  return addresses.length > 0 && addresses.every(({ domain }) => onlyFor.some((pattern) => fits(domain, pattern)));
}

function fits(domain: string, pattern: string): boolean {
  return pattern.startsWith('*.') ? domain.endsWith(pattern.slice(1)) : domain === pattern;
}
