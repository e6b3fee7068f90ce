/** Promise 8 and catalogue C25: each condition alone takes the right away, and all together give it. */
import assert from 'node:assert/strict';
import { parseAddress } from '../../src/address.ts';
import type { Submitter, Vouches } from '../../src/envelope.ts';
import { parseHeaderBlock } from '../../src/mime/header-block.ts';
import { judgeSigningRight, SIGNING_REFUSALS, type SigningRefusal } from '../../src/policy/signing-right.ts';

const PROOF: Vouches = { kind: 'header', name: 'X-Auth-As', value: 'Internal' };

interface Claim {
  readonly header?: readonly string[];
  readonly from?: string | null;
  readonly vouches?: Vouches;
  readonly login?: string | null;
  readonly loginAddresses?: readonly string[];
}

function judge(claim: Claim): string {
  const lines = claim.header ?? ['From: Anna <anna@example.org>'];
  const submitter: Submitter = {
    ip: '10.1.2.3',
    helo: 'exchange.example.org',
    listener: '0.0.0.0:25',
    tls: true,
    login: claim.login ?? null,
    loginAddresses: claim.loginAddresses ?? [],
    vouches: claim.vouches ?? { kind: 'always' },
  };
  const from = claim.from === undefined ? 'anna@example.org' : claim.from;
  const right = judgeSigningRight({
    header: parseHeaderBlock(Buffer.from(lines.map((line) => `${line}\r\n`).join(''))),
    envelopeFrom: from === null ? null : parseAddress(from),
    submitter,
    ours: ['example.org', 'example.com'],
  });
  return right.ok ? `yes ${right.address.text}` : right.reason;
}

const FROM = 'From: Anna <anna@example.org>';

const CASES: readonly (readonly [string, Claim, 'yes' | SigningRefusal])[] = [
  ['an ordinary message', {}, 'yes'],
  ['spelling does not matter', { header: ['From: "A" <ANNA@Example.ORG>'], from: 'anna@EXAMPLE.org' }, 'yes'],
  ['an equal Sender', { header: [FROM, 'Sender: anna@example.org'] }, 'yes'],
  ['the null sender', { from: null }, 'null-sender'],
  ['no From', { header: ['Subject: x'] }, 'no-from'],
  ['two From fields', { header: [FROM, FROM] }, 'several-from'],
  [
    'two From fields, the second with a blank before its colon',
    { header: [FROM, 'From : eve@evil.test'] },
    'several-from',
  ],
  ['two authors', { header: ['From: anna@example.org, bert@example.org'] }, 'several-authors'],
  ['a From that is no mailbox', { header: ['From: nobody'] }, 'malformed-from'],
  ['an author elsewhere', { header: ['From: eve@evil.test'], from: 'eve@evil.test' }, 'not-ours'],
  ['an author in a sub-domain', { header: ['From: a@x.example.org'], from: 'a@x.example.org' }, 'not-ours'],
  ['another MAIL FROM', { from: 'bert@example.org' }, 'mail-from-differs'],
  ['a VERP return path', { from: 'anna+bounce@example.org' }, 'mail-from-differs'],
  ['another Sender', { header: [FROM, 'Sender: office@example.org'] }, 'sender-differs'],
  ['two Senders', { header: [FROM, 'Sender: anna@example.org', 'Sender: anna@example.org'] }, 'sender-differs'],
  ['a Sender that cannot be read', { header: [FROM, 'Sender: ???'] }, 'sender-differs'],
  ['Resent-From', { header: ['Resent-From: bert@example.org', FROM] }, 'resent'],
  ['Resent-Message-ID alone', { header: [FROM, 'Resent-Message-ID: <1@x>'] }, 'resent'],
  ['a mailing list', { header: [FROM, 'List-Id: <list.example.org>'] }, 'list'],
  ['ARC', { header: ['ARC-Seal: i=1', FROM] }, 'arc'],
  ['a client that does not vouch', { vouches: { kind: 'never' } }, 'not-vouched'],
  ['own address', { vouches: { kind: 'own-address' }, login: 'anna', loginAddresses: ['anna@example.org'] }, 'yes'],
  [
    'another login',
    { vouches: { kind: 'own-address' }, login: 'bert', loginAddresses: ['bert@example.org'] },
    'login-does-not-own',
  ],
  [
    'own address without a login',
    { vouches: { kind: 'own-address' }, loginAddresses: ['anna@example.org'] },
    'login-does-not-own',
  ],
  ['proof', { vouches: PROOF, header: [FROM, 'X-AUTH-as: Internal'] }, 'yes'],
  ['no proof', { vouches: PROOF }, 'no-proof'],
  ['another value', { vouches: PROOF, header: [FROM, 'X-Auth-As: internal'] }, 'wrong-proof'],
  ['a longer value', { vouches: PROOF, header: [FROM, 'X-Auth-As: Internal x'] }, 'wrong-proof'],
  ['an empty value', { vouches: PROOF, header: [FROM, 'X-Auth-As:'] }, 'wrong-proof'],
  [
    'two proofs, both right',
    { vouches: PROOF, header: ['X-Auth-As: Internal', FROM, 'X-Auth-As: Internal'] },
    'several-proofs',
  ],
  [
    'two proofs, one wrong',
    { vouches: PROOF, header: ['X-Auth-As: Anonymous', FROM, 'X-Auth-As : Internal'] },
    'several-proofs',
  ],
];

describe('judgeSigningRight (C25)', () => {
  for (const [name, claim, expected] of CASES) {
    it(`${name}: ${expected}`, () => {
      const answer = judge(claim);
      assert.equal(answer.startsWith('yes ') ? 'yes' : answer, expected);
    });
  }

  it('has a case for every refusal', () => {
    const seen = new Set(CASES.map(([, , expected]) => expected));
    assert.deepEqual(
      Object.keys(SIGNING_REFUSALS).filter((reason) => !seen.has(reason as SigningRefusal)),
      [],
    );
  });

  it('C25: signs none of the redirected forgeries, even through a client that vouches by header', () => {
    const forged = ['From: Chief <chief@example.org>', 'Subject: pay'];
    const ways: readonly Claim[] = [
      { header: ['Resent-From: anna@example.org', ...forged], from: 'chief@example.org', vouches: PROOF },
      { header: [...forged, 'List-Id: x'], from: 'list-bounces@example.org', vouches: PROOF },
      { header: [...forged, 'Sender: anna@example.org'], from: 'chief@example.org', vouches: PROOF },
      { header: forged, from: null, vouches: PROOF },
      { header: forged, from: 'anna@example.org', vouches: PROOF },
      { header: forged, from: 'chief@example.org', vouches: PROOF },
      { header: [...forged, 'X-Auth-As: Anonymous'], from: 'chief@example.org', vouches: PROOF },
      { header: ['X-Auth-As: Anonymous', ...forged, 'X-Auth-As: Internal'], from: 'chief@example.org', vouches: PROOF },
      { header: [...forged, 'X-Auth-As: Internal\r\n Internal'], from: 'chief@example.org', vouches: PROOF },
      {
        header: [...forged, 'From: anna@example.org', 'X-Auth-As: Internal'],
        from: 'chief@example.org',
        vouches: PROOF,
      },
      {
        header: [...forged, 'ARC-Authentication-Results: i=1', 'X-Auth-As: Internal'],
        from: 'chief@example.org',
        vouches: PROOF,
      },
      {
        header: ['From: chief@example.org, eve@evil.test', 'X-Auth-As: Internal'],
        from: 'chief@example.org',
        vouches: PROOF,
      },
    ];
    for (const way of ways) assert.ok(!judge(way).startsWith('yes'), JSON.stringify(way));
  });
});
