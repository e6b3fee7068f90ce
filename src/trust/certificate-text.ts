/** PEM of certificates with their subject before each (RFC 7468 §5.2 explanatory text), for files that people read. */
import type { Certificate } from '../x509/certificate.ts';

/** @param certificates the texts of their names are escaped already */
export function formatPem(certificates: readonly Certificate[]): string {
  return certificates
    .map((certificate) => {
      const lines = certificate.der.toString('base64').match(/.{1,64}/g) ?? [];
      const subject = certificate.subjectText.replace(/-----/g, '- - -');
      return `# ${subject}\n-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
    })
    .join('\n');
}
