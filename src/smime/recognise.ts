/**
 * A look at the root Content-Type: did the message come protected already? (RFC 8551 §3.2.2, §3.10; RFC 1847)
 *
 * It is a look, never evidence: anybody can write these labels over clear text. The answer may only make a rule
 * stricter or keep octets untouched; that something *is* encrypted is for the CMS reader to say. Under *required* the
 * careful reading is `encrypted` wherever it may be: the caller then refuses or checks, and never passes on trust.
 */
import { parseContentType } from '../mime/content-type.ts';
import type { HeaderBlock } from '../mime/header-block.ts';

/**
 * - `signed`: multipart/signed of S/MIME or OpenPGP, opaque signed-data; may not be re-encoded
 * - `encrypted`: says so, or may be: unknown or absent smime-type, octet-stream named p7m
 * - `ambiguous`: two programs may read two types; the caller refuses (message.malformed)
 */
export type Protection = 'none' | 'signed' | 'encrypted' | 'ambiguous';

const SIGNATURE_PROTOCOLS = new Set([
  'application/pkcs7-signature',
  'application/x-pkcs7-signature',
  'application/pgp-signature',
]);

/** smime-type values of what is not encrypted, and how it is to be taken. */
const CLEAR_SMIME_TYPES: ReadonlyMap<string, Protection> = new Map([
  ['signed-data', 'signed'],
  ['signed-receipt', 'signed'],
  ['certs-only', 'none'],
  ['compressed-data', 'none'],
]);

/** Looks at the root of a message. Never throws. @param header attacker-chosen */
export function recogniseProtection(header: HeaderBlock): Protection {
  const values = header.all('content-type');
  const value = values[0];
  if (value === undefined) return 'none';
  const type = parseContentType(value);
  if (values.length > 1 || type.ambiguous) return 'ambiguous';
  switch (type.mediaType) {
    case 'multipart/signed': {
      const protocol = type.parameters.get('protocol')?.toLowerCase();
      if (protocol === undefined || protocol === '') return 'ambiguous';
      // an unknown protocol proves nothing to anybody: we sign over it, and leave it as it is
      return SIGNATURE_PROTOCOLS.has(protocol) ? 'signed' : 'none';
    }
    case 'multipart/encrypted':
      return 'encrypted';
    case 'application/pkcs7-mime':
    case 'application/x-pkcs7-mime':
      return CLEAR_SMIME_TYPES.get(type.parameters.get('smime-type')?.toLowerCase() ?? '') ?? 'encrypted';
    case 'application/octet-stream':
      return namesP7m([value, ...header.all('content-disposition')]) ? 'encrypted' : 'none';
    default:
      return 'none';
  }
}

/** In any parameter and any spelling of it: the raw values are searched, not what one parser makes of them. */
function namesP7m(values: readonly string[]): boolean {
  return values.some((value) => /(?:\.|%2e)(?:p|%70|%50)(?:7|%37)(?:m|%6d|%4d)/i.test(value));
}
