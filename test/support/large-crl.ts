/** A CRL as large as those of large authorities, in a file, with serials to look for: every second one is in it. */
import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { der, derSequence, derTime, TAG } from '../../src/asn1/der-writer.ts';
import type { MadeCertificate } from './certificate-builder.ts';
import { makeCrl } from './crl-builder.ts';

const REASON = Buffer.from('300c300a0603551d1504030a0101', 'hex');
/** Octets of an INTEGER as {@link serialOf} makes it, with tag and length. */
export const SERIAL_OCTETS = 18;

/** A serial of 16 octets, the same for the same number. */
export function serialOf(number: number): Buffer {
  const serial = createHash('sha256').update(String(number)).digest().subarray(0, 16);
  serial[0] = 0x40 | ((serial[0] ?? 0) & 0x3f);
  return serial;
}

/**
 * @param file gets the list
 * @param serialFile gets whole INTEGERs of as many serials, in the list and not, by turns
 */
export function writeLargeCrl(
  file: string,
  serialFile: string,
  issuer: MadeCertificate,
  entries: number,
  asked: number,
): void {
  const time = derTime(new Date());
  const parts: Buffer[] = [];
  for (let number = 0; number < entries; number++) {
    parts.push(derSequence(der(TAG.integer, serialOf(number)), time, ...(number % 2 === 0 ? [REASON] : [])));
  }
  const list = openSync(file, 'w');
  writeSync(list, makeCrl(issuer, { rawEntries: Buffer.concat(parts) }));
  closeSync(list);
  const serials = openSync(serialFile, 'w');
  const step = Math.max(1, Math.floor(entries / asked));
  const all = Array.from({ length: asked }, (_, index) =>
    der(TAG.integer, serialOf(index % 2 === 0 ? (index * step) % entries : entries + index)),
  );
  writeSync(serials, Buffer.concat(all));
  closeSync(serials);
}
