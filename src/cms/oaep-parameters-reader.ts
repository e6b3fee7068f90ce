/**
 * Parameters of RSAES-OAEP (RFC 8017 §A.2.1, RFC 3560): hash, MGF1 hash and label, which need not agree.
 * Refused with cms.unsupported: hashes other than SHA-1 and SHA-2, other mask generations and label sources. With cms.malformed: a field twice
 * or out of order, hashes with parameters.
 */
import { BerReader } from '../asn1/ber-reader.ts';
import { TAG } from '../asn1/der-writer.ts';
import { gatewayError } from '../errors.ts';
import { type DigestName, findDigest } from './algorithms/digests.ts';
import { MGF1_OID } from './algorithms/signatures.ts';
import {
  type AlgorithmIdentifier,
  enterWhole,
  parseAlgorithm,
  readOctets,
  withoutParameters,
} from './ber-field-reader.ts';

export type OaepHash = Extract<DigestName, 'sha1' | 'sha224' | 'sha256' | 'sha384' | 'sha512'>;

/** What RSAES-OAEP was encrypted with. */
export interface OaepParameters {
  readonly hash: OaepHash;
  readonly maskHash: OaepHash;
  readonly label: Buffer;
}

const P_SPECIFIED_OID = '1.2.840.113549.1.1.9';
const OAEP_HASHES: readonly string[] = ['sha1', 'sha224', 'sha256', 'sha384', 'sha512'];

/** RSAES-OAEP-params (RFC 8017 §A.2.1) with their SHA-1 defaults; tagged, or untagged as RFC 3560 §5 prints them. @param algorithm attacker-chosen */
export function readOaepParameters({ parameters }: AlgorithmIdentifier): OaepParameters {
  const found = { hash: 'sha1' as OaepHash, maskHash: 'sha1' as OaepHash, label: Buffer.alloc(0) as Buffer };
  if (parameters === null) return found;
  const fields = enterWhole(parameters, TAG.sequence);
  let place = 0;
  while (!fields.atEnd) {
    const { tag, content, whole } = fields.readElement();
    // QUIRK RFC 3560 §5: the sample has no [0] and [1]
    const value = tag === TAG.sequence ? whole : content;
    const named = tag === TAG.sequence ? place : tag - 0xa0;
    if (named < place) throw gatewayError('cms.malformed', 'RSAES-OAEP-params with a field twice or out of order');
    place = named;
    const algorithm = parseAlgorithm(value);
    if (place === 0) found.hash = oaepHash(algorithm);
    else if (place === 1) found.maskHash = maskHash(algorithm);
    else if (place === 2) found.label = labelOf(algorithm);
    else throw gatewayError('cms.malformed', 'RSAES-OAEP-params');
    place++;
  }
  return found;
}

function oaepHash(algorithm: AlgorithmIdentifier): OaepHash {
  const { oid } = algorithm;
  const name = findDigest(oid);
  if (name === null || !OAEP_HASHES.includes(name)) throw gatewayError('cms.unsupported', `hash ${oid} of RSAES-OAEP`);
  if (!withoutParameters(algorithm)) throw gatewayError('cms.malformed', `parameters with ${name} of RSAES-OAEP`);
  return name as OaepHash;
}

function maskHash(algorithm: AlgorithmIdentifier): OaepHash {
  if (algorithm.oid !== MGF1_OID || algorithm.parameters === null) {
    throw gatewayError('cms.unsupported', `mask generation ${algorithm.oid} of RSAES-OAEP`);
  }
  return oaepHash(parseAlgorithm(algorithm.parameters));
}

function labelOf(algorithm: AlgorithmIdentifier): Buffer {
  if (algorithm.oid !== P_SPECIFIED_OID || algorithm.parameters === null) {
    throw gatewayError('cms.unsupported', `label source ${algorithm.oid} of RSAES-OAEP`);
  }
  return readOctets(BerReader.over(algorithm.parameters));
}
