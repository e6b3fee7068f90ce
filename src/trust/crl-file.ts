/**
 * A CRL in a file, DER or PEM, read as it streams. The file may be as old or as foreign as the network's: what is in it
 * counts only through its signature. A large list takes a quarter of a second to read: the loop gets its turn between pieces of
 * it, and between the steps in which its index is made. A gateway reads large ones in a thread of their own (`crl-thread.ts`).
 */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { gatewayError } from '../errors.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { RevocationList } from '../x509/crl.ts';
import { CRL_OCTETS_MAX, CrlReader } from '../x509/crl-reader.ts';
import { CrlPemDecoder, isCrlPem } from './crl-pem.ts';

const PIECE_OCTETS = 64 * 1024;
/** Understood in one turn of the loop, some 100 entries: mail takes dozens of turns, and each waits for one of these. */
const TURN_OCTETS = 4 * 1024;
/** Of a PEM file: base64 with line ends, and some text round it. */
const PEM_OCTETS_MAX = 1.5 * CRL_OCTETS_MAX;

/** Certificates whose key may have signed a list of that issuer, whose name is attacker-chosen. */
export type SignersOf = (issuer: Buffer) => readonly Certificate[];

/**
 * @param turnOctets understood in one turn of the loop
 * @throws GatewayError asn1.malformed, asn1.limits; file system errors
 */
export async function readCrlFile(
  file: string,
  signersOf: SignersOf,
  turnOctets: number = TURN_OCTETS,
): Promise<RevocationList> {
  const reader = new CrlReader(signersOf);
  for await (const der of piecesOf(file)) {
    for (let at = 0; at < der.length; at += turnOctets) {
      reader.write(der.subarray(at, at + turnOctets));
      await setImmediate();
    }
  }
  return await finish(reader);
}

/**
 * SHA-256 of the DER of a CRL, whichever of the two forms it is in; hex. What is in it is not looked at.
 * @throws GatewayError asn1.malformed, asn1.limits; file system errors
 */
export async function digestCrlFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const der of piecesOf(file)) hash.update(der);
  return hash.digest('hex');
}

/** DER of a file as it streams; a piece is valid until the next one. */
async function* piecesOf(file: string): AsyncGenerator<Buffer, void, undefined> {
  const handle = await open(file);
  try {
    const piece = Buffer.allocUnsafe(PIECE_OCTETS);
    let pem: CrlPemDecoder | null = null;
    for (let octets = 0; ; ) {
      const { bytesRead } = await handle.read(piece, 0, PIECE_OCTETS, null);
      if (bytesRead === 0) break;
      if (octets === 0 && isCrlPem(piece.subarray(0, bytesRead))) pem = new CrlPemDecoder();
      octets += bytesRead;
      if (octets > PEM_OCTETS_MAX) throw gatewayError('asn1.limits', `file of more than ${PEM_OCTETS_MAX} octets`);
      const read = piece.subarray(0, bytesRead);
      yield pem === null ? read : pem.decode(read);
    }
    pem?.finish();
  } finally {
    await handle.close();
  }
}

async function finish(reader: CrlReader): Promise<RevocationList> {
  const steps = reader.finish();
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await setImmediate();
  }
}
