/**
 * Where a certificate says that its issuer can be asked, or got (RFC 5280 §4.2.2.1): OCSP responders, and certificates of
 * the issuer. The locations are attacker-chosen until the certificate's signature was verified.
 *
 * Refused with asn1.malformed: an extension that cannot be read.
 */
import { DerReader } from '../asn1/der-reader.ts';
import { TAG } from '../asn1/der-writer.ts';
import { parseOid } from '../asn1/oid.ts';
import { GatewayError } from '../errors.ts';
import type { Certificate } from './certificate.ts';

const AUTHORITY_INFORMATION_ACCESS = '1.3.6.1.5.5.7.1.1';
const ID_AD_OCSP = '1.3.6.1.5.5.7.48.1';
const ID_AD_CA_ISSUERS = '1.3.6.1.5.5.7.48.2';
const URI = 0x86;

export interface AuthorityAccess {
  readonly ocsp: readonly string[];
  readonly caIssuers: readonly string[];
}

const NOWHERE: AuthorityAccess = { ocsp: [], caIssuers: [] };

/** One octet a character, as they stand. What cannot be read is left out: nobody would find anything there. */
export function findAuthorityAccess(certificate: Certificate): AuthorityAccess {
  const extension = certificate.extensions.find(({ oid }) => oid === AUTHORITY_INFORMATION_ACCESS);
  if (extension === undefined) return NOWHERE;
  try {
    return parseAuthorityAccess(extension.value);
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown;
    return NOWHERE;
  }
}

function parseAuthorityAccess(value: Buffer): AuthorityAccess {
  const outer = DerReader.over(value);
  const list = outer.enter(TAG.sequence);
  outer.finish();
  const ocsp = new Set<string>();
  const caIssuers = new Set<string>();
  while (!list.atEnd) {
    const description = list.enter(TAG.sequence);
    const method = parseOid(description.read(TAG.oid));
    const { tag, content } = description.readElement();
    description.finish();
    if (tag !== URI) continue;
    if (method === ID_AD_OCSP) ocsp.add(content.toString('latin1'));
    if (method === ID_AD_CA_ISSUERS) caIssuers.add(content.toString('latin1'));
  }
  return { ocsp: [...ocsp], caIssuers: [...caIssuers] };
}
