/**
 * The certificates and CRLs of a SignedData that is wholly there (RFC 5652 §5.1, RFC 8551 §3.8 "certs-only"): .p7b and
 * .p7c files, userSMIMECertificate of LDAP. Its signatures, if any, are not looked at: nothing is proven by being in it.
 *
 * BER outside, because foreign programs write it so; each certificate and CRL is handed out as it stands and must be DER
 * for its own reader. Passed over: PKCS #6 and attribute certificates, other formats (RFC 5652 §10.2.1, §10.2.2).
 * Refused with cms.malformed: what is no SignedData.
 */
import { BerReader } from '../asn1/ber-reader.ts';
import { TAG } from '../asn1/der-writer.ts';
import { parseOid } from '../asn1/oid.ts';
import { GatewayError, gatewayError } from '../errors.ts';

/** CRLs handed out at most. */
export const CRLS_MAX = 1_000;
const ID_SIGNED_DATA = '1.2.840.113549.1.7.2';

/** Does this look like a ContentInfo, whose first field is an OID? (A certificate's is a SEQUENCE.) */
export function looksLikeContentInfo(bytes: Buffer): boolean {
  try {
    return BerReader.over(bytes).enter(TAG.sequence).peekTag() === TAG.oid;
  } catch {
    return false;
  }
}

/** What a SignedData holds beside its content: whole octets, in their order, not parsed. */
export interface CertsOnly {
  readonly certificates: readonly Buffer[];
  readonly crls: readonly Buffer[];
  /** There are more certificates. */
  readonly cut: boolean;
  /** There are more than {@link CRLS_MAX} CRLs, or what is there cannot be read to its end. */
  readonly crlsCut: boolean;
}

/**
 * @param bytes attacker-chosen
 * @param certificatesMax how many are handed out at most
 * @throws GatewayError cms.malformed
 */
export function readCertsOnly(bytes: Buffer, certificatesMax: number): CertsOnly {
  try {
    const contentInfo = BerReader.over(bytes).enter(TAG.sequence);
    const contentType = parseOid(contentInfo.readElement().content);
    if (contentType !== ID_SIGNED_DATA) throw gatewayError('cms.malformed', `content type ${contentType}`);
    const signedData = contentInfo.enter(0xa0).enter(TAG.sequence);
    // version, digestAlgorithms, encapContentInfo
    for (const tag of [TAG.integer, TAG.set, TAG.sequence]) signedData.enter(tag);
    const certificates = takeSequences(signedData, 0xa0, certificatesMax);
    const crls = takeCrls(signedData);
    return { certificates: certificates.found, crls: crls.found, cut: certificates.cut, crlsCut: crls.cut };
  } catch (thrown) {
    if (thrown instanceof GatewayError && thrown.code === 'asn1.malformed') {
      throw gatewayError('cms.malformed', thrown.detail, thrown);
    }
    throw thrown;
  }
}

/** CRLs that cannot be read cost no certificate. */
function takeCrls(signedData: BerReader): Sequences {
  try {
    return takeSequences(signedData, 0xa1, CRLS_MAX);
  } catch (thrown) {
    if (thrown instanceof GatewayError) return { found: [], cut: true };
    throw thrown;
  }
}

interface Sequences {
  readonly found: Buffer[];
  readonly cut: boolean;
}

/** The elements of an optional set that are a SEQUENCE, as a certificate and a CRL are; others have tags of their own. */
function takeSequences(signedData: BerReader, tag: number, max: number): Sequences {
  const found: Buffer[] = [];
  if (signedData.peekTag() !== tag) return { found, cut: false };
  const set = signedData.enter(tag);
  while (!set.atEnd) {
    const element = set.readElement();
    if (element.tag !== TAG.sequence) continue;
    if (found.length === max) return { found, cut: true };
    found.push(element.whole);
  }
  return { found, cut: false };
}
