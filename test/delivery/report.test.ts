import assert from 'node:assert/strict';
import { formatReport } from '../../src/delivery/report.ts';
import type { FailureReport, ReportMessage } from '../../src/queue/queue.ts';
import type { QueueRecord } from '../../src/queue/record.ts';
import { CLEAR_MARK, clearGroup, makeRecord } from './delivery-fixtures.ts';

const AT = new Date(Date.UTC(2026, 10, 10, 8, 30, 0));
const CONTEXT = { hostname: 'gate.example.org', ours: ['example.org'], unique: '0123456789abcdef01234567' };
const BOB = 'bob@partner.example';
const REPLY = { code: 550, enhanced: '5.1.1', text: 'no such user here', hop: 'mx.partner.example:25' };

function failing(
  changes: Partial<QueueRecord> = {},
  failures: FailureReport['failures'] = [{ address: BOB, reply: REPLY }],
) {
  const groups = [clearGroup([BOB, 'carol@partner.example']), clearGroup(['hidden@secret.example'])];
  return { queueId: 'q1', record: makeRecord(groups, changes), failures, at: AT };
}

function made(report: FailureReport): { message: ReportMessage; text: string; parts: string[] } {
  const message = formatReport(report, CONTEXT);
  assert.ok(message, 'no report was made');
  const group = message.record.groups[0];
  assert.ok(group);
  const boundary = /boundary="([^"]+)"/.exec(group.header)?.[1] ?? assert.fail('no boundary');
  const body = message.body.toString('latin1');
  const parts = body.split(`--${boundary}\r\n`).slice(1);
  assert.ok(body.endsWith(`\r\n--${boundary}--\r\n`));
  return { message, text: `${group.header}\r\n${body}`, parts };
}

describe('delivery/report (RFC 3464)', () => {
  it('is a multipart/report of three parts from the null sender to the reverse-path', () => {
    const { message, parts } = made(failing());
    const { record } = message;
    assert.equal(record.reversePath, null);
    assert.equal(record.direction, 'report');
    assert.equal(record.receivedAt, AT.getTime());
    const [group] = record.groups;
    assert.equal(group?.route, 'internal');
    assert.equal(group?.protection, 'may-be-clear');
    assert.deepEqual(
      group?.recipients.map((recipient) => recipient.address),
      ['anna@example.org'],
    );
    assert.match(group?.header ?? '', /^Auto-Submitted: auto-replied\r$/m);
    assert.match(group?.header ?? '', /^Content-Type: multipart\/report; report-type=delivery-status;\r$/m);
    assert.match(group?.header ?? '', /^Date: Tue, 10 Nov 2026 08:30:00 \+0000\r$/m);
    assert.deepEqual(
      parts.map((part) => /^Content-Type: ([^;\r]+)/.exec(part)?.[1]),
      ['text/plain', 'message/delivery-status', 'text/rfc822-headers'],
    );
  });

  it('tells a machine every field and a human every word', () => {
    const { parts } = made(failing());
    assert.equal(
      parts[1],
      [
        'Content-Type: message/delivery-status',
        '',
        'Reporting-MTA: dns; gate.example.org',
        'Arrival-Date: Thu, 05 Nov 2026 10:00:00 +0000',
        '',
        `Final-Recipient: rfc822; ${BOB}`,
        'Action: failed',
        'Status: 5.1.1',
        'Remote-MTA: dns; mx.partner.example',
        'Diagnostic-Code: smtp; 550 5.1.1 no such user here',
        'Last-Attempt-Date: Tue, 10 Nov 2026 08:30:00 +0000',
        '',
        '',
      ].join('\r\n'),
    );
    assert.match(
      parts[0] ?? '',
      /<bob@partner\.example>\r\n {4}The mail server mx\.partner\.example:25 answered: 550 5\.1\.1/,
    );
  });

  it('does not name a remote server for a finding of ours', () => {
    const reply = { code: 0, enhanced: '5.6.3', text: 'next hop does not accept 8-bit content', hop: null };
    const { parts } = made(failing({}, [{ address: BOB, reply }]));
    assert.doesNotMatch(parts[1] ?? '', /Remote-MTA|Diagnostic-Code/);
    assert.match(parts[0] ?? '', /This gateway found: 5\.6\.3/);
  });

  it('holds the kept header and never content, whatever RET asked for (O6)', () => {
    const { text, parts } = made(
      failing({
        ret: 'FULL',
        reportHeader: `Subject: ...\r\nBcc: x@y.example\r\n z@y.example\r\nTo: ${BOB}\r\n\r\n${CLEAR_MARK}\r\n`,
      }),
    );
    assert.equal(parts[2]?.split('\r\n\r\n')[1]?.startsWith(`Subject: ...\r\nTo: ${BOB}`), true);
    assert.ok(!text.includes(CLEAR_MARK));
    assert.doesNotMatch(text, /bcc|y\.example/i);
  });

  it('names no recipient but those who failed (C18)', () => {
    const { text } = made(failing());
    assert.doesNotMatch(text, /carol|hidden|secret/);
  });

  it('goes without a header copy, and by the internal route all the same, when the return path is not ours (S15)', () => {
    for (const reversePath of ['mallory@elsewhere.example', 'x@sub.example.org', 'x@notexample.org']) {
      const { message, parts } = made(failing({ reversePath, reportHeader: 'Subject: quoted\r\n' }));
      assert.equal(message.record.groups[0]?.route, 'internal');
      assert.equal(parts.length, 2);
      assert.ok(!message.body.includes('quoted'));
    }
  });

  it('is not made for the null sender, about a report, or where NOTIFY forbids it (S15)', () => {
    assert.equal(formatReport(failing({ reversePath: null }), CONTEXT), null);
    assert.equal(formatReport(failing({ direction: 'report' }), CONTEXT), null);
    assert.equal(formatReport(failing({ reversePath: 'no address' }), CONTEXT), null);
    assert.equal(formatReport(failing({}, []), CONTEXT), null);
    for (const [notify, due] of [
      ['NEVER', false],
      ['SUCCESS,DELAY', false],
      ['SUCCESS,FAILURE', true],
    ] as const) {
      const group = clearGroup([BOB]);
      const recipients = group.recipients.map((recipient) => ({ ...recipient, notify }));
      assert.equal(formatReport(failing({ groups: [{ ...group, recipients }] }), CONTEXT) !== null, due, notify);
    }
  });

  it('is itself never reported about', () => {
    const { message } = made(failing());
    const record: QueueRecord = { format: 1, ...message.record };
    assert.equal(formatReport({ ...failing(), record }, CONTEXT), null);
  });

  it('stays 7-bit with CRLF and short lines whatever peers said', () => {
    const reply = { ...REPLY, text: `\u202e${'é'.repeat(300)} ${'long '.repeat(60)}`, hop: '[2001:db8::1]:25' };
    const { text } = made(
      failing({ reportHeader: `Subject: \xe9\nX-Odd\rTo: a\r\n b\r\n--=_0123456789abcdef01234567\r\n` }, [
        { address: 'jürgen@partner.example', reply },
      ]),
    );
    assert.doesNotMatch(text, /[^\r\n\t\x20-\x7e]|[^\r]\n|\r[^\n]/);
    assert.ok(text.split('\r\n').every((line) => line.length <= 998));
    assert.match(text, /Final-Recipient: utf-8; j\\x\{FC\}rgen@partner\.example\r\n/);
    assert.match(text, /Remote-MTA: dns; \[2001:db8::1\]\r\n/);
    assert.equal(text.split('--=_0123456789abcdef01234567').length, 5, 'a boundary in the quoted header');
  });

  it('repeats ORCPT and ENVID (RFC 3461), but not what is none', () => {
    const group = clearGroup([BOB]);
    const recipients = group.recipients.map((recipient) => ({ ...recipient, orcpt: 'rfc822;b+2Bb@old.example' }));
    const { parts } = made(failing({ envid: 'E1', groups: [{ ...group, recipients }] }));
    assert.match(parts[1] ?? '', /^Original-Envelope-Id: E1\r$/m);
    assert.match(parts[1] ?? '', /^Original-Recipient: rfc822;b\+2Bb@old\.example\r$/m);
    const odd = group.recipients.map((recipient) => ({ ...recipient, orcpt: 'rfc822;a\r\nX: y' }));
    assert.doesNotMatch(made(failing({ groups: [{ ...group, recipients: odd }] })).text, /Original-Recipient|X: y/);
  });
});
