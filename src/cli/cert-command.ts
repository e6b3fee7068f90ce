/** `sealgate cert show FILE`: what the gateway reads in certificates of a file (PEM or DER). It judges nothing. */
import { readFile } from 'node:fs/promises';
import { GatewayError } from '../errors.ts';
import { parseCertificate } from '../x509/certificate-reader.ts';
import { certificateFacts, formatCertificate } from './certificate-facts.ts';

export { certificateFacts };

import { EXIT, type ExitCode } from './exit-code.ts';
import { formatJson, type Terminal } from './terminal.ts';

export interface CertOptions {
  readonly json?: boolean;
}

export async function certShow(file: string, options: CertOptions, terminal: Terminal): Promise<ExitCode> {
  const bytes = await readFile(file).catch(() => null);
  if (bytes === null) {
    terminal.say(`${file} cannot be read`);
    return EXIT.noInput;
  }
  try {
    const certificates = derOf(bytes).map(parseCertificate);
    terminal.out(
      options.json === true
        ? formatJson(certificates.map(certificateFacts))
        : certificates.map(formatCertificate).join('\n\n'),
    );
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    terminal.say(`${file} holds no certificate that can be read: ${error.detail}`);
    return EXIT.data;
  }
}

const PEM_BLOCK = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----/g;

function derOf(bytes: Buffer): Buffer[] {
  const blocks = Array.from(bytes.toString('latin1').matchAll(PEM_BLOCK), ([, base64 = '']) =>
    Buffer.from(base64, 'base64'),
  );
  return blocks.length > 0 ? blocks : [bytes];
}
