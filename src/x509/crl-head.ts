/**
 * The fields of a CRL before its entries (RFC 5280 §5.1.2.1 to §5.1.2.5). Refused with asn1.malformed: versions other than
 * 1 and 2, an empty issuer, times that are none.
 */
import { DerReader } from '../asn1/der-reader.ts';
import { parseTime } from '../asn1/der-values.ts';
import { TAG } from '../asn1/der-writer.ts';
import { parseOid } from '../asn1/oid.ts';
import { gatewayError } from '../errors.ts';
import type { Certificate } from './certificate.ts';
import { checkName, isEmptyName } from './name.ts';

/** Fields before the entries. */
export interface CrlHead {
  readonly algorithm: Buffer;
  readonly issuer: Buffer;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | null;
  readonly version: 1 | 2;
}

/** @param fields one after the other, attacker-chosen @throws GatewayError asn1.malformed */
export function parseCrlHead(fields: Buffer): CrlHead {
  const reader = DerReader.over(fields);
  const version = reader.readOptional(TAG.integer);
  if (version !== null && !(version.length === 1 && version[0] === 1)) throw malformed('version of a CRL');
  const algorithm = reader.readWhole(TAG.sequence);
  const issuer = reader.readWhole(TAG.sequence);
  checkName(issuer);
  if (isEmptyName(issuer)) throw malformed('empty issuer name of a CRL');
  const times: Date[] = [];
  while (!reader.atEnd && times.length < 2) {
    const { tag, content } = reader.readElement();
    times.push(parseTime(tag, content));
  }
  reader.finish();
  const [thisUpdate, nextUpdate = null] = times;
  if (thisUpdate === undefined) throw malformed('CRL without thisUpdate');
  return { algorithm, issuer, thisUpdate, nextUpdate, version: version === null ? 1 : 2 };
}

/** @param whole an AlgorithmIdentifier @throws GatewayError asn1.malformed */
export function parseCrlAlgorithm(whole: Buffer): Certificate['signatureAlgorithm'] {
  const reader = DerReader.over(whole).enter(TAG.sequence);
  const oid = parseOid(reader.read(TAG.oid));
  const parameters = reader.atEnd ? null : reader.readElement().whole;
  reader.finish();
  return { oid, parameters };
}

function malformed(detail: string): Error {
  return gatewayError('asn1.malformed', detail);
}
