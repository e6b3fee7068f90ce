/** What the gateway reads in a certificate, for people and for programs. It judges nothing. */
import { printable } from '../log/logger.ts';
import type { Certificate } from '../x509/certificate.ts';

/** Stable names, for `--json`. */
export function certificateFacts(certificate: Certificate) {
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

/** One fact a line. */
export function formatCertificate(certificate: Certificate): string {
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
