/**
 * The body of an entity without its transfer encoding, as a stream (RFC 2045 §6): base64, or none.
 *
 * Refused with message.malformed: quoted-printable and unknown encodings, which nobody puts CMS under, two encodings at
 * once, base64 that is none.
 */
import type { Piece, Pieces, ReopenableSource } from '../cms/reopenable-source.ts';
import { gatewayError } from '../errors.ts';
import { Base64Decoder } from '../mime/base64-decoder.ts';
import { parseTransferEncoding } from '../mime/content-type.ts';
import type { HeaderBlock } from '../mime/header-block.ts';
import { convertedFrom, lending, type RangedSource } from './ranged-source.ts';

/** The body of an entity without its transfer encoding. @throws GatewayError message.malformed for encodings not taken */
export function decodedBody(body: RangedSource, header: HeaderBlock): ReopenableSource {
  const values = header.all('content-transfer-encoding');
  const { mechanism, ambiguous } = parseTransferEncoding(values[0] ?? '');
  if (values.length > 1 || ambiguous) {
    throw gatewayError('message.malformed', 'Content-Transfer-Encoding can be read in two ways');
  }
  if (mechanism === 'base64') return convertedFrom(body, decoded, () => new DecodedPieces(body));
  if (mechanism === 'binary' || mechanism === '8bit' || mechanism === '7bit') return lending(body);
  throw gatewayError('message.malformed', `CMS under transfer encoding ${mechanism}`);
}

async function* decoded(octets: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  const decoder = new Base64Decoder();
  try {
    for await (const chunk of octets) {
      const out = decoder.update(chunk);
      if (out.length > 0) yield out;
    }
    const last = Buffer.from(decoder.final());
    if (last.length > 0) yield last;
  } finally {
    decoder.close();
  }
}

/** The same in memory of the decoder: text is read to where it is decoded, octets are lent where they were made. */
class DecodedPieces implements Pieces {
  readonly lent = true;
  readonly writable = true;
  private readonly decoder = new Base64Decoder();
  private readonly body: RangedSource;
  /** Of a body that has to be waited for. */
  private readonly text: AsyncIterator<Buffer> | null;
  /** What of its piece was not taken yet. */
  private waiting: Buffer = Buffer.alloc(0);
  private at = 0;
  private ended = false;

  constructor(body: RangedSource) {
    this.body = body;
    this.text = body.readInto === undefined ? body.open(undefined, undefined, true)[Symbol.asyncIterator]() : null;
  }

  next(): Piece | Promise<Piece> {
    if (this.text !== null) return this.nextWaiting(this.text);
    for (;;) {
      if (this.ended) return null;
      const octets = this.body.readInto?.(this.decoder.room, this.at, true) ?? 0;
      this.at += octets;
      const piece = this.decode(octets);
      if (piece.length > 0) return piece;
    }
  }

  async close(): Promise<void> {
    this.ended = true;
    this.decoder.close();
    await this.text?.return?.();
  }

  private async nextWaiting(text: AsyncIterator<Buffer>): Promise<Piece> {
    for (;;) {
      if (this.ended) return null;
      if (this.waiting.length === 0) {
        const { done, value } = await text.next();
        if (done !== true && value.length === 0) continue;
        this.waiting = done === true ? this.waiting : value;
      }
      const octets = this.waiting.copy(this.decoder.room);
      this.waiting = this.waiting.subarray(octets);
      const piece = this.decode(octets);
      if (piece.length > 0) return piece;
    }
  }

  /** @param octets that stand in the decoder's room; 0 at the end */
  private decode(octets: number): Buffer {
    if (octets > 0) return this.decoder.take(octets);
    this.ended = true;
    return this.decoder.final();
  }
}
