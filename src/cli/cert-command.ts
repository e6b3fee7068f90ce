/** `sealgate cert show FILE`: what the gateway reads in certificates of a file (PEM or DER). It judges nothing. */
import { readFile } from 'node:fs/promises';
import { GatewayError } from '../errors.ts';
import { printable } from '../log/logger.ts';
import type { Certificate } from '../x509/certificate.ts';
import { parseCertificate } from '../x509/certificate-reader.ts';
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

/** Stable names, for `--json`. */
function certificateFacts(certificate: Certificate) {
  const { key } = certificate;
  return {
    sha256: certificate.sha256,
    subject: certificate.subjectText,
    issuer: certificate.issuerText,
    serial: certificate.serial.toString('hex'),
    notBefore: certificate.notBefore.toISOString(),
    notAfter: certificate.notAfter.toISOString(),
    addresses: [...certificate.rfc822Names, ...certificate.smtpUtf8Mailboxes],
    subjectAddresses: certificate.subjectEmails,
    key: { kind: key.kind, bits: key.bits, curve: key.curve },
    keyUsage: certificate.keyUsage === null ? null : [...certificate.keyUsage],
    extendedKeyUsage: certificate.extendedKeyUsage === null ? null : [...certificate.extendedKeyUsage],
    ca: certificate.basicConstraints?.ca ?? false,
  };
}

function formatCertificate(certificate: Certificate): string {
  const facts = certificateFacts(certificate);
  const rows: readonly (readonly [string, string])[] = [
    ['subject', facts.subject],
    ['issuer', facts.issuer],
    ['valid', `${facts.notBefore} to ${facts.notAfter}`],
    [
      'addresses',
      [...facts.addresses, ...facts.subjectAddresses.map((address) => `${address} (subject)`)].join(', ') || 'none',
    ],
    ['key', `${facts.key.kind} ${facts.key.curve ?? `${facts.key.bits} bits`}`],
    ['usage', facts.keyUsage?.join(', ') ?? 'any (no keyUsage)'],
    ['purposes', facts.extendedKeyUsage?.join(', ') ?? 'any (no extendedKeyUsage)'],
    ['ca', facts.ca ? 'yes' : 'no'],
    ['serial', facts.serial],
    ['sha256', facts.sha256],
  ];
  return rows.map(([name, value]) => `${name.padEnd(10)} ${printable(value)}`).join('\n');
}
