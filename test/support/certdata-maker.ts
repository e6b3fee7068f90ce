/** A `certdata.txt` as NSS has it, with roots that the test makes. */
import { createHash } from 'node:crypto';
import { der, TAG } from '../../src/asn1/der-writer.ts';
import type { MadeCertificate } from './certificate-builder.ts';

export interface CertdataRoot {
  readonly made: MadeCertificate;
  /** CKT_NSS_TRUSTED_DELEGATOR unless said otherwise. */
  readonly mail?: string;
  readonly server?: string;
  /** `YYMMDDhhmmssZ`; absent: CK_FALSE. */
  readonly distrustAfter?: string;
  readonly ofMozilla?: boolean;
  /** Of another certificate. */
  readonly sha1?: Buffer;
  /** How many trusts it has; 1 when absent. */
  readonly trusts?: number;
}

const TRUSTED = 'CKT_NSS_TRUSTED_DELEGATOR';

export function makeCertdata(roots: readonly CertdataRoot[]): string {
  const list = 'CKA_CLASS CK_OBJECT_CLASS CKO_NSS_BUILTIN_ROOT_LIST\nCKA_LABEL UTF8 "Mozilla Builtin Roots"\n';
  return `# a comment\n\nBEGINDATA\n${list}\n${roots.map(objectsOf).join('\n')}`;
}

function objectsOf(root: CertdataRoot): string {
  const { made, mail = TRUSTED, server = 'CKT_NSS_MUST_VERIFY_TRUST', distrustAfter, ofMozilla = true } = root;
  const { subject, issuer, subjectText } = made.certificate;
  const names = octal('CKA_ISSUER', issuer) + octal('CKA_SERIAL_NUMBER', serialOf(made));
  const end = distrustAfter === undefined ? null : Buffer.from(distrustAfter);
  const certificate =
    `# Certificate "${subjectText}"\nCKA_CLASS CK_OBJECT_CLASS CKO_CERTIFICATE\nCKA_TOKEN CK_BBOOL CK_TRUE\n` +
    `CKA_LABEL UTF8 "${subjectText}"\nCKA_CERTIFICATE_TYPE CK_CERTIFICATE_TYPE CKC_X_509\n` +
    `${octal('CKA_SUBJECT', subject)}CKA_ID UTF8 "0"\n${names}${octal('CKA_VALUE', made.der)}` +
    `CKA_NSS_MOZILLA_CA_POLICY CK_BBOOL ${ofMozilla ? 'CK_TRUE' : 'CK_FALSE'}\n` +
    'CKA_NSS_SERVER_DISTRUST_AFTER CK_BBOOL CK_FALSE\n' +
    (end === null ? 'CKA_NSS_EMAIL_DISTRUST_AFTER CK_BBOOL CK_FALSE\n' : octal('CKA_NSS_EMAIL_DISTRUST_AFTER', end));
  const sha1 = root.sha1 ?? createHash('sha1').update(made.der).digest();
  const trust =
    `\nCKA_CLASS CK_OBJECT_CLASS CKO_NSS_TRUST\nCKA_LABEL UTF8 "${subjectText}"\n` +
    `${octal('CKA_CERT_SHA1_HASH', sha1)}${names}CKA_TRUST_SERVER_AUTH CK_TRUST ${server}\n` +
    `CKA_TRUST_EMAIL_PROTECTION CK_TRUST ${mail}\nCKA_TRUST_STEP_UP_APPROVED CK_BBOOL CK_FALSE\n`;
  return certificate + trust.repeat(root.trusts ?? 1);
}

function serialOf({ certificate }: MadeCertificate): Buffer {
  return der(TAG.integer, certificate.serial);
}

/** Sixteen octets a line. */
function octal(name: string, value: Buffer): string {
  const digits = Array.from(value, (octet) => `\\${octet.toString(8).padStart(3, '0')}`);
  const lines: string[] = [];
  for (let at = 0; at < digits.length; at += 16) lines.push(digits.slice(at, at + 16).join(''));
  return `${name} MULTILINE_OCTAL\n${lines.join('\n')}\nEND\n`;
}
