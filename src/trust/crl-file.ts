/**
 * A CRL in a file, DER or PEM, read as it streams. The file may be as old or as foreign as the network's: what is in it
 * counts only through its signature. The loop gets its turn between pieces, for a large list takes a second to read.
 */
import { open } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { gatewayError } from '../errors.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { RevocationList } from '../x509/crl.ts';
import { CRL_OCTETS_MAX, CrlReader } from '../x509/crl-reader.ts';

const PIECE_OCTETS = 64 * 1024;
const PEM_BEGIN = '-----BEGIN X509 CRL-----';
const PEM_BLOCK = /-----BEGIN X509 CRL-----([A-Za-z0-9+/=\s]*)-----END X509 CRL-----/;

/**
 * @param signersOf certificates whose key may have signed a list of that issuer
 * @throws GatewayError asn1.malformed, asn1.limits; file system errors
 */
export async function readCrlFile(
  file: string,
  signersOf: (issuer: Buffer) => readonly Certificate[],
): Promise<RevocationList> {
  const handle = await open(file);
  try {
    const reader = new CrlReader(signersOf);
    const piece = Buffer.allocUnsafe(PIECE_OCTETS);
    for (let first = true; ; first = false) {
      const { bytesRead } = await handle.read(piece, 0, PIECE_OCTETS, null);
      if (bytesRead === 0) return reader.end();
      // a copy: the reader keeps what it has not understood yet
      const octets = Buffer.from(piece.subarray(0, bytesRead));
      if (first && octets.includes(PEM_BEGIN)) {
        const { size } = await handle.stat();
        return readPem(await handle.readFile(), octets, size, reader);
      }
      reader.write(octets);
      await setImmediate();
    }
  } finally {
    await handle.close();
  }
}

function readPem(rest: Buffer, begun: Buffer, size: number, reader: CrlReader): RevocationList {
  if (size > 1.5 * CRL_OCTETS_MAX) throw gatewayError('asn1.limits', `PEM file of ${size} octets`);
  const [, base64] = PEM_BLOCK.exec(Buffer.concat([begun, rest]).toString('latin1')) ?? [];
  if (base64 === undefined) throw gatewayError('asn1.malformed', 'PEM block of a CRL does not end');
  reader.write(Buffer.from(base64, 'base64'));
  return reader.end();
}
