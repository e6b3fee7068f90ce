/**
 * The body of an entity without its transfer encoding, as a stream (RFC 2045 §6): base64, or none.
 *
 * Refused with message.malformed: quoted-printable and unknown encodings, which nobody puts CMS under, two encodings at
 * once, base64 that is none.
 */
import type { ReopenableSource } from '../cms/reopenable-source.ts';
import { gatewayError } from '../errors.ts';
import { Base64Decoder } from '../mime/base64-decoder.ts';
import { parseTransferEncoding } from '../mime/content-type.ts';
import type { HeaderBlock } from '../mime/header-block.ts';
import { convertedFrom, type RangedSource } from './ranged-source.ts';

/** The body of an entity without its transfer encoding. @throws GatewayError message.malformed for encodings not taken */
export function decodedBody(body: RangedSource, header: HeaderBlock): ReopenableSource {
  const values = header.all('content-transfer-encoding');
  const { mechanism, ambiguous } = parseTransferEncoding(values[0] ?? '');
  if (values.length > 1 || ambiguous) {
    throw gatewayError('message.malformed', 'Content-Transfer-Encoding can be read in two ways');
  }
  if (mechanism === 'base64') return convertedFrom(body, decoded);
  if (mechanism === 'binary' || mechanism === '8bit' || mechanism === '7bit') return body;
  throw gatewayError('message.malformed', `CMS under transfer encoding ${mechanism}`);
}

async function* decoded(octets: AsyncIterable<Buffer>, lent: boolean): AsyncGenerator<Buffer, void, undefined> {
  const decoder = new Base64Decoder();
  for await (const chunk of octets) {
    const out = lent ? decoder.lend(chunk) : decoder.update(chunk);
    if (out.length > 0) yield out;
  }
  decoder.final();
}
