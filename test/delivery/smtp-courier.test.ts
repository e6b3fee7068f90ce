import assert from 'node:assert/strict';
import { unstuffed } from '../support/smtp-sink.ts';
import { CLEAR_HEADER, clearGroup, inShort, makeDelivery, NEVER, withSink } from './delivery-fixtures.ts';

const BODY = Buffer.from('hello\r\n.\r\n..two\r\n.three\r\nend\r\n');

describe('delivery/smtp-courier', () => {
  it('delivers a clear copy octet for octet (S3)', async () => {
    await withSink({}, {}, async (courier, sink) => {
      const outcomes = await courier.deliver(makeDelivery(clearGroup(['bob@partner.example']), BODY), NEVER);
      assert.deepEqual(inShort(outcomes), ['delivered 250 2.0.0']);
      assert.equal(outcomes[0]?.reply.hop, `127.0.0.1:${sink.port}`);
      assert.deepEqual(sink.messages.length, 1);
      const [message] = sink.messages;
      assert.equal(unstuffed(message?.wire ?? Buffer.of()).toString(), `${CLEAR_HEADER}\r\n${BODY}`);
    });
  });
});
