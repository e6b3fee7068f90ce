/**
 * Files that hold CRLs among other things, as administrators get them: PKCS #7 and SST stores with certificates and CRLs,
 * PEM with several blocks. Each CRL is cut out as it stands, for `crl-store.ts` to judge.
 *
 * A file that is one CRL, DER or PEM, is none of these: it is read as it streams, for it may be large. Nothing is proven by
 * being in such a file; what is unreadable beside the CRLs is for who imports certificates.
 */
import { stat } from 'node:fs/promises';
import { looksLikeContentInfo } from '../cms/certs-only-reader.ts';
import { readAuthorityFile } from './authority-file.ts';
import { readFileBounded } from './collection-reader.ts';
import { CrlPemDecoder } from './crl-pem.ts';
import { looksLikeSst, SST_OCTETS_MAX } from './sst-reader.ts';

const CRL_BEGIN = '-----BEGIN X509 CRL-----';
/** Labels of PKCS #7 (RFC 7468 §8, §9 and older habits). */
const CONTAINER_BEGIN = /-----BEGIN (?:PKCS7|PKCS #7 SIGNED DATA|CMS)-----/;

/**
 * DER of each CRL in a container, in their order; null: the file is no container.
 * @param file absolute path; what is in it may be anybody's
 * @throws GatewayError asn1.malformed for a PEM block that is not base64; Error of the file system
 */
export async function findCrlsWithin(file: string): Promise<readonly Buffer[] | null> {
  const facts = await stat(file);
  if (!facts.isFile() || facts.size > SST_OCTETS_MAX) return null;
  const octets = await readFileBounded(file);
  if (looksLikeSst(octets) || looksLikeContentInfo(octets)) return readAuthorityFile(octets).crls;
  if (octets[0] === 0x30) return null;
  const text = octets.toString('latin1');
  const blocks = text.split(CRL_BEGIN).slice(1);
  const within = CONTAINER_BEGIN.test(text) ? readAuthorityFile(octets).crls : null;
  if (within === null && blocks.length < 2) return null;
  return [...(within ?? []), ...blocks.map(decodeBlock)];
}

function decodeBlock(block: string): Buffer {
  const decoder = new CrlPemDecoder();
  const der = decoder.decode(Buffer.from(CRL_BEGIN + block, 'latin1'));
  decoder.finish();
  return der;
}
