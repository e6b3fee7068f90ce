/**
 * Names of queued messages: 26 characters of Crockford's base 32 in lower case, 48 bits of time and 80 bits that are
 * random, or for a report a digest. They sort by age, read well over the telephone and are safe as a file name.
 */
import { createHash } from 'node:crypto';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const TIME_CHARACTERS = 10;
const RANDOM_OCTETS = 10;
const QUEUE_ID = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/;

/** Length of every queue id, in ASCII characters. */
export const QUEUE_ID_CHARACTERS = 26;

/**
 * @param at milliseconds since 1970
 * @param random at least 10 octets from a secure source
 */
export function formatQueueId(at: number, random: Buffer): string {
  return timeCharacters(at) + base32(random.subarray(0, RANDOM_OCTETS));
}

/** When the message was received, milliseconds since 1970; of a report, the message it is about. @param id a queue id */
export function parseQueueTime(id: string): number {
  let at = 0;
  for (const character of id.slice(0, TIME_CHARACTERS)) at = at * 32 + ALPHABET.indexOf(character);
  return at;
}

/** True for text that {@link formatQueueId} could have made. */
export function isQueueId(text: string): boolean {
  return QUEUE_ID.test(text);
}

/**
 * The id of the report about these failed recipients of one message: always the same for the same failures, so a
 * report interrupted by a crash is neither lost nor written twice.
 * @param parent queue id of the message that failed
 * @param recipients group index and address of each failure, in any order
 */
export function reportQueueId(
  parent: string,
  recipients: readonly { readonly group: number; readonly address: string }[],
): string {
  const names = recipients.map((recipient) => JSON.stringify([recipient.group, recipient.address])).sort();
  const digest = createHash('sha256')
    .update(JSON.stringify(['sealgate report', parent, ...names]))
    .digest();
  return parent.slice(0, TIME_CHARACTERS) + base32(digest.subarray(0, RANDOM_OCTETS));
}

function timeCharacters(at: number): string {
  let rest = Math.max(0, Math.floor(at)) % 2 ** 48;
  let text = '';
  for (let i = 0; i < TIME_CHARACTERS; i += 1) {
    text = ALPHABET.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

function base32(octets: Buffer): string {
  let text = '';
  let bits = 0;
  let value = 0;
  for (const octet of octets) {
    value = ((value << 8) | octet) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET.charAt((value >> bits) & 31);
    }
  }
  return text;
}
