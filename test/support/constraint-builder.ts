/** Extensions that limit authorities, for tests: name constraints and policies (RFC 5280 §4.2.1.4 to §4.2.1.14). */
import { der, derContext, derInteger, derOid, derSequence } from '../../src/asn1/der-writer.ts';
import { EXTENSION } from '../../src/x509/certificate-oids.ts';
import { makeName } from './certificate-builder.ts';

export interface MadeExtension {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Buffer;
}

const ia5 = (tag: number, text: string): Buffer => der(tag, Buffer.from(text, 'latin1'));
export const mail = (text: string): Buffer => ia5(0x81, text);
export const dns = (text: string): Buffer => ia5(0x82, text);
export const uri = (text: string): Buffer => ia5(0x86, text);
export const ip = (hex: string): Buffer => der(0x87, Buffer.from(hex, 'hex'));
export const directory = (commonName: string): Buffer => der(0xa4, makeName(commonName));
export const registered = (oid: string): Buffer => der(0x88, derOid(oid).subarray(2));
export const otherName = (oid: string, value: Buffer): Buffer => derContext(0, derOid(oid), derContext(0, value));

/** @param permitted GeneralNames, whole DER */
export function nameConstraints(
  { permitted = [], excluded = [] }: { permitted?: readonly Buffer[]; excluded?: readonly Buffer[] },
  critical = true,
): MadeExtension {
  const subtrees = (names: readonly Buffer[]) => names.map((name) => derSequence(name));
  const value = derSequence(
    ...(permitted.length === 0 ? [] : [derContext(0, ...subtrees(permitted))]),
    ...(excluded.length === 0 ? [] : [derContext(1, ...subtrees(excluded))]),
  );
  return { oid: EXTENSION.nameConstraints, critical, value };
}

export function policies(...oids: readonly string[]): MadeExtension {
  const value = derSequence(...oids.map((oid) => derSequence(derOid(oid))));
  return { oid: EXTENSION.certificatePolicies, critical: false, value };
}

/** @param pairs of the issuer's policy and the subject's */
export function policyMappings(...pairs: readonly (readonly [string, string])[]): MadeExtension {
  const value = derSequence(...pairs.map(([from, to]) => derSequence(derOid(from), derOid(to))));
  return { oid: EXTENSION.policyMappings, critical: true, value };
}

export function policyConstraints(skip: { explicit?: number; mapping?: number }): MadeExtension {
  const count = (tag: number, value: number | undefined) =>
    value === undefined ? [] : [der(tag, derInteger(value).subarray(2))];
  const value = derSequence(...count(0x80, skip.explicit), ...count(0x81, skip.mapping));
  return { oid: EXTENSION.policyConstraints, critical: true, value };
}

export function inhibitAnyPolicy(skip: number): MadeExtension {
  return { oid: EXTENSION.inhibitAnyPolicy, critical: true, value: derInteger(skip) };
}
