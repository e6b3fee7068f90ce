/**
 * The certificates of a SignedData that is wholly there (RFC 5652 §5.1, RFC 8551 §3.8 "certs-only"): .p7b and .p7c
 * files, userSMIMECertificate of LDAP. Its signatures, if any, are not looked at: nothing is proven by being in it.
 *
 * BER outside, because foreign programs write it so; each certificate is handed out as it stands and must be DER for
 * its own reader. Passed over: PKCS #6 and attribute certificates, other formats (RFC 5652 §10.2.2).
 * Refused with cms.malformed: what is no SignedData.
 */
import { BerReader } from '../asn1/ber-reader.ts';
import { TAG } from '../asn1/der-writer.ts';
import { parseOid } from '../asn1/oid.ts';
import { GatewayError, gatewayError } from '../errors.ts';

const ID_SIGNED_DATA = '1.2.840.113549.1.7.2';

/** Does this look like a ContentInfo, whose first field is an OID? (A certificate's is a SEQUENCE.) */
export function looksLikeContentInfo(bytes: Buffer): boolean {
  try {
    return BerReader.over(bytes).enter(TAG.sequence).peekTag() === TAG.oid;
  } catch {
    return false;
  }
}

/**
 * @param bytes attacker-chosen
 * @param certificatesMax how many are handed out at most
 * @returns whole octets of each certificate, in their order; `cut` when there are more
 * @throws GatewayError cms.malformed
 */
export function readCertsOnly(bytes: Buffer, certificatesMax: number): { certificates: Buffer[]; cut: boolean } {
  try {
    const contentInfo = BerReader.over(bytes).enter(TAG.sequence);
    const contentType = parseOid(contentInfo.readElement().content);
    if (contentType !== ID_SIGNED_DATA) throw gatewayError('cms.malformed', `content type ${contentType}`);
    const signedData = contentInfo.enter(0xa0).enter(TAG.sequence);
    // version, digestAlgorithms, encapContentInfo
    for (const tag of [TAG.integer, TAG.set, TAG.sequence]) signedData.enter(tag);
    if (signedData.peekTag() !== 0xa0) return { certificates: [], cut: false };
    return takeCertificates(signedData.enter(0xa0), certificatesMax);
  } catch (thrown) {
    if (thrown instanceof GatewayError && thrown.code === 'asn1.malformed') {
      throw gatewayError('cms.malformed', thrown.detail, thrown);
    }
    throw thrown;
  }
}

function takeCertificates(set: BerReader, certificatesMax: number): { certificates: Buffer[]; cut: boolean } {
  const certificates: Buffer[] = [];
  while (!set.atEnd) {
    const { tag, whole } = set.readElement();
    if (tag !== TAG.sequence) continue;
    if (certificates.length === certificatesMax) return { certificates, cut: true };
    certificates.push(whole);
  }
  return { certificates, cut: false };
}
