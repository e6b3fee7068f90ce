/** A plain decoder of quoted-printable (RFC 2045 §6.7) for tests: strict, so that bad encodings are seen. */
export function decodeQuotedPrintable(encoded: Buffer): Buffer {
  const text = encoded.toString('latin1').replaceAll('=\r\n', '');
  return Buffer.from(
    text.replace(/=(..)/gs, (_, hex: string) => {
      if (!/^[0-9A-F]{2}$/.test(hex)) throw new Error(`bad escape ${JSON.stringify(hex)}`);
      return String.fromCharCode(Number.parseInt(hex, 16));
    }),
    'latin1',
  );
}
