/** The whole gateway as a process: what its users rely on, seen from both ends and opened by openssl. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { GatewayHouse, sleep, submit } from '../support/gateway-house.ts';
import { unstuffed } from '../support/smtp-sink.ts';

const BODY = 'Good morning,\r\n\r\nthe price is K4N4RY-480.\r\n.dot at the start\r\nGoodbye.\r\n';

function message(fields: readonly string[], body = BODY): string {
  return `${['Date: Tue, 24 Nov 2026 09:00:00 +0000', 'MIME-Version: 1.0', ...fields].join('\r\n')}\r\n\r\n${body}`;
}

function headerOf(message: Buffer): string {
  const text = message.toString('latin1');
  return text.slice(0, text.indexOf('\r\n\r\n') + 2);
}

describe('system: end to end', function () {
  this.timeout(60_000);
  let house: GatewayHouse;
  before(async () => {
    house = await GatewayHouse.open({
      rules: ['bank.example: { encrypt: required }', 'plain@partner.example: { sign: never, encrypt: never }'],
    });
  });
  after(() => house.close());

  const sinkMessages = () => house.sink?.messages ?? [];
  const next = async (count: number) => {
    await house.sink?.waitFor(count);
    return sinkMessages()
      .slice(count - 1)
      .map((entry) => ({ ...entry, message: unstuffed(entry.wire) }))[0];
  };

  it('signs and encrypts for an RSA recipient, and openssl opens it', async () => {
    const before = sinkMessages().length;
    const answer = await submit(
      house.port,
      'anna@example.org',
      ['rita@partner.example'],
      message(['From: <anna@example.org>', 'To: <rita@partner.example>', 'Subject: Offer', 'Content-Type: text/plain']),
    );
    assert.match(answer.data ?? '', /^250 2\.0\.0 /);
    const got = await next(before + 1);
    assert.ok(got);
    assert.deepEqual([got.from, got.to], ['anna@example.org', ['rita@partner.example']]);
    assert.match(headerOf(got.message), /^Received: from /);
    assert.match(
      headerOf(got.message),
      /Content-Type: application\/pkcs7-mime; smime-type=enveloped-data;\s+name="?smime\.p7m"?/,
    );
    assert.match(headerOf(got.message), /Subject: Offer/);
    assert.doesNotMatch(got.message.toString('latin1'), /K4N4RY/);
    const entity = house.open('rita@partner.example', got.message).toString('latin1');
    assert.equal(entity, `Content-Type: text/plain\r\n\r\n${BODY}`);
  });

  it('does the same for an elliptic-curve recipient with an elliptic-curve signer', async () => {
    const before = sinkMessages().length;
    await submit(
      house.port,
      'ben@example.org',
      ['erik@partner.example'],
      message(
        [
          'From: Ben <ben@example.org>',
          'To: erik@partner.example',
          'Content-Type: text/plain; charset=utf-8',
          'Content-Transfer-Encoding: 8bit',
        ],
        'Gr\xc3\xbc\xc3\x9fe\r\n',
      ),
    );
    const got = await next(before + 1);
    assert.ok(got);
    const entity = house.open('erik@partner.example', got.message).toString('latin1');
    assert.match(entity, /^Content-Type: text\/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n/);
    const [, body = ''] = entity.split('\r\n\r\n');
    assert.equal(Buffer.from(body, 'base64').toString(), 'Gr\u00fc\u00dfe\r\n');
  });

  it('signs only where there is no certificate and the rule lets it', async () => {
    const before = sinkMessages().length;
    await submit(
      house.port,
      'anna@example.org',
      ['nora@partner.example'],
      message(['From: anna@example.org', 'To: nora@partner.example']),
    );
    const got = await next(before + 1);
    assert.ok(got);
    assert.match(
      headerOf(got.message),
      /Content-Type: multipart\/signed; protocol="application\/pkcs7-signature";\s+micalg=sha-256/,
    );
    assert.ok(house.verify(got.message).toString('latin1').endsWith(BODY));
  });

  it('makes what relays may alter safe before it signs', async () => {
    const before = sinkMessages().length;
    const body = 'trailing blanks  \r\nFrom here on\r\n';
    await submit(house.port, 'anna@example.org', ['nora@partner.example'], message(['From: anna@example.org'], body));
    const got = await next(before + 1);
    assert.ok(got);
    const entity = house.verify(got.message).toString('latin1');
    assert.match(entity, /Content-Transfer-Encoding: quoted-printable\r\n/);
    assert.ok(entity.endsWith('\r\n\r\ntrailing blanks =20\r\n=46rom here on\r\n'), entity);
  });

  it('leaves a message as it came where the rule says never', async () => {
    const before = sinkMessages().length;
    const text = message([
      'From: anna@example.org',
      'To: plain@partner.example',
      'X-Odd:\tkept  ',
      'Content-Type: text/plain',
    ]);
    await submit(house.port, 'anna@example.org', ['plain@partner.example'], text);
    const got = await next(before + 1);
    assert.ok(got);
    assert.ok(got.message.toString('latin1').endsWith(text), 'octets of header and body are untouched');
  });

  it('refuses at RCPT what is required and cannot be had, and stores nothing', async () => {
    const before = sinkMessages().length;
    const answer = await submit(
      house.port,
      'anna@example.org',
      ['bea@bank.example'],
      message(['From: anna@example.org']),
    );
    assert.match(answer.rcpt[0] ?? '', /^550 5\.7\.1 .*no certificate/);
    assert.equal(answer.data, null);
    await sleep(200);
    assert.equal(sinkMessages().length, before);
  });

  it('C18 sends hidden recipients their own copy and never the Bcc field', async () => {
    const before = sinkMessages().length;
    house.addPartner('hidden@partner.example');
    await sleep(1500);
    const answer = await submit(
      house.port,
      'anna@example.org',
      ['rita@partner.example', 'hidden@partner.example', 'erik@partner.example'],
      message([
        'From: anna@example.org',
        'To: rita@partner.example',
        'Cc: erik@partner.example',
        'Bcc: hidden@partner.example',
      ]),
    );
    assert.match(answer.data ?? '', /^250/);
    await house.sink?.waitFor(before + 2);
    const copies = sinkMessages()
      .slice(before)
      .map(({ to, wire }) => ({ to, message: unstuffed(wire) }));
    assert.deepEqual(copies.map(({ to }) => to).sort(), [
      ['hidden@partner.example'],
      ['rita@partner.example', 'erik@partner.example'],
    ]);
    const serials = (address: string) => house.partners.get(address)?.certificate.serial.toString('hex') ?? '?';
    for (const { to, message: copy } of copies) {
      assert.doesNotMatch(headerOf(copy), /bcc|hidden/i);
      const text = copy.toString('latin1');
      const cms = Buffer.from(text.slice(text.indexOf('\r\n\r\n') + 4), 'base64').toString('hex');
      for (const address of ['rita@partner.example', 'erik@partner.example', 'hidden@partner.example']) {
        assert.equal(cms.includes(serials(address)), to.includes(address), `${address} in the copy for ${to}`);
      }
      for (const address of to) house.open(address, copy);
    }
  });

  it('encrypts a message that came signed as it stands, and does not sign it again', async () => {
    const before = sinkMessages().length;
    await submit(
      house.port,
      'anna@example.org',
      ['nora@partner.example'],
      message(['From: anna@example.org', 'To: nora@partner.example']),
    );
    const signed = (await next(before + 1))?.message;
    assert.ok(signed);
    const inner = signed.toString('latin1').replace(/^Received:[\s\S]*?\r\n(?=\S)/, '');
    await submit(house.port, 'anna@example.org', ['rita@partner.example'], inner);
    const got = await next(before + 2);
    assert.ok(got);
    const once = house.decrypt('rita@partner.example', got.message);
    assert.equal((once.toString('latin1').match(/pkcs7-signature;\s+name/g) ?? []).length, 1);
    assert.ok(house.verify(once).toString('latin1').endsWith(BODY));
  });

  it('C24 refuses content that came encrypted under required, and leaves it untouched else', async () => {
    const before = sinkMessages().length;
    house.addPartner('ceo@bank.example');
    await sleep(1500);
    const fields = [
      'From: anna@example.org',
      'Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m',
      'Content-Transfer-Encoding: base64',
    ];
    const text = message(fields, 'AAAA\r\n');
    const refused = await submit(house.port, 'anna@example.org', ['ceo@bank.example'], text);
    assert.match(refused.data ?? '', /^550 5\.7\.1 /);
    await submit(house.port, 'anna@example.org', ['rita@partner.example'], text);
    const got = await next(before + 1);
    assert.ok(got?.message.toString('latin1').endsWith(text));
  });

  it('S14 refuses its own output when it comes back again and again', async () => {
    const own =
      'Received: from x ([127.0.0.1])\r\n\tby gw.example.org (Sealgate) with ESMTP id X; Tue, 24 Nov 2026 09:00:00 +0000';
    const answer = await submit(
      house.port,
      'anna@example.org',
      ['rita@partner.example'],
      message([own, own, 'From: anna@example.org']),
    );
    assert.match(answer.data ?? '', /^554 5\.4\.6 /);
  });

  it('keeps spool and keys to itself', async () => {
    const files = [house.spool, path.join(house.folder, 'keys'), path.join(house.folder, 'keys', 'spool.key')];
    for (const file of files) assert.equal(statSync(file).mode & 0o077, 0, file);
    await house.drained();
  });

  it('O1 logs who, what and why, and no content', async () => {
    const events = new Set(house.log.map(({ event }) => event));
    for (const event of ['gateway.started', 'recipient.decided', 'message.queued']) assert.ok(events.has(event), event);
    assert.doesNotMatch(house.output, /K4N4RY|Offer|Good morning/);
    for (const name of readdirSync(house.spool, { recursive: true, withFileTypes: true })) {
      if (!name.isFile()) continue;
      assert.doesNotMatch(readFileSync(path.join(name.parentPath, name.name), 'latin1'), /K4N4RY|Offer|anna@/);
    }
  });
});
