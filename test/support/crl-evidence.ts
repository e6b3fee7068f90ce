/** Evidence for revocation tests: CRLs and OCSP responses in memory, checked with the keys of the certificates given. */

import type { Certificate } from '../../src/x509/certificate.ts';
import type { RevocationList } from '../../src/x509/crl.ts';
import { CrlReader } from '../../src/x509/crl-reader.ts';
import { sameName } from '../../src/x509/name.ts';
import { parseOcspResponse } from '../../src/x509/ocsp-response.ts';
import type { RevocationEvidence } from '../../src/x509/revocation.ts';

/** @param piece octets written at once */
export function readList(octets: Buffer, certificates: readonly Certificate[], piece = 4096): RevocationList {
  const reader = new CrlReader((issuer) => certificates.filter(({ subject }) => sameName(subject, issuer)));
  for (let at = 0; at < octets.length; at += piece) reader.write(octets.subarray(at, at + piece));
  return reader.end();
}

export function evidenceOf(
  lists: readonly RevocationList[],
  certificates: readonly Certificate[],
  responses: readonly { readonly octets: Buffer; readonly nonce: Buffer | null }[] = [],
): RevocationEvidence {
  return {
    listsOf: (issuer) => lists.filter((list) => sameName(list.issuer, issuer)),
    responsesAbout: () => responses.map(({ octets, nonce }) => ({ response: parseOcspResponse(octets), nonce })),
    signersOf: (subject) => certificates.filter((certificate) => sameName(certificate.subject, subject)),
    intermediates: certificates,
  };
}
