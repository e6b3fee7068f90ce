/** O6, S15, C18: reports of failed deliveries: to whom, by which route, and what they do not say. */
import assert from 'node:assert/strict';
import { FaultHouse, logged } from '../support/fault-scene.ts';
import { submit } from '../support/gateway-house.ts';
import { type SmtpSink, startSmtpSink, unstuffed } from '../support/smtp-sink.ts';
import { CANARY, findInClear } from '../support/wire-tap.ts';

const SUBJECT = 'The price we agreed on';

function text(from: string): string {
  return [
    `From: ${from}`,
    'To: rita@must.example',
    'Bcc: hidden@must.example',
    `Subject: ${SUBJECT}`,
    'Message-ID: <one@example.org>',
    'X-Internal: not for others',
    '',
    CANARY,
    '',
  ].join('\r\n');
}

describe('system: O6 reports', function () {
  this.timeout(60_000);
  let hall: FaultHouse;
  let internal: SmtpSink;

  /** The outside hop refuses rita and open.example for good; the internal route leads to a server of its own. */
  beforeEach(async () => {
    internal = await startSmtpSink();
    const script = (stage: string, argument: string): string | null =>
      stage === 'rcpt' && !argument.startsWith('erik@') ? '550 5.1.1 no such user' : null;
    hall = await FaultHouse.open({ stopped: true }, { script });
    hall.edit((yaml) => yaml.replace(/internal: \{ host: "[^"]*"/, `internal: { host: "127.0.0.1:${internal.port}"`));
    await hall.house.start();
  });
  afterEach(async () => {
    await hall.close();
    await internal.close();
  });

  const send = async (from: string, to: readonly string[]): Promise<void> => {
    const answer = await submit(hall.house.port, from, to, text(from || 'anna@example.org'));
    assert.match(answer.data ?? answer.rcpt.join(), /^250 /);
    await hall.house.drained();
  };
  const report = (sink: SmtpSink): string => {
    assert.equal(sink.messages.length, 1);
    return unstuffed(sink.messages[0]?.wire ?? Buffer.alloc(0)).toString('latin1');
  };

  it('tells our sender by the internal route, with headers only and the subject masked', async () => {
    await send('anna@example.org', ['rita@must.example']);
    const told = report(internal);
    assert.deepEqual([internal.messages[0]?.from, internal.messages[0]?.to], ['', ['anna@example.org']]);
    assert.equal(hall.sink.messages.length, 0, 'nothing by the route outside');
    assert.match(told, /^Content-Type: multipart\/report; report-type=delivery-status;/m);
    assert.match(told, /^Auto-Submitted: auto-replied\r\n/m);
    assert.match(told, /^Final-Recipient: rfc822; rita@must\.example\r\n[\s\S]*^Status: 5\.1\.1\r\n/m);
    assert.match(told, /^Diagnostic-Code: smtp; 550 5\.1\.1 no such user\r\n/m);
    assert.match(told, /^Content-Type: text\/rfc822-headers\r\n/m);
    assert.match(told, /^Message-ID: <one@example\.org>\r\n/m);
    assert.match(told, /^Subject: \[\.\.\.\]\r\n/m);
    assert.doesNotMatch(told, /price|hidden|X-Internal/);
    assert.deepEqual(findInClear(Buffer.from(told, 'latin1'), CANARY), []);
    assert.deepEqual(findInClear(Buffer.concat(hall.tap.streams), CANARY), []);
  });

  it('shows the subject of a message that was in clear anyway, and still no content', async () => {
    await send('anna@example.org', ['otto@open.example']);
    const told = report(internal);
    assert.match(told, new RegExp(`^Subject: ${SUBJECT}\r\n`, 'm'));
    assert.deepEqual(findInClear(Buffer.from(told, 'latin1'), CANARY), []);
  });

  it('masks the subject for all when one copy was encrypted', async () => {
    await send('anna@example.org', ['otto@open.example', 'erik@friend.example']);
    assert.match(report(internal), /^Subject: \[\.\.\.\]\r\n/m);
    assert.doesNotMatch(report(internal), /erik@/, 'nobody but who failed');
    assert.equal(hall.sink.messages.length, 1);
  });

  it('one report for two failures, and none for who got it', async () => {
    await send('anna@example.org', ['rita@must.example', 'rita@may.example', 'erik@friend.example']);
    const told = report(internal);
    assert.equal(told.match(/^Final-Recipient: /gm)?.length, 2);
    assert.doesNotMatch(told, /erik@/);
  });

  it('tells nobody of a failed report or notification: the null sender gets nothing', async () => {
    await send('', ['rita@must.example']);
    await logged(hall.house, 'queue.report-not-due');
    assert.equal(internal.messages.length + hall.sink.messages.length, 0);
  });

  it('a report that cannot be delivered ends there', async () => {
    await hall.close();
    const script = (stage: string): string | null => (stage === 'rcpt' ? '550 5.1.1 nobody at all' : null);
    hall = await FaultHouse.open({}, { script });
    await send('anna@example.org', ['rita@must.example']);
    const told = hall.sink.commands.filter((line) => line === 'MAIL FROM:<>');
    assert.equal(told.length, 1, 'the report was tried once, and nothing was said about it');
    assert.equal(hall.sink.messages.length, 0);
    await logged(hall.house, 'queue.report-not-due');
  });

  it('a stranger as sender is told through the internal server, without the header', async () => {
    const answer = await submit(
      hall.house.port,
      'erik@friend.example',
      ['rita@must.example'],
      text('erik@friend.example'),
    );
    assert.match(answer.data ?? '', /^250 /);
    await hall.house.drained();
    assert.equal(hall.sink.messages.length, 0);
    const told = report(internal);
    assert.doesNotMatch(told, /rfc822-headers|Subject: \[|price/);
  });
});
