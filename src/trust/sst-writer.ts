/**
 * Writes a Microsoft serialized certificate store: bare certificates, then CRLs, without properties. Every reader takes
 * that, while some stop at a property before the first certificate; what properties say is in the certificates.
 *
 * Nothing is refused: the values are written as they are.
 */

/** @param certificates @param crls whole DER of each */
export function writeSst(certificates: readonly Buffer[], crls: readonly Buffer[] = []): Buffer {
  const parts: Buffer[] = [Buffer.from('\0\0\0\0CERT', 'latin1')];
  for (const certificate of certificates) parts.push(element(32, certificate.length), certificate);
  for (const crl of crls) parts.push(element(33, crl.length), crl);
  parts.push(Buffer.alloc(12));
  return Buffer.concat(parts);
}

function element(id: number, length: number): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt32LE(id, 0);
  header.writeUInt32LE(1, 4);
  header.writeUInt32LE(length, 8);
  return header;
}
