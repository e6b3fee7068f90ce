/**
 * Files that hold CRLs among other things, as administrators get them: PKCS #7 and SST stores with certificates and CRLs,
 * PEM with several blocks. Each CRL is cut out as it stands, for `crl-store.ts` to judge.
 *
 * A file that is one CRL in DER is none of these, nor is a larger one: it is read as it streams. Nothing is proven by
 * being in such a file; what is unreadable beside the CRLs is for who imports certificates.
 */
import { stat } from 'node:fs/promises';
import { CRLS_CUT } from '../cms/certificate-bundle.ts';
import { looksLikeContentInfo } from '../cms/certs-only-reader.ts';
import { GatewayError } from '../errors.ts';
import { readAuthorityFile } from './authority-file.ts';
import { readFileBounded } from './collection-reader.ts';
import { CrlPemDecoder } from './crl-pem.ts';
import { looksLikeSst, SST_OCTETS_MAX } from './sst-reader.ts';

const CRL_BEGIN = '-----BEGIN X509 CRL-----';
/** Labels of PKCS #7 (RFC 7468 §8, §9 and older habits). */
const CONTAINER_BEGIN = /-----BEGIN (?:PKCS7|PKCS #7 SIGNED DATA|CMS)-----/;

export interface CrlContainer {
  /** DER of each CRL, in their order; a PEM block that is none stands as it came, and is refused where it is read. */
  readonly crls: readonly Buffer[];
  /** Why there may be more of them; null when these are all. */
  readonly problem: string | null;
}

/**
 * The CRLs in a file that may hold other things too; null: the file is no such container.
 * @param file absolute path; what is in it may be anybody's
 * @throws Error of the file system
 */
export async function findCrlsWithin(file: string): Promise<CrlContainer | null> {
  const facts = await stat(file);
  if (!facts.isFile() || facts.size > SST_OCTETS_MAX) return null;
  const octets = await readFileBounded(file);
  if (looksLikeSst(octets) || looksLikeContentInfo(octets)) return readContainer(octets);
  if (octets[0] === 0x30) return null;
  const text = octets.toString('latin1');
  const blocks = text.split(CRL_BEGIN).slice(1).map(decodeBlock);
  if (CONTAINER_BEGIN.test(text)) {
    const { crls, problem } = readContainer(octets);
    return { crls: [...crls, ...blocks], problem };
  }
  return blocks.length === 0 ? null : { crls: blocks, problem: null };
}

function readContainer(octets: Buffer): CrlContainer {
  const { crls, mistakes } = readAuthorityFile(octets);
  const isUnreadable = crls.length === 0 && looksLikeSst(octets);
  return { crls, problem: mistakes.find((one) => isUnreadable || one.endsWith(CRLS_CUT)) ?? null };
}

function decodeBlock(block: string): Buffer {
  const pem = Buffer.from(CRL_BEGIN + block, 'latin1');
  try {
    const decoder = new CrlPemDecoder();
    const der = decoder.decode(pem);
    decoder.finish();
    return der;
  } catch (thrown) {
    if (thrown instanceof GatewayError) return pem;
    throw thrown;
  }
}
