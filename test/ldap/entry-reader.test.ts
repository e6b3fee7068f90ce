/** C22: the answer to one reading, whole or in any pieces, and every way in which a server may answer otherwise. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { derOctetString, derSequence } from '../../src/asn1/der-writer.ts';
import { readLdapEntry } from '../../src/ldap/entry-reader.ts';
import { LdapViolation } from '../../src/ldap/ldap-ber.ts';
import { OctetFeed } from '../../src/ldap/octet-feed.ts';
import { ldapDone, ldapEntry, ldapMessage } from '../support/hostile-ldap.ts';

const WANTED = { messageId: 1, type: 'certificaterevocationlist', valuesMax: 1 };
const LIST = Buffer.from('a list');

async function* piecesOf(octets: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < octets.length; at += size) yield octets.subarray(at, at + size);
}

async function read(octets: Buffer, { size = 65_536, octetsMax = 1_000_000, valuesMax = 1 } = {}) {
  const values: Buffer[] = [];
  const feed = new OctetFeed(piecesOf(octets, size), octetsMax);
  const answer = await readLdapEntry(feed, { ...WANTED, valuesMax }, (piece) => void values.push(piece));
  return { ...answer, octets: Buffer.concat(values).toString() };
}

async function violationOf(octets: Buffer, options = {}): Promise<string> {
  try {
    await read(octets, options);
  } catch (thrown) {
    if (thrown instanceof LdapViolation) return thrown.message;
    throw thrown;
  }
  return 'accepted';
}

const answerWith = (attributes: readonly (readonly [string, readonly Buffer[]])[]): Buffer =>
  Buffer.concat([ldapEntry(1, 'CN=x', attributes), ldapDone(1)]);

describe('readLdapEntry (C22)', () => {
  it('hands on the value of the attribute, by any of its names, and nothing else', async () => {
    for (const name of ['certificateRevocationList', 'certificateRevocationList;binary', 'CERTIFICATEREVOCATIONLIST']) {
      const answer = await read(
        answerWith([
          ['cn', [Buffer.from('x'), Buffer.from('y')]],
          [name, [LIST]],
          ['cACertificate', [Buffer.from('no')]],
        ]),
      );
      assert.deepEqual(answer, {
        resultCode: 0,
        diagnostic: '',
        entry: true,
        values: 1,
        referred: false,
        octets: 'a list',
      });
    }
  });

  it('as many values as asked for', async () => {
    const values = ['1', '2', '3'].map((text) => Buffer.from(text));
    assert.equal((await read(answerWith([['certificateRevocationList', values]]))).octets, '1');
    assert.equal((await read(answerWith([['certificateRevocationList', values]]), { valuesMax: 2 })).octets, '12');
  });

  it('another attribute, no entry, an error, a referral: no value, and what was said', async () => {
    assert.equal((await read(answerWith([['certificateRevocationListX', [LIST]]]))).values, 0);
    assert.deepEqual([(await read(ldapDone(1))).entry, (await read(ldapDone(1, 32))).resultCode], [false, 32]);
    const reference = ldapMessage(1, 0x73, derOctetString(Buffer.from('ldap://attacker.example/')));
    assert.ok((await read(Buffer.concat([reference, ldapDone(1)]))).referred);
  });

  it('in pieces of any size', async () => {
    const octets = answerWith([
      ['cn', [Buffer.from('x')]],
      ['certificateRevocationList;binary', [Buffer.alloc(1_000, 0x41)]],
    ]);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: octets.length }), async (size) => {
        assert.equal((await read(octets, { size })).octets, 'A'.repeat(1_000));
      }),
      { numRuns: 50 },
    );
  });

  it('refuses what is no answer, at the first octet that shows it', async () => {
    const element = (hex: string): Buffer => Buffer.from(hex, 'hex');
    assert.match(await violationOf(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')), /expected tag 0x30, found 0x48/);
    assert.match(await violationOf(element('3080020101')), /indefinite/);
    assert.match(await violationOf(element('30850000000005020101')), /longer than four/);
    assert.match(await violationOf(element('3084ffffffff020101')), /more than 1000000 octets/);
    // the inner length exceeds the message: 13 octets that cost other clients all memory
    assert.match(await violationOf(element('300b020101640604847fffffff')), /inner length exceeds/);
    assert.match(await violationOf(ldapDone(2)), /no request of ours/);
    assert.match(await violationOf(ldapDone(0)), /no request of ours/);
    assert.match(await violationOf(ldapMessage(1, 0x61)), /unexpected operation 0x61/);
    assert.match(await violationOf(ldapEntry(1, 'CN=x', [])), /connection ended/);
    const twice = [ldapEntry(1, 'CN=x', []), ldapEntry(1, 'CN=y', []), ldapDone(1)];
    assert.match(await violationOf(Buffer.concat(twice)), /more than one entry/);
    const deep = Array.from({ length: 2_000 }).reduce<Buffer>((inner) => derSequence(inner), Buffer.alloc(0));
    assert.match(await violationOf(ldapMessage(1, 0x64, derOctetString(Buffer.alloc(0)), deep)), /expected tag/);
  });

  it('refuses more elements and more octets than anybody needs', async () => {
    const many = Array.from({ length: 100_000 }, () => Buffer.from('x'));
    assert.match(await violationOf(answerWith([['certificateRevocationList', many]])), /more than 1000 elements/);
    assert.match(await violationOf(answerWith([['cn', many]])), /more than 1000 elements/);
    const large = answerWith([['certificateRevocationList', [Buffer.alloc(2_000)]]]);
    assert.match(await violationOf(large, { octetsMax: 1_000 }), /more than 1000 octets/);
    const endless = Array.from({ length: 2_000 }, () => ldapMessage(1, 0x73, derOctetString(Buffer.alloc(600))));
    assert.match(await violationOf(Buffer.concat(endless)), /more than 20 references/);
    const long = Array.from({ length: 20 }, () => ldapMessage(1, 0x73, derOctetString(Buffer.alloc(60_000))));
    assert.match(await violationOf(Buffer.concat(long)), /more than 1000000 octets/);
  });

  it('garbage: a value or a violation, never anything else', async () => {
    const valid = answerWith([['certificateRevocationList', [Buffer.alloc(200, 0x30)]]]);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        async (changes) => {
          const octets = Buffer.from(valid);
          for (const [at, octet] of changes) octets[at] = octet;
          await violationOf(octets);
        },
      ),
      { numRuns: 500 },
    );
    await fc.assert(fc.asyncProperty(fc.uint8Array(), async (octets) => void (await violationOf(Buffer.from(octets)))));
  });
});
