/**
 * OBJECT IDENTIFIER content octets (X.690 §8.19) to dotted text.
 *
 * Refused with asn1.malformed: empty, cut short, non-minimal arcs, more than {@link OID_OCTETS_MAX} octets. Arcs may
 * be as large as that allows: UUID-based OIDs (`2.25.n`, X.667) have 128 bits.
 */
import { gatewayError } from '../errors.ts';

/** Longest OID read, in content octets. Real ones have less than 25. */
export const OID_OCTETS_MAX = 64;

/**
 * @param content attacker-chosen content octets, without tag and length
 * @returns such as `1.2.840.113549.1.7.2`
 * @throws GatewayError asn1.malformed
 */
export function parseOid(content: Buffer): string {
  const last = content[content.length - 1];
  if (last === undefined || last >= 0x80) throw gatewayError('asn1.malformed', 'OID empty or cut short');
  if (content.length > OID_OCTETS_MAX) throw gatewayError('asn1.malformed', `OID of ${content.length} octets`);
  let text = '';
  let arc = 0;
  let large: bigint | null = null;
  let fresh = true;
  for (const octet of content) {
    if (fresh && octet === 0x80) throw gatewayError('asn1.malformed', 'OID arc not minimal');
    fresh = octet < 0x80;
    if (large !== null) large = large * 128n + BigInt(octet & 0x7f);
    else if (arc < 2 ** 45) arc = arc * 128 + (octet & 0x7f);
    else large = BigInt(arc) * 128n + BigInt(octet & 0x7f);
    if (!fresh) continue;
    if (text === '') text = firstArcs(large ?? arc);
    else text += `.${large ?? arc}`;
    arc = 0;
    large = null;
  }
  return text;
}

/** The first two arcs share one number: 40 x first + second, and first is at most 2. */
function firstArcs(joined: number | bigint): string {
  if (joined < 40) return `0.${joined}`;
  if (joined < 80) return `1.${Number(joined) - 40}`;
  return `2.${typeof joined === 'number' ? joined - 80 : joined - 80n}`;
}
