/** The three forms a CMS object is written in: S/MIME (RFC 8551 §3.2), DER or BER as it is, PEM (RFC 7468 §9). */
import { Base64Encoder } from '../mime/base64-encoder.ts';
import type { CmsForm } from '../smime/open-cms.ts';
import type { OutgoingContent } from '../smime/outgoing-content.ts';

/** Octets of a PEM line of 64 characters. */
const PEM_LINE_OCTETS = 48;

/**
 * A piece is void when the next is asked for.
 * @param fields header fields of the S/MIME form, CRLF-ended
 */
export async function* inForm(
  form: CmsForm,
  fields: Buffer,
  object: OutgoingContent,
): AsyncGenerator<Buffer, void, undefined> {
  if (form === 'der') yield* object;
  else if (form === 'pem') yield* pem(object);
  else {
    yield Buffer.concat([fields, Buffer.from('\r\n')]);
    const encoder = new Base64Encoder();
    for await (const chunk of object) {
      const lines = encoder.lend(chunk);
      if (lines.length > 0) yield lines;
    }
    yield encoder.final();
  }
}

async function* pem(object: OutgoingContent): AsyncGenerator<Buffer, void, undefined> {
  yield Buffer.from('-----BEGIN CMS-----\n');
  let carry: Buffer = Buffer.alloc(0);
  for await (const chunk of object) {
    const all = carry.length === 0 ? chunk : Buffer.concat([carry, chunk]);
    const whole = all.length - (all.length % PEM_LINE_OCTETS);
    if (whole > 0) yield lines(all.subarray(0, whole));
    carry = Buffer.from(all.subarray(whole));
  }
  if (carry.length > 0) yield lines(carry);
  yield Buffer.from('-----END CMS-----\n');
}

function lines(octets: Buffer): Buffer {
  return Buffer.from(octets.toString('base64').replace(/.{1,64}/g, '$&\n'), 'latin1');
}
