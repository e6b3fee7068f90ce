/** Pieces of which tests make messages. Latin1 strings, CRLF line ends; what looks random is the same in every run. */

/** Octets that look random and are the same in every run. */
export function noise(seed: number, octets: number): Buffer {
  const out = Buffer.alloc(octets);
  let state = (seed * 2654435761) >>> 0 || 1;
  for (let i = 0; i < octets; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    out[i] = state & 0xff;
  }
  return out;
}

/** Lines of 7-bit text, about that many octets. */
export function lines(seed: number, octets: number): string {
  const text = noise(seed, Math.ceil(octets * 0.74))
    .toString('base64')
    .replaceAll('+', ' ')
    .replaceAll('/', ', ');
  return (text.match(/.{1,70}/g) ?? []).map((line) => line.trim()).join('\r\n');
}

export function base64(data: Buffer): string {
  return (data.toString('base64').match(/.{1,76}/g) ?? []).join('\r\n');
}

/** An entity as it stands between delimiters. */
export function part(fields: readonly string[], body: string): string {
  return `${fields.map((field) => `${field}\r\n`).join('')}\r\n${body}`;
}

export function multipart(boundary: string, parts: readonly string[]): string {
  return `${parts.map((text) => `--${boundary}\r\n${text}\r\n`).join('')}--${boundary}--\r\n`;
}
