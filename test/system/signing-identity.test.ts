/** C25: every way of obtaining somebody else's signature that we know of, against the running gateway. */
import assert from 'node:assert/strict';
import { GatewayHouse, submit } from '../support/gateway-house.ts';
import { unstuffed } from '../support/smtp-sink.ts';

interface Attempt {
  readonly name: string;
  /** MAIL FROM; anna when left out. */
  readonly from?: string;
  readonly fields: readonly string[];
}

const PROOF = 'X-Internal-Proof: yes-it-is';
const ANNA = 'From: Anna <anna@example.org>';

/** Each lacks exactly one of the conditions of promise 8; the last ones lack the proof of origin. */
const ATTEMPTS: readonly Attempt[] = [
  { name: 'an outsider redirected by the internal server', from: 'mallory@evil.example', fields: [PROOF, ANNA] },
  { name: 'another of our senders', from: 'ben@example.org', fields: [PROOF, ANNA] },
  { name: 'the null sender', from: '', fields: [PROOF, ANNA] },
  { name: 'a rewritten sender (SRS)', from: 'SRS0=x=tt=evil.example=anna@example.org', fields: [PROOF, ANNA] },
  { name: 'a sub-addressed sender', from: 'anna+x@example.org', fields: [PROOF, ANNA] },
  {
    name: 'two mailboxes in From',
    fields: [PROOF, 'From: anna@example.org, mallory@evil.example', 'Sender: anna@example.org'],
  },
  { name: 'From of another domain', fields: [PROOF, 'From: mallory@evil.example'] },
  { name: 'From hidden in a display name', fields: [PROOF, 'From: "anna@example.org" <mallory@evil.example>'] },
  { name: 'From hidden in a comment', fields: [PROOF, 'From: mallory@evil.example (anna@example.org)'] },
  { name: 'From in a group', fields: [PROOF, 'From: friends: anna@example.org, ben@example.org;'] },
  { name: 'no From at all', fields: [PROOF, 'Sender: anna@example.org'] },
  { name: 'a From that cannot be read', fields: [PROOF, 'From: <anna@example.org> <mallory@evil.example>'] },
  { name: 'a Sender that differs', fields: [PROOF, ANNA, 'Sender: mallory@evil.example'] },
  { name: 'two Senders', fields: [PROOF, ANNA, 'Sender: anna@example.org', 'Sender: mallory@evil.example'] },
  { name: 'a resent message', fields: [PROOF, 'Resent-From: mallory@evil.example', ANNA] },
  { name: 'a resent message with our own name', fields: [PROOF, 'Resent-Sender: anna@example.org', ANNA] },
  { name: 'a mailing list', fields: [PROOF, ANNA, 'List-Id: <all.example.org>'] },
  { name: 'a forwarder (ARC)', fields: [PROOF, ANNA, 'ARC-Seal: i=1; a=rsa-sha256; d=evil.example'] },
  { name: 'no proof of internal origin', fields: [ANNA] },
  { name: 'a guessed proof', fields: ['X-Internal-Proof: yes', ANNA] },
  { name: 'a proof in another case', fields: ['X-Internal-Proof: YES-IT-IS', ANNA] },
  { name: 'a forged proof beside the true one', fields: [PROOF, 'X-Internal-Proof: yes-it-is', ANNA] },
  { name: 'a proof in a folded neighbour', fields: ['X-Other: a', ' X-Internal-Proof: yes-it-is', ANNA] },
  { name: 'a proof in the body', fields: [ANNA, 'X-End: 1', '', PROOF] },
  {
    name: 'an address that only looks like ours',
    from: 'anna@exаmple.org',
    fields: [PROOF, 'From: anna@xn--exmple-4nf.org'],
  },
];

describe('system: C25 Signature laundering', function () {
  this.timeout(60_000);
  let house: GatewayHouse;
  before(async () => {
    house = await GatewayHouse.open({
      clients: ['- { network: 127.0.0.0/8, vouches: { header: X-Internal-Proof, value: yes-it-is } }'],
      defaults: 'defaults: { sign: if-possible, encrypt: never }',
      rules: ['strict.example: { sign: required, encrypt: never }'],
    });
  });
  after(() => house.close());

  const text = (fields: readonly string[]): string => `${fields.join('\r\n')}\r\n\r\nbody\r\n`;
  const arrived = async (count: number): Promise<Buffer> => {
    await house.sink?.waitFor(count);
    return unstuffed(house.sink?.messages[count - 1]?.wire ?? Buffer.alloc(0));
  };

  it('signs for the true author, and strips the proof', async () => {
    await submit(
      house.port,
      'anna@example.org',
      ['rita@partner.example'],
      text([PROOF, ANNA, 'Sender: anna@example.org']),
    );
    const got = await arrived(1);
    assert.match(got.toString('latin1'), /multipart\/signed/);
    assert.doesNotMatch(got.toString('latin1'), /X-Internal-Proof/i);
    house.verify(got);
  });

  for (const { name, from = 'anna@example.org', fields } of ATTEMPTS) {
    it(`does not sign: ${name}`, async () => {
      const before = house.sink?.messages.length ?? 0;
      const answer = await submit(house.port, from, ['rita@partner.example'], text(fields));
      if (answer.data?.startsWith('250') !== true) {
        assert.match(answer.data ?? answer.rcpt[0] ?? answer.mail, /^5\d\d /);
        return;
      }
      const got = (await arrived(before + 1)).toString('latin1');
      assert.doesNotMatch(got, /multipart\/signed|pkcs7/i);
      if (fields.indexOf('') < 0) assert.doesNotMatch(got, /^X-Internal-Proof/im);
    });

    it(`refuses where a signature is required: ${name}`, async () => {
      const before = house.sink?.messages.length ?? 0;
      const answer = await submit(house.port, from, ['sue@strict.example'], text(fields));
      assert.match(answer.data ?? answer.rcpt[0] ?? answer.mail, /^5\d\d /);
      assert.equal(house.sink?.messages.length, before);
    });
  }

  it('M3 refuses two From fields at all', async () => {
    const answer = await submit(
      house.port,
      'anna@example.org',
      ['rita@partner.example'],
      text([PROOF, ANNA, 'From: mallory@evil.example']),
    );
    assert.match(answer.data ?? '', /^550 5\.6\.0 /);
  });
});
