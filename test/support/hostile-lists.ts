/**
 * CRLs and OCSP responses made to keep a validator busy (catalogue C20, C21), each with the answer that it must get. A list is
 * read as from a file, piece by piece: what counts is that no piece keeps others waiting.
 */
import {
  der,
  derBitString,
  derContext,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derSequence,
  derTime,
  TAG,
} from '../../src/asn1/der-writer.ts';
import { GatewayError } from '../../src/errors.ts';
import type { RevocationList } from '../../src/x509/crl.ts';
import { hashOf } from '../../src/x509/crl-index.ts';
import { CrlReader } from '../../src/x509/crl-reader.ts';
import { parseOcspResponse } from '../../src/x509/ocsp-response.ts';
import { checkRevocation } from '../../src/x509/revocation-check.ts';
import { madeKey, makeAuthority, makeCertificate, makeExtension, makeName } from './certificate-builder.ts';
import { makeCrl } from './crl-builder.ts';
import { evidenceOf, readList } from './crl-evidence.ts';

export interface HostileList {
  readonly name: string;
  readonly expected: RegExp;
  /**
   * Made outside of the time that counts. Each step of the run is one turn of the event loop; the last gives the answer: an error
   * code and its detail, or what was found.
   */
  make(): () => Generator<void, string>;
}

const PIECE_OCTETS = 64 * 1024;
const NOW = new Date();
const root = makeAuthority({ name: 'Root', key: 'rsa-2048' });

function entryOf(serial: number | bigint, ...extensions: readonly Buffer[]): Buffer {
  const rest = extensions.length === 0 ? [] : [derSequence(...extensions)];
  return derSequence(derInteger(serial), derTime(NOW), ...rest);
}

const aboutIssuer = (name: Buffer): Buffer => makeExtension('2.5.29.29', true, derSequence(der(0xa4, name)));

/** Reads a list as `trust/crl-file.ts` does. */
function reading(octets: Buffer): () => Generator<void, string> {
  return function* read() {
    const reader = new CrlReader(() => [root.certificate]);
    try {
      for (let at = 0; at < octets.length; at += PIECE_OCTETS) {
        reader.write(octets.subarray(at, at + PIECE_OCTETS));
        yield;
      }
      const list = yield* reader.finish();
      return `${list.entries.count} entries${list.fault === null ? '' : `, ${list.fault}`}`;
    } catch (thrown) {
      return answerOf(thrown);
    }
  };
}

function answerOf(thrown: unknown): string {
  if (!(thrown instanceof GatewayError)) throw thrown;
  return `${thrown.code}: ${thrown.detail}`;
}

const listOf = (entries: readonly Buffer[]): (() => Generator<void, string>) =>
  reading(makeCrl(root, { rawEntries: Buffer.concat(entries) }));

const repeated = (count: number, made: (index: number) => Buffer): Buffer[] =>
  Array.from({ length: count }, (_, index) => made(index));

/** Serials that differ and whose hashes share their highest bits, searched as an attacker would. */
function collidingEntries(count: number): Buffer[] {
  const found: Buffer[] = [];
  for (let serial = 0x1000000; found.length < count; serial++) {
    const content = derInteger(serial).subarray(2);
    if (hashOf(content, 0, content.length, 0) >>> 23 === 0) found.push(entryOf(serial));
  }
  return found;
}

/** 16 certificates of one signer, of none of which it is known whether it is revoked, and 16 lists signed by it. */
function undecidedSigners(): () => Generator<void, string> {
  const point = (name: string) => ({ oid: '2.5.29.31', critical: false, value: pointAt(makeName(name)) });
  const privateKey = madeKey('p-256', true);
  const signers = Array.from({ length: 16 }, () =>
    makeAuthority({ name: 'Signer', issuer: root, privateKey, extraExtensions: [point('Nobody')] }),
  );
  const leaf = makeCertificate(root, { key: 'p-256', extraExtensions: [point('Signer')] });
  const certificates = [root, ...signers].map(({ certificate }) => certificate);
  const scope = derSequence(der(0x84, Buffer.of(0xff)));
  const lists = signers.map((signer) => readList(makeCrl(signer, { scope }), certificates));
  return judging(leaf.certificate, lists, certificates);
}

function pointAt(issuer: Buffer): Buffer {
  return derSequence(derSequence(derContext(2, der(0xa4, issuer))));
}

function judging(
  leaf: (typeof root)['certificate'],
  lists: readonly RevocationList[],
  certificates: readonly (typeof root)['certificate'][],
): () => Generator<void, string> {
  return function* judge() {
    const status = checkRevocation({
      certificate: leaf,
      issuer: root.certificate,
      path: [leaf, root.certificate],
      at: NOW,
      evidence: evidenceOf(lists, certificates),
      tolerance: { skewMs: 0, stalenessMs: 0 },
    });
    yield;
    return `${status.kind}: ${status.kind === 'unknown' ? status.why.join('; ') : ''}`;
  };
}

function manyPoints(): () => Generator<void, string> {
  const uris = repeated(5_000, (index) => Buffer.from(`http://a/${index}`));
  const value = derSequence(...uris.map((uri) => derSequence(derContext(0, derContext(0, der(0x86, uri))))));
  const leaf = makeCertificate(root, { key: 'p-256', extraExtensions: [{ oid: '2.5.29.31', critical: false, value }] });
  return judging(leaf.certificate, [], [root.certificate]);
}

function manyAnswers(count: number): () => Generator<void, string> {
  const id = derSequence(
    derSequence(derOid('1.3.14.3.2.26'), derNull()),
    derOctetString(Buffer.alloc(20)),
    derOctetString(Buffer.alloc(20)),
    derInteger(1),
  );
  const time = der(TAG.generalizedTime, Buffer.from('20260101000000Z'));
  const answers = repeated(count, () => derSequence(id, der(0x80), time));
  const data = derSequence(derContext(2, derOctetString(Buffer.alloc(20))), time, derSequence(...answers));
  const basic = derSequence(
    data,
    derSequence(derOid('1.2.840.113549.1.1.11'), derNull()),
    derBitString(Buffer.alloc(256)),
  );
  const bytes = derSequence(derOid('1.3.6.1.5.5.7.48.1.1'), derOctetString(basic));
  const octets = derSequence(der(0x0a, Buffer.of(0)), derContext(0, bytes));
  return function* parse() {
    yield;
    try {
      parseOcspResponse(octets);
      return 'read';
    } catch (thrown) {
      return answerOf(thrown);
    }
  };
}

/** @param scale 1 for lists of 60 MB, less for tests */
export function hostileLists(scale: number): HostileList[] {
  const many = Math.ceil(1_000_000 * scale);
  const large = Math.ceil(1000 * scale);
  const filler = makeExtension('1.2.3.4', false, Buffer.alloc(60_000));
  const small = repeated(15, (index) => makeExtension(`1.2.3.${index + 5}`, false, Buffer.alloc(0)));
  const [one, two] = [aboutIssuer(makeName('One')), aboutIssuer(makeName('Two'))];
  return [
    {
      name: 'an extension of 60 KB in each entry',
      expected: new RegExp(`^${large} entries$`),
      make: () => listOf(repeated(large, (index) => entryOf(index, filler))),
    },
    {
      name: '15 extensions in each entry',
      expected: /^\d+ entries$/,
      make: () => listOf(repeated(Math.ceil(many / 4), (index) => entryOf(index, ...small))),
    },
    {
      name: 'another issuer with every entry',
      expected: /^\d+ entries$/,
      make: () => listOf(repeated(Math.ceil(many / 2), (index) => entryOf(index, index % 2 === 0 ? one : two))),
    },
    {
      name: '10,001 issuers',
      expected: /^asn1\.limits: CRL about more than 10000 issuers/,
      make: () => listOf(repeated(10_001, (index) => entryOf(1, aboutIssuer(makeName(`CA ${index}`))))),
    },
    {
      name: 'issuers whose names unfold',
      expected: /^asn1\.limits: CRL about issuers of too long names/,
      make: () =>
        listOf(repeated(500, (index) => entryOf(1, aboutIssuer(makeName(`${index}${'\ufdfa'.repeat(330)}`))))),
    },
    {
      name: 'a name of marks in the wrong order',
      expected: /^asn1\.malformed: value of \d+ octets in a name/,
      make: () => listOf([entryOf(1, aboutIssuer(makeName(`a${'\u0301\u0323'.repeat(500)}`)))]),
    },
    {
      name: 'one serial, again and again',
      expected: /^asn1\.limits: CRL whose serials were made to fall together/,
      make: () => listOf(Array(many).fill(entryOf(7))),
    },
    {
      name: 'serials searched to fall together',
      expected: /^asn1\.limits: CRL whose serials were made to fall together/,
      make: () => listOf(collidingEntries(1_500)),
    },
    {
      name: 'an entry without an end',
      expected: /^asn1\.malformed: entry of \d+ octets in a CRL/,
      make: () => listOf([der(TAG.sequence, Buffer.alloc(Math.ceil(40_000_000 * scale)))]),
    },
    {
      name: 'extensions of 10^6 distribution points',
      expected: /^asn1\.malformed: field of \d+ octets in a CRL/,
      make: () => {
        const point = derSequence(derContext(0, derContext(0, der(0x86, Buffer.from('http://a/1')))));
        const freshest = makeExtension('2.5.29.46', false, derSequence(Buffer.concat(Array(many).fill(point))));
        return reading(makeCrl(root, { extensions: [freshest] }));
      },
    },
    {
      name: 'a certificate of 5,000 distribution points',
      expected: /^unknown: distribution points of the certificate: more than 16 distribution points/,
      make: manyPoints,
    },
    {
      name: 'an OCSP response of 10,000 answers',
      expected: /^asn1\.malformed: /,
      make: () => manyAnswers(10_000),
    },
    {
      name: 'an OCSP response of 500 answers',
      expected: /^asn1\.malformed: more than 64 answers in an OCSP response/,
      make: () => manyAnswers(500),
    },
    {
      name: '16 lists, each with 16 certificates that may have signed it',
      expected: /^unknown: .*no signer of it was found in 16 searches/,
      make: undecidedSigners,
    },
  ];
}
