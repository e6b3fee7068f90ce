/** Certificates made to keep a validator busy (catalogue C4 to C7), each with the answer that it must get. */
import { parseAddress } from '../../src/address.ts';
import {
  der,
  derBitString,
  derInteger,
  derNull,
  derOid,
  derSequence,
  derSetOf,
  TAG,
} from '../../src/asn1/der-writer.ts';
import type { PathFailureCode, PathRequest } from '../../src/x509/path.ts';
import { PATH_BUDGET, type PathBudget } from '../../src/x509/path-spending.ts';
import { type MadeCertificate, madeKey, makeAuthority, makeCertificate } from './certificate-builder.ts';
import { type MadeExtension, mail, nameConstraints, policies, policyMappings } from './constraint-builder.ts';

export interface HostilePath {
  readonly name: string;
  readonly expected: PathFailureCode | 'valid';
  /** Instead of the built-in one. */
  readonly budget?: PathBudget;
  /** Made outside of the time that counts. */
  request(): PathRequest;
}

const root = makeAuthority({ name: 'Root', key: 'rsa-2048' });

function requestOf(
  leaf: MadeCertificate,
  middles: readonly MadeCertificate[],
  more: Partial<PathRequest> = {},
): PathRequest {
  return {
    leaf: leaf.certificate,
    anchors: [root.certificate],
    intermediates: middles.map(({ certificate }) => certificate),
    at: new Date(),
    purpose: 'any',
    address: null,
    ...more,
  };
}

/** A chain of authorities, each with these extensions. */
function chainOf(length: number, extraExtensions: readonly MadeExtension[]): MadeCertificate[] {
  const chain: MadeCertificate[] = [];
  for (let depth = 0; depth < length; depth++) {
    chain.push(makeAuthority({ name: `Level ${depth}`, issuer: chain.at(-1) ?? root, extraExtensions }));
  }
  return chain;
}

/** Authorities that each certify each other. */
function mesh(count: number): MadeCertificate[] {
  const keys = Array.from({ length: count }, (_, i) =>
    makeAuthority({ name: `Mesh ${i}`, key: 'rsa-2048', freshKey: true }),
  );
  return keys.flatMap((issuer) =>
    keys
      .filter((subject) => subject !== issuer)
      .map(({ certificate, privateKey }) => makeAuthority({ name: certificate.subjectName, issuer, privateKey })),
  );
}

const policyOids = (count: number): string[] => Array.from({ length: count }, (_, i) => `1.3.9.${i + 1}`);

function policyLevel(count: number): MadeExtension[] {
  const all = policyOids(count);
  return [policies(...all), policyMappings(...all.flatMap((from) => all.map((to) => [from, to] as const)))];
}

function rsaSpki(bits: number): Buffer {
  const modulus = (1n << BigInt(bits - 1)) | 1n;
  const key = derSequence(derInteger(modulus), derInteger(65_537));
  return derSequence(derSequence(derOid('1.2.840.113549.1.1.1'), derNull()), derBitString(key));
}

/** Two authorities that certify each other, and a leaf below one. */
function cycle(): PathRequest {
  const middles = mesh(2);
  return requestOf(makeCertificate(middles[0] ?? root, { key: 'p-256' }), middles);
}

function fullMesh(): PathRequest {
  const middles = mesh(10);
  return requestOf(makeCertificate(middles[0] ?? root, { key: 'p-256' }), middles);
}

function lookAlikes(count: number): PathRequest {
  const middles = Array.from({ length: count }, () =>
    makeAuthority({ name: 'Same', issuer: root, key: 'rsa-3072', subjectKeyIdentifier: false }),
  );
  const forger = makeAuthority({ name: 'Same', key: 'rsa-3072', freshKey: true });
  return requestOf(makeCertificate(forger, { key: 'p-256', authorityKeyIdentifier: false }), middles);
}

function constraints(count: number): PathRequest {
  const excluded = Array.from({ length: count }, (_, i) => mail(`c${i}.example`));
  const authority = makeAuthority({ name: 'Limited', issuer: root, extraExtensions: [nameConstraints({ excluded })] });
  const names = Array.from({ length: count }, (_, i) => mail(`a@d${i}.example`));
  return requestOf(makeCertificate(authority, { key: 'p-256', names }), [authority]);
}

function policyMesh(depth: number, width: number): PathRequest {
  const chain = chainOf(depth, policyLevel(width));
  const leaf = makeCertificate(chain.at(-1) ?? root, { key: 'p-256', extraExtensions: [policies('1.3.9.1')] });
  return requestOf(leaf, chain, { requireExplicitPolicy: true });
}

/** Three certificates of each of seven authorities, one above the other: 2,187 whole paths out of 60 signatures. */
function wholePaths(): PathRequest {
  const middles: MadeCertificate[] = [];
  let issuer = root;
  for (let level = 0; level < 7; level++) {
    const privateKey = madeKey('p-256', true);
    const same = Array.from({ length: 3 }, () => makeAuthority({ name: `Level ${level}`, issuer, privateKey }));
    middles.push(...same);
    issuer = same[0] ?? root;
  }
  return requestOf(makeCertificate(issuer, { key: 'p-256' }), middles, { requireExplicitPolicy: true });
}

/** Candidates that have nothing to do with the leaf, each of a name that takes longest to compare. */
function longNames(count: number): PathRequest {
  const key = madeKey('p-256');
  const middles = Array.from({ length: count }, (_, index) => {
    const values = Array.from({ length: 3 }, () => `${index}${'\u0301\u0323'.repeat(250)}`);
    const subject = derSequence(
      ...values.map((text) => derSetOf([derSequence(derOid('2.5.4.10'), der(TAG.utf8String, Buffer.from(text)))])),
    );
    return makeAuthority({ subject, issuer: root, privateKey: key });
  });
  const stranger = makeAuthority({ name: 'Stranger', privateKey: key });
  return requestOf(makeCertificate(stranger, { key: 'p-256' }), middles);
}

/** @param count mailboxes of one certificate, none the one that is asked about */
function manyMailboxes(count: number): PathRequest {
  const names = Array.from({ length: count }, (_, index) => mail(`a${index}@b.example`));
  return requestOf(makeCertificate(root, { key: 'p-256', names }), [], { address: parseAddress('b@b.example') });
}

export function hostilePaths(): HostilePath[] {
  return [
    { name: '2,187 whole paths, each refused at its end', expected: 'budget', request: wholePaths },
    { name: '100 candidates of names that are long to compare', expected: 'no-path', request: () => longNames(100) },
    { name: '6,000 mailboxes, all of others', expected: 'address-mismatch', request: () => manyMailboxes(6_000) },
    { name: 'two authorities that certify each other', expected: 'no-path', request: cycle },
    { name: 'a mesh of 10 authorities', expected: 'budget', request: fullMesh },
    { name: '100 look-alike parents', expected: 'bad-signature', request: () => lookAlikes(100) },
    { name: '101 look-alike parents', expected: 'budget', request: () => lookAlikes(101) },
    { name: '2048 names under 2048 constraints', expected: 'budget', request: () => constraints(2048) },
    { name: 'policies, 8 deep, 64 each mapped to 64', expected: 'valid', request: () => policyMesh(8, 64) },
    { name: 'policies, 32 deep, 64 each mapped to 64', expected: 'path-length', request: () => policyMesh(32, 64) },
    {
      name: 'the same where 40 intermediates are allowed',
      expected: 'budget',
      budget: { ...PATH_BUDGET, depth: 40 },
      request: () => policyMesh(32, 64),
    },
    {
      name: 'an RSA key of 16384 bits in the leaf',
      expected: 'weak-key',
      request: () => requestOf(makeCertificate(root, { key: 'p-256', spki: rsaSpki(16_384) }), []),
    },
    {
      name: 'an RSA key of 65536 bits in the issuer',
      expected: 'weak-key',
      request: () => {
        const huge = makeAuthority({ name: 'Huge', issuer: root, spki: rsaSpki(65_536) });
        return requestOf(makeCertificate(huge, { key: 'p-256' }), [huge]);
      },
    },
  ];
}
