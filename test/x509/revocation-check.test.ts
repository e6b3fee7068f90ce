/** Revocation rules case by case (catalogue C21): what each piece of evidence proves, and what it does not. */
import assert from 'node:assert/strict';
import { der, derContext, derInteger, derNull, derSequence } from '../../src/asn1/der-writer.ts';
import type { RevocationRequest, RevocationStatus } from '../../src/x509/revocation.ts';
import { checkRevocation } from '../../src/x509/revocation-check.ts';
import { type MadeCertificate, makeAuthority, makeCertificate, makeExtension } from '../support/certificate-builder.ts';
import {
  type CrlOptions,
  distributionPoints,
  makeCrl,
  makeOcspError,
  makeOcspResponse,
  type OcspOptions,
} from '../support/crl-builder.ts';
import { evidenceOf, readList } from '../support/crl-evidence.ts';

const HOUR = 3_600_000;
/** Set when the tests begin: the whole suite takes longer than the skew that is allowed. */
let NOW = Date.now();
const soon = (ms: number): Date => new Date(NOW + ms);
const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9';
const NOCHECK = { oid: '1.3.6.1.5.5.7.48.1.5', critical: false, value: derNull() };
const NONCE = Buffer.alloc(32, 7);

const root = makeAuthority({ name: 'Root' });
const stranger = makeAuthority({ name: 'Stranger' });
const bob = makeCertificate(root, { name: 'Bob', key: 'p-256', extraExtensions: [distributionPoints('http://a/1')] });

const responder = (issuer: MadeCertificate, more: object = {}): MadeCertificate =>
  makeCertificate(issuer, {
    name: 'Responder',
    key: 'p-256',
    freshKey: true,
    extendedKeyUsage: [OCSP_SIGNING],
    extraExtensions: [NOCHECK],
    ...more,
  });

interface Held {
  readonly crls?: readonly Buffer[];
  readonly ocsp?: readonly Buffer[];
  readonly nonce?: Buffer | null;
  readonly stalenessMs?: number;
  readonly certificates?: readonly MadeCertificate[];
}

function check(held: Held, leaf: MadeCertificate = bob): RevocationStatus {
  const certificates = [root, stranger, ...(held.certificates ?? [])].map(({ certificate }) => certificate);
  const lists = (held.crls ?? []).map((octets) => readList(octets, certificates));
  const responses = (held.ocsp ?? []).map((octets) => ({ octets, nonce: held.nonce ?? null }));
  const request: RevocationRequest = {
    certificate: leaf.certificate,
    issuer: root.certificate,
    path: [leaf.certificate, root.certificate],
    at: new Date(NOW),
    evidence: evidenceOf(lists, certificates, responses),
    tolerance: { skewMs: 300_000, stalenessMs: held.stalenessMs ?? 0 },
  };
  return checkRevocation(request);
}

/** The kind, and for unknown the reasons. */
function said(status: RevocationStatus): string {
  return status.kind === 'unknown' ? `unknown: ${status.why.join('; ')}` : status.kind;
}

const crl = (options: CrlOptions, by: MadeCertificate = root): string => said(check({ crls: [makeCrl(by, options)] }));
const ocsp = (options: OcspOptions, nonce: Buffer | null = null): string =>
  said(check({ ocsp: [makeOcspResponse(bob.certificate, root, options)], nonce }));

describe('checkRevocation by CRL (C21)', () => {
  before(() => {
    NOW = Date.now();
  });
  const entries = [{ certificate: bob.certificate, reason: 1 }];

  it('good, revoked, nothing at hand', () => {
    assert.equal(crl({}), 'good');
    assert.equal(crl({ entries }), 'revoked');
    assert.deepEqual(check({}), { kind: 'unknown', why: [] });
    const status = check({ crls: [makeCrl(root, { entries })] });
    assert.equal(status.kind === 'revoked' && status.reason, 'keyCompromise');
  });

  it('forged: another key, a broken signature, the name of another authority', () => {
    assert.match(crl({ key: stranger.privateKey }), /unknown: .*no key at hand signed it/);
    assert.match(crl({ badSignature: true }), /unknown: .*no key at hand signed it/);
    assert.match(crl({}, stranger), /^unknown: $/);
  });

  it('a second key of the authority: its list counts beside that of the first, and revokes', () => {
    const renewed = makeAuthority({ name: 'Root', issuer: root, freshKey: true });
    const certificates = [renewed];
    const [own, others] = [makeCrl(root, {}), makeCrl(renewed, { entries })];
    for (const crls of [[own, others], [others, own], [others]]) {
      assert.equal(said(check({ crls, certificates })), 'revoked');
    }
    assert.equal(said(check({ crls: [own, makeCrl(renewed)], certificates })), 'good');
    assert.equal(said(check({ crls: [makeCrl(root, { entries }), makeCrl(renewed)], certificates })), 'revoked');
    // of one key the newest counts, and an older one no more
    const held = makeCrl(root, { entries, thisUpdate: soon(-HOUR) });
    assert.equal(said(check({ crls: [held, own], certificates })), 'good');
    // who may not sign lists revokes nobody
    const mute = makeAuthority({ name: 'Root', issuer: root, freshKey: true, keyUsage: ['keyCertSign'] });
    assert.equal(said(check({ crls: [own, makeCrl(mute, { entries })], certificates: [mute] })), 'good');
  });

  it('stale: five minutes of skew, then the tolerance, then unknown; an entry of it stays revoked', () => {
    const old = { thisUpdate: soon(-9 * HOUR), nextUpdate: soon(-HOUR) };
    assert.equal(crl({ ...old, nextUpdate: soon(-240_000) }), 'good');
    assert.match(crl(old), /unknown: .*stale since/);
    assert.match(crl({ nextUpdate: null }), /unknown: .*when the next one comes/);
    const status = check({ crls: [makeCrl(root, old)], stalenessMs: 2 * HOUR });
    assert.ok(status.kind === 'good' && status.used.stale);
    assert.equal(crl({ ...old, entries }), 'revoked');
  });

  it('of the future: five minutes of skew, then it says nothing, neither good nor revoked', () => {
    assert.equal(crl({ thisUpdate: soon(240_000) }), 'good');
    assert.match(crl({ thisUpdate: soon(HOUR) }), /unknown: .*of the future/);
    assert.match(crl({ thisUpdate: soon(HOUR), entries }), /unknown: .*of the future/);
  });

  it('unknown critical extensions, of the list and of any entry: nothing is concluded', () => {
    const strange = makeExtension('1.3.9.9', true, derNull());
    assert.match(crl({ extensions: [strange] }), /unknown: .*1\.3\.9\.9/);
    const other = makeCertificate(root, { key: 'p-256' }).certificate;
    assert.match(crl({ entries: [{ certificate: other, extensions: [strange] }] }), /unknown: .*1\.3\.9\.9/);
    assert.equal(crl({ extensions: [makeExtension('1.3.9.9', false, derNull())] }), 'good');
  });

  it('scope: another distribution point, authorities only, some reasons only', () => {
    const point = (uri: string) => derSequence(derContext(0, derContext(0, der(0x86, Buffer.from(uri)))));
    assert.equal(crl({ scope: point('http://a/1') }), 'good');
    assert.match(crl({ scope: point('http://a/2') }), /unknown: .*another distribution point/);
    assert.match(crl({ scope: derSequence(der(0x82, Buffer.of(0xff))) }), /unknown: .*authorities only/);
    const some = derSequence(der(0x83, Buffer.of(0, 0x60)));
    assert.match(crl({ scope: some }), /unknown: .*not cover all reasons/);
    const rest = derSequence(der(0x83, Buffer.of(7, 0x1f, 0x80)));
    assert.equal(said(check({ crls: [makeCrl(root, { scope: some }), makeCrl(root, { scope: rest })] })), 'good');
  });

  it('delta: adds, removes, and counts for nothing without its base', () => {
    const hold = [{ certificate: bob.certificate, reason: 6 }];
    const removed = [{ certificate: bob.certificate, reason: 8 }];
    const pair = (first: CrlOptions, second: CrlOptions): string =>
      said(check({ crls: [makeCrl(root, { number: 5, ...first }), makeCrl(root, { number: 7, base: 5, ...second })] }));
    assert.equal(pair({}, { entries }), 'revoked');
    assert.equal(pair({ entries: hold }, { entries: removed }), 'good');
    assert.equal(pair({ entries: hold }, { entries: removed, base: 6 }), 'revoked', 'base newer than the complete one');
    assert.equal(pair({ entries: hold }, { entries: removed, badSignature: true }), 'revoked');
    assert.equal(pair({ entries: hold }, { entries: removed, nextUpdate: soon(-HOUR) }), 'revoked');
    assert.match(crl({ base: 1 }), /^unknown: $/);
  });

  it('indirect: only where the certificate names the CRL issuer', () => {
    const indirect = derSequence(der(0x84, Buffer.of(0xff)));
    assert.match(crl({ scope: indirect }, stranger), /^unknown: $/);
    assert.equal(crl({ scope: indirect }), 'good');
  });

  it('signers: cRLSign is needed where key usage is said', () => {
    const mute = makeAuthority({ name: 'Mute', keyUsage: ['keyCertSign'] });
    const eve = makeCertificate(mute, { key: 'p-256' });
    const list = readList(makeCrl(mute, {}), [mute.certificate]);
    const status = checkRevocation({
      certificate: eve.certificate,
      issuer: mute.certificate,
      path: [eve.certificate, mute.certificate],
      at: new Date(NOW),
      evidence: evidenceOf([list], []),
      tolerance: { skewMs: 0, stalenessMs: 0 },
    });
    assert.match(said(status), /unknown: .*may not sign CRLs/);
  });
});

describe('checkRevocation by OCSP (C21)', () => {
  before(() => {
    NOW = Date.now();
  });
  it('good, revoked, unknown; by key and by name; SHA-1 and SHA-256', () => {
    assert.equal(ocsp({}), 'good');
    assert.equal(ocsp({ digest: 'sha256', byName: true }), 'good');
    assert.equal(ocsp({ state: 'revoked' }), 'revoked');
    assert.match(ocsp({ state: 'unknown' }), /unknown: .*does not know/);
  });

  it('tryLater and its brothers are no answer', () => {
    for (const [code, word] of [
      [1, 'malformedRequest'],
      [2, 'internalError'],
      [3, 'tryLater'],
      [5, 'sigRequired'],
      [6, 'unauthorized'],
    ] as const) {
      assert.match(said(check({ ocsp: [makeOcspError(code)] })), new RegExp(`unknown: .*${word}`));
    }
  });

  it('replayed: about another certificate, or with another nonce', () => {
    const eve = makeCertificate(root, { key: 'p-256' });
    const other = makeOcspResponse(eve.certificate, root);
    assert.match(said(check({ ocsp: [other] })), /unknown: .*another certificate/);
    assert.match(ocsp({ nonce: Buffer.alloc(32, 8) }, NONCE), /unknown: .*another request/);
    assert.equal(ocsp({ nonce: NONCE }, NONCE), 'good');
    assert.equal(ocsp({}, NONCE), 'good', 'made ahead of time');
  });

  it('another issuer of the same name and serial number', () => {
    const twin = makeAuthority({ name: 'Root', freshKey: true });
    const same = makeCertificate(twin, { key: 'p-256', serial: BigInt(`0x${bob.certificate.serial.toString('hex')}`) });
    assert.match(said(check({ ocsp: [makeOcspResponse(same.certificate, twin)] })), /unknown: .*another certificate/);
  });

  it('responders: of the issuer with OCSPSigning, no one else', () => {
    assert.equal(ocsp({ responder: responder(root) }), 'good');
    assert.match(ocsp({ responder: stranger }), /unknown: .*may not answer/);
    assert.match(ocsp({ responder: responder(stranger) }), /unknown: .*issued by another authority/);
    const forger = makeAuthority({ name: 'Root', freshKey: true });
    assert.match(ocsp({ responder: responder(forger) }), /unknown: .*was not issued by/);
    assert.match(
      ocsp({ responder: responder(root, { extendedKeyUsage: ['2.5.29.37.0'] }) }),
      /unknown: .*may not answer/,
    );
    assert.match(ocsp({ responder: responder(root, { notAfter: soon(-HOUR) }) }), /unknown: .*not valid at this time/);
    assert.match(ocsp({ responder: responder(root, { keyUsage: ['keyEncipherment'] }) }), /unknown: .*may not sign/);
    assert.match(ocsp({ responder: responder(root), certificates: [] }), /unknown: .*not signed by the issuer/);
    assert.match(ocsp({ badSignature: true }), /unknown: .*not signed by the issuer/);
  });

  it('a responder without nocheck is looked up in the CRL; without one it does not count', () => {
    const checked = responder(root, { extraExtensions: [] });
    const answer = makeOcspResponse(bob.certificate, root, { responder: checked });
    assert.match(said(check({ ocsp: [answer] })), /unknown: .*may be revoked/);
    assert.equal(said(check({ ocsp: [answer], crls: [makeCrl(root)] })), 'good');
    const gone = makeCrl(root, {
      entries: [{ certificate: checked.certificate }],
      scope: derSequence(der(0x83, Buffer.of(0, 0x60))),
    });
    assert.match(said(check({ ocsp: [answer], crls: [gone] })), /unknown: .*is revoked/);
  });

  it('times: stale, of the future, without an end', () => {
    assert.match(ocsp({ thisUpdate: soon(-9 * HOUR), nextUpdate: soon(-HOUR) }), /unknown: .*stale since/);
    assert.match(ocsp({ thisUpdate: soon(HOUR), nextUpdate: soon(2 * HOUR) }), /unknown: .*of the future/);
    assert.equal(ocsp({ nextUpdate: null }), 'good');
    assert.match(ocsp({ thisUpdate: soon(-HOUR), nextUpdate: null }), /unknown: .*stale since/);
  });

  it('an unknown critical extension', () => {
    assert.match(ocsp({ extensions: [makeExtension('1.3.9.9', true, derInteger(1))] }), /unknown: .*1\.3\.9\.9/);
  });

  it('"revoked" of one source wins over "good" of the other', () => {
    const entries = [{ certificate: bob.certificate, reason: 1 }];
    const good = makeOcspResponse(bob.certificate, root);
    const bad = makeOcspResponse(bob.certificate, root, { state: 'revoked' });
    assert.equal(said(check({ ocsp: [good], crls: [makeCrl(root, { entries })] })), 'revoked');
    assert.equal(said(check({ ocsp: [bad], crls: [makeCrl(root)] })), 'revoked');
  });
});
