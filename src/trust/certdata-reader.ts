/**
 * Mozilla's root store in its own form, `certdata.txt` of NSS: certificates and, apart from them, how far each is trusted
 * for what. Those trusted for mail are read; which of them are taken is `mozilla-roots.ts`' affair.
 *
 * Refused, with the line: a line that is not of the form, a value without an end, a certificate that cannot be read or has
 * no trust of its own or two, a trust whose SHA-1 is another certificate's. Attributes and classes that are not known are
 * passed over, for new ones come with each version. Nothing throws.
 */
import { createHash } from 'node:crypto';
import { GatewayError } from '../errors.ts';
import { parseCertificate } from '../x509/certificate-reader.ts';
import type { MozillaRoot } from './mozilla-roots.ts';

/** The real file has some 600 objects, and a value of a few KB at most. */
const OBJECTS_MAX = 10_000;
const VALUE_OCTETS_MAX = 64 * 1024;
const OCTAL_LINE = /^(?:\\[0-3][0-7]{2})+$/;
const ATTRIBUTE = /^(CKA_[A-Z0-9_]{1,64}) ([A-Z0-9_]{1,40})(?: (.{0,1000}))?$/;

/** Values by the name of their attribute: octets where they are written as such, else the text. */
interface CertdataObject {
  /** 1-based, of its CKA_CLASS. */
  readonly line: number;
  readonly attributes: Map<string, Buffer | string>;
}

export type CertdataReading =
  | { readonly ok: true; readonly roots: readonly MozillaRoot[] }
  | { readonly ok: false; readonly mistakes: readonly string[] };

/** @param octets may be anything */
export function readCertdata(octets: Buffer): CertdataReading {
  const lines = octets.toString('utf8').split(/\r?\n/);
  const begin = lines.indexOf('BEGINDATA');
  if (begin < 0) return { ok: false, mistakes: ['is no certdata.txt: BEGINDATA is missing'] };
  const read = readObjects(lines, begin + 1);
  if (typeof read === 'string') return { ok: false, mistakes: [read] };
  return joinTrust(read);
}

/** @returns the objects, or what is wrong with the first line that is wrong */
function readObjects(lines: readonly string[], from: number): CertdataObject[] | string {
  const objects: CertdataObject[] = [];
  for (let at = from; at < lines.length; at++) {
    const text = lines[at] ?? '';
    const line = at + 1;
    if (text.trim() === '' || text.startsWith('#')) continue;
    const [, name, type, rest] = ATTRIBUTE.exec(text) ?? [];
    if (name === undefined || type === undefined) return `line ${line}: is no attribute`;
    let value: Buffer | string = rest ?? '';
    if (type === 'MULTILINE_OCTAL') {
      const octal = readOctal(lines, at + 1);
      if (octal === null) return `line ${line}: ${name} does not end as octal digits should`;
      value = octal.value;
      at = octal.end;
    }
    if (name === 'CKA_CLASS') objects.push({ line, attributes: new Map() });
    if (objects.length > OBJECTS_MAX) return `line ${line}: more than ${OBJECTS_MAX} objects`;
    const object = objects.at(-1);
    if (object === undefined) return `line ${line}: ${name} stands before any CKA_CLASS`;
    if (object.attributes.has(name)) return `line ${line}: ${name} stands there twice`;
    object.attributes.set(name, value);
  }
  return objects;
}

/** @param from index of the first line of digits @returns end: index of the line END */
function readOctal(lines: readonly string[], from: number): { value: Buffer; end: number } | null {
  const octets: number[] = [];
  for (let at = from; at < lines.length; at++) {
    const text = lines[at] ?? '';
    if (text === 'END') return { value: Buffer.from(octets), end: at };
    if (!OCTAL_LINE.test(text)) return null;
    for (let digit = 1; digit < text.length; digit += 4) octets.push(Number.parseInt(text.slice(digit, digit + 3), 8));
    if (octets.length > VALUE_OCTETS_MAX) return null;
  }
  return null;
}

function joinTrust(objects: readonly CertdataObject[]): CertdataReading {
  const mistakes: string[] = [];
  const trusts = new Map<string, CertdataObject[]>();
  for (const object of objects) {
    if (object.attributes.get('CKA_CLASS') !== 'CKO_NSS_TRUST') continue;
    const key = identityOf(object);
    trusts.set(key, [...(trusts.get(key) ?? []), object]);
  }
  const roots: MozillaRoot[] = [];
  for (const object of objects) {
    if (object.attributes.get('CKA_CLASS') !== 'CKO_CERTIFICATE') continue;
    const root = rootOf(object, trusts.get(identityOf(object)) ?? []);
    if (typeof root === 'string') mistakes.push(`line ${object.line}: ${root}`);
    else if (root !== null) roots.push(root);
  }
  if (roots.length === 0 && mistakes.length === 0) mistakes.push('trusts nobody for mail');
  return mistakes.length > 0 ? { ok: false, mistakes } : { ok: true, roots };
}

/** Issuer and serial number, by which a trust names its certificate. */
function identityOf({ attributes }: CertdataObject): string {
  return ['CKA_ISSUER', 'CKA_SERIAL_NUMBER'].map((name) => hexOf(attributes.get(name))).join(' ');
}

function hexOf(value: Buffer | string | undefined): string {
  return Buffer.isBuffer(value) ? value.toString('hex') : '';
}

/** @returns the root, null where it is not for mail, or what is wrong with it */
function rootOf({ attributes }: CertdataObject, trusts: readonly CertdataObject[]): MozillaRoot | string | null {
  const value = attributes.get('CKA_VALUE');
  if (!Buffer.isBuffer(value)) return 'a certificate without CKA_VALUE';
  const [trust] = trusts;
  if (trust === undefined || trusts.length > 1) return `a certificate with ${trusts.length} trusts`;
  const sha1 = createHash('sha1').update(value).digest('hex');
  if (hexOf(trust.attributes.get('CKA_CERT_SHA1_HASH')) !== sha1) return 'its trust is that of another certificate';
  if (trust.attributes.get('CKA_TRUST_EMAIL_PROTECTION') !== 'CKT_NSS_TRUSTED_DELEGATOR') return null;
  const distrust = dateOf(attributes.get('CKA_NSS_EMAIL_DISTRUST_AFTER'));
  if (distrust === undefined) return 'CKA_NSS_EMAIL_DISTRUST_AFTER is no date';
  try {
    const certificate = parseCertificate(value);
    if (hexOf(attributes.get('CKA_ISSUER')) !== certificate.issuer.toString('hex'))
      return 'another issuer than it says';
    return {
      certificate,
      ofMozilla: attributes.get('CKA_NSS_MOZILLA_CA_POLICY') === 'CK_TRUE',
      distrustAfter: distrust,
    };
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown;
    return thrown.detail;
  }
}

/** `CK_FALSE`, or octets `YYMMDDhhmmssZ`. @returns null: no date; undefined: something else */
function dateOf(value: Buffer | string | undefined): Date | null | undefined {
  if (value === undefined || value === 'CK_FALSE') return null;
  const [, year, month, day, hour, minute, second] =
    /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(value.toString('latin1')) ?? [];
  const date = new Date(`20${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(date.getTime()) ? undefined : date;
}
