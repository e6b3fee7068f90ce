/**
 * Identifier and length octets of BER (X.690 §8.1.2, §8.1.3) in a buffer that may end inside them.
 * Refused with asn1.malformed: tags of more than one octet, lengths past 2^48, primitive values of indefinite length.
 */
import { gatewayError } from '../errors.ts';

/** {@link Header.length} of a value that ends with end-of-contents octets. */
export const INDEFINITE = -1;

/** `octets` are those of the header itself; `length` is what follows it, or {@link INDEFINITE}. */
export interface Header {
  readonly tag: number;
  readonly length: number;
  readonly octets: number;
}

/** @param buffer attacker-chosen @returns null when the buffer ends inside the header */
export function parseHeader(buffer: Buffer, at: number): Header | null {
  const tag = buffer[at];
  const first = buffer[at + 1];
  if (tag === undefined || first === undefined) return null;
  if ((tag & 0x1f) === 0x1f) throw malformed('tag of more than one octet');
  if (first < 0x80) return { tag, length: first, octets: 2 };
  if (first === 0x80) {
    if ((tag & 0x20) === 0) throw malformed('primitive value of indefinite length');
    return { tag, length: INDEFINITE, octets: 2 };
  }
  const count = first & 0x7f;
  if (count > 6) throw malformed('length of the length');
  if (at + 2 + count > buffer.length) return null;
  return { tag, length: buffer.readUIntBE(at + 2, count), octets: 2 + count };
}

/** asn1.malformed, to be thrown. */
export function malformed(detail: string): Error {
  return gatewayError('asn1.malformed', detail);
}

/** Identifier octet for people. */
export function hex(tag: number): string {
  return `0x${tag.toString(16).padStart(2, '0')}`;
}
