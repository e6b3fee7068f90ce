/** Certificates that must never be encrypted to, by what is wrong with them (catalogue C28). */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { type MadeCertificate, makeAuthority, makeCertificate, pemOf } from './certificate-builder.ts';
import type { GatewayHouse } from './gateway-house.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const DOMAINS = ['must.example', 'may.example', 'lenient.example'];

/**
 * DER of one that looks like a certificate of this local part, in each of the domains, and cannot be used.
 * @param ca the authority that the gateway trusts
 */
export type BadCertificate = (ca: MadeCertificate, local: string) => Buffer;

export const BAD_CERTIFICATES: Readonly<Record<string, BadCertificate>> = {
  expired: (ca, local) =>
    make(ca, local, { notBefore: new Date(Date.now() - 30 * DAY_MS), notAfter: new Date(Date.now() - DAY_MS) }),
  'not yet valid': (ca, local) => make(ca, local, { notBefore: new Date(Date.now() + DAY_MS) }),
  untrusted: (_ca, local) => make(makeAuthority({ name: 'Somebody Else CA' }), local, {}),
  // the name of the trusted CA, and not its key
  impostor: (ca, local) =>
    make(makeAuthority({ name: 'House Root CA', freshKey: true, subject: ca.certificate.subject }), local, {}),
  'badly signed': (ca, local) => make(ca, local, { badSignature: true }),
  'signing only': (ca, local) => make(ca, local, { keyUsage: ['digitalSignature'] }),
  'web server': (ca, local) => make(ca, local, { extendedKeyUsage: ['1.3.6.1.5.5.7.3.1'] }),
  'wrong address': (ca) => make(ca, 'somebody-else', {}),
  malformed: (ca, local) => {
    const der = Buffer.from(make(ca, local, {}));
    // the version becomes 7, and all lengths still fit
    der[der.indexOf(Buffer.from('a003020102', 'hex')) + 4] = 7;
    return der;
  },
  truncated: (ca, local) => make(ca, local, {}).subarray(0, 300),
};

function make(issuer: MadeCertificate, local: string, options: Parameters<typeof makeCertificate>[1]): Buffer {
  return makeCertificate(issuer, { emails: DOMAINS.map((domain) => `${local}@${domain}`), ...options }).der;
}

/** Puts it into the watched folder, in files named after the mailboxes. */
export function publishBad(house: GatewayHouse, local: string, der: Buffer): void {
  for (const domain of DOMAINS) {
    writeFileSync(path.join(house.folder, 'partners', `${local}@${domain}.pem`), pemOf('CERTIFICATE', der));
  }
}
