/**
 * PEM of a CRL (RFC 7468) to its octets, as it streams: what is held is one piece. Text before the block and after it is
 * passed over, as tools write it there. Refused with asn1.malformed: a block that does not end, characters that are not base64.
 */
import { gatewayError } from '../errors.ts';

const BEGIN = '-----BEGIN X509 CRL-----';
const END = '-----END X509 CRL-----';
/** The first octet of a CRL in DER. */
const SEQUENCE = 0x30;
const BASE64 = /^[A-Za-z0-9+/]*$/;
const LAST_BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * Is this the beginning of a PEM file with a CRL in it, or of DER?
 * @param first piece of the file
 * @throws GatewayError asn1.malformed for neither, in words for who took the wrong file
 */
export function isCrlPem(first: Buffer): boolean {
  if (first.includes(BEGIN)) return true;
  if (first[0] === SEQUENCE) return false;
  throw gatewayError('asn1.malformed', 'it holds no CRL: neither DER nor a PEM block X509 CRL');
}

export class CrlPemDecoder {
  private phase: 'before' | 'inside' | 'after' = 'before';
  /** Characters that were not understood yet. */
  private rest = '';

  /** @param piece attacker-chosen @returns the octets that are whole by now @throws GatewayError asn1.malformed */
  decode(piece: Buffer): Buffer {
    if (this.phase === 'after') return Buffer.alloc(0);
    let text = this.rest + piece.toString('latin1');
    if (this.phase === 'before') {
      const begin = text.indexOf(BEGIN);
      if (begin < 0) {
        this.rest = text.slice(-BEGIN.length);
        return Buffer.alloc(0);
      }
      text = text.slice(begin + BEGIN.length);
      this.phase = 'inside';
    }
    const dash = text.indexOf('-');
    if (dash >= 0 && text.startsWith(END, dash)) {
      this.phase = 'after';
      return decodeBase64(withoutSpace(text.slice(0, dash)), LAST_BASE64);
    }
    const base64 = withoutSpace(dash < 0 ? text : text.slice(0, dash));
    if (dash >= 0 && text.length - dash >= END.length) throw malformed();
    // what may be the last group comes with the end
    const whole = dash >= 0 ? 0 : Math.max(0, base64.length - 4 - (base64.length % 4));
    this.rest = base64.slice(whole) + (dash < 0 ? '' : text.slice(dash));
    return decodeBase64(base64.slice(0, whole), BASE64);
  }

  /** After the last piece. @throws GatewayError asn1.malformed when the block did not end */
  finish(): void {
    if (this.phase !== 'after') throw malformed();
  }
}

function withoutSpace(text: string): string {
  return text.replace(/[\t\n\r ]+/g, '');
}

function decodeBase64(text: string, form: RegExp): Buffer {
  if (!form.test(text)) throw malformed();
  return Buffer.from(text, 'base64');
}

function malformed(): Error {
  return gatewayError('asn1.malformed', 'PEM block of a CRL that is not base64 or does not end');
}
