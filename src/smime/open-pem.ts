/**
 * The one block of a PEM file as a stream of octets (RFC 7468 §8, §9): labels CMS and PKCS7. Text before it is passed
 * over. Refused with message.malformed: no such block, no END line of the same label, anything but white space behind.
 */
import type { ReopenableSource } from '../cms/reopenable-source.ts';
import { gatewayError } from '../errors.ts';
import { Base64Decoder } from '../mime/base64-decoder.ts';
import { derivedFrom, partOf, type RangedSource } from './ranged-source.ts';

/** Text in front of the block. */
const LEAD_OCTETS_MAX = 1_048_576;
const DASHES = Buffer.from('-----');
const BEGIN = /(?:^|\n)-----BEGIN (CMS|PKCS7|PKCS #7 SIGNED DATA)-----[ \t]*\r?\n/;

/** @param source attacker-chosen octets */
export async function openPem(source: RangedSource): Promise<ReopenableSource> {
  let text = '';
  for await (const chunk of source.open(0, LEAD_OCTETS_MAX)) {
    text += chunk.toString('latin1');
    const begin = BEGIN.exec(text);
    if (begin === null) continue;
    const label = begin[1] ?? '';
    const from = begin.index + begin[0].length;
    return derivedFrom(partOf(source, from), (octets) => unarmoured(octets, `-----END ${label}-----`));
  }
  throw gatewayError('message.malformed', 'no PEM block of CMS or PKCS7');
}

async function* unarmoured(octets: AsyncIterable<Buffer>, end: string): AsyncGenerator<Buffer, void, undefined> {
  const decoder = new Base64Decoder();
  let closing: string | null = null;
  try {
    for await (const chunk of octets) {
      if (closing !== null) {
        closing += chunk.toString('latin1');
        if (closing.length > CLOSING_OCTETS_MAX) throw gatewayError('message.malformed', 'text behind the PEM block');
        continue;
      }
      // no base64 character is a hyphen
      const at = chunk.indexOf(DASHES[0] ?? 0);
      if (at !== -1) closing = chunk.toString('latin1', at);
      const out = decoder.update(at === -1 ? chunk : chunk.subarray(0, at));
      if (out.length > 0) yield out;
    }
    const last = Buffer.from(decoder.final());
    if (last.length > 0) yield last;
  } finally {
    decoder.close();
  }
  if (closing?.trimEnd() !== end) throw gatewayError('message.malformed', 'PEM block without its END line at the end');
}

const CLOSING_OCTETS_MAX = 4096;
