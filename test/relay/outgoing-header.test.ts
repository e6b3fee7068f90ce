import assert from 'node:assert/strict';
import { parseAddress } from '../../src/address.ts';
import type { Envelope } from '../../src/envelope.ts';
import { parseHeaderBlock } from '../../src/mime/header-block.ts';
import {
  isLooping,
  outgoingHeader,
  receivedField,
  reportHeader,
  withoutInternalFields,
} from '../../src/relay/outgoing-header.ts';

const header = (...lines: string[]) => parseHeaderBlock(Buffer.from(`${lines.join('\r\n')}\r\n`, 'latin1'));

const ENVELOPE: Envelope = {
  traceId: 'TRACE1',
  from: parseAddress('anna@example.org'),
  recipients: [],
  body: '7BIT',
  declaredBytes: null,
  submitter: {
    ip: '10.1.2.3',
    helo: 'mail (evil)\r\nX: y',
    listener: '0.0.0.0:25',
    tls: true,
    login: 'anna',
    loginAddresses: [],
    vouches: { kind: 'always' },
  },
};

describe('outgoing header', () => {
  const received = receivedField(ENVELOPE, 'gw.example.org', new Date('2026-11-24T09:05:07Z'));

  it('writes a trace field that no HELO can break', () => {
    assert.equal(
      received.toString(),
      'Received: from mail??evil???X:?y ([10.1.2.3])\r\n\tby gw.example.org (Sealgate) with ESMTPSA id TRACE1;\r\n' +
        '\tTue, 24 Nov 2026 09:05:07 +0000\r\n',
    );
  });

  it('C18 takes out Bcc, Return-Path and every proof of internal origin, and nothing else', () => {
    const before = header(
      'Return-Path: <x@example.org>',
      'BCC: secret@partner.example',
      'Resent-Bcc: s2@partner.example',
      'X-MS-Exchange-Organization-AuthAs: Internal',
      'Subject: =?utf-8?q?a?=',
      ' folded',
      'X-Other:  kept ',
    );
    const after = withoutInternalFields(before, new Set(['x-ms-exchange-organization-authas']));
    assert.equal(after.raw.toString(), 'Subject: =?utf-8?q?a?=\r\n folded\r\nX-Other:  kept \r\n');
  });

  it('replaces the content fields of a sealed copy and drops DKIM signatures of ours only', () => {
    const before = header(
      'DKIM-Signature: v=1; d=mail.example.org; s=x; b=abc',
      'DKIM-Signature: v=1; d=other.example; s=x; b=abc',
      'MIME-Version: 1.0',
      'Subject: hello',
      'Content-Type: text/plain',
      'Content-Transfer-Encoding: 8bit',
    );
    const sealed = outgoingHeader(
      before,
      { kind: 'signed' },
      Buffer.from('MIME-Version: 1.0\r\nContent-Type: multipart/signed\r\n'),
      Buffer.from('Received: us\r\n'),
      ['example.org'],
    );
    assert.equal(
      sealed.toString(),
      'Received: us\r\nDKIM-Signature: v=1; d=other.example; s=x; b=abc\r\nSubject: hello\r\n' +
        'MIME-Version: 1.0\r\nContent-Type: multipart/signed\r\n',
    );
    const plain = outgoingHeader(
      before,
      { kind: 'as-it-came' },
      Buffer.from('X: y\r\n'),
      Buffer.from('Received: us\r\n'),
      ['example.org'],
    );
    assert.equal(plain.toString(), `Received: us\r\n${before.raw.toString()}`);
  });

  it('S14 knows a loop by its length and by our own mark', () => {
    const many = (count: number, value: string) => header(...Array.from({ length: count }, () => `Received: ${value}`));
    const own = 'from a ([::1])\r\n\tby gw.example.org (Sealgate) with ESMTP id X; date';
    assert.equal(isLooping(many(49, 'from a by b'), 'gw.example.org'), false);
    assert.equal(isLooping(many(50, 'from a by b'), 'gw.example.org'), true);
    assert.equal(isLooping(many(1, own), 'gw.example.org'), false);
    assert.equal(isLooping(many(2, own), 'gw.example.org'), true);
    assert.equal(isLooping(many(2, own), 'other.example.org'), false);
  });

  it('O6 masks the subject of an encrypted message in what a report may repeat', () => {
    const before = header(
      'From: a@example.org',
      'To: b@partner.example',
      'Cc: c@partner.example',
      'Subject: secret',
      'X-Y: z',
    );
    assert.equal(reportHeader(before, false).toString(), 'From: a@example.org\r\nSubject: secret\r\n');
    assert.equal(reportHeader(before, true).toString(), 'From: a@example.org\r\nSubject: [...]\r\n');
  });
});
