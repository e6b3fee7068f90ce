import assert from 'node:assert/strict';
import fc from 'fast-check';
import { LdapViolation } from '../../src/ldap/ldap-ber.ts';
import { LdapMessages, OPERATION, RESULT } from '../../src/ldap/ldap-messages.ts';
import { ldapDone, ldapEntry, ldapMessage } from '../support/hostile-ldap.ts';

const UNBIND = 0x42;

function expecting(...ids: number[]): LdapMessages {
  const messages = new LdapMessages();
  for (const id of ids) messages.expect(ldapMessage(id, UNBIND));
  return messages;
}

function refusal(octets: Buffer, ...ids: number[]): string {
  const messages = expecting(...(ids.length > 0 ? ids : [2]));
  try {
    messages.push(octets);
  } catch (error) {
    assert.ok(error instanceof LdapViolation, String(error));
    return error.message;
  }
  return assert.fail('accepted');
}

describe('directory: LDAP messages', () => {
  const entry = ldapEntry(2, 'cn=Bob', [['userCertificate;binary', [Buffer.alloc(300, 7), Buffer.from('x')]]]);

  it('cuts a stream into messages wherever the segments end', () => {
    const stream = Buffer.concat([entry, ldapEntry(2, 'cn=Eve', []), ldapDone(2)]);
    const whole = expecting(2).push(stream);
    assert.deepEqual(
      whole.map(({ id, operation, resultCode }) => [id, operation, resultCode]),
      [
        [2, OPERATION.searchEntry, null],
        [2, OPERATION.searchEntry, null],
        [2, OPERATION.searchDone, 0],
      ],
    );
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: stream.length }), { maxLength: 30 }), (cuts) => {
        const messages = expecting(2);
        const at = [...new Set([0, ...cuts, stream.length])].sort((a, b) => a - b);
        const read = at.slice(1).flatMap((end, i) => messages.push(stream.subarray(at[i], end)));
        assert.deepEqual(read, whole);
        assert.equal(messages.unread, 0);
      }),
    );
  });

  it('throws nothing but LdapViolation on noise and on damaged messages', () => {
    const survives = (octets: Buffer): void => {
      try {
        expecting(2).push(octets);
      } catch (error) {
        assert.ok(error instanceof LdapViolation, String(error));
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => survives(Buffer.from(noise))));
    fc.assert(
      fc.property(fc.nat(entry.length - 1), fc.nat(255), (at, octet) => {
        const damaged = Buffer.from(entry);
        damaged[at] = octet;
        survives(damaged);
      }),
      { numRuns: 1000 },
    );
  });

  it('refuses an inner length that exceeds the message: the library would loop on it until memory ends', () => {
    assert.match(refusal(Buffer.from('300b02010264060400308203e8', 'hex')), /inner length/);
    assert.match(refusal(Buffer.from('300f020102640a0400300630040401783105', 'hex').subarray(0, 17)), /inner length/);
  });

  it('refuses what is not LDAP at its first octet', () => {
    assert.match(refusal(Buffer.from('H')), /not LDAP/);
    assert.match(refusal(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')), /HTTP\/1\.1/);
    assert.match(refusal(Buffer.concat([ldapEntry(2, 'cn=x', []), Buffer.from('garbage')])), /not LDAP/);
  });

  it('refuses lengths without end, of more than four octets, and of two gigabytes', () => {
    assert.match(refusal(Buffer.from('3080', 'hex')), /indefinite/);
    assert.match(refusal(Buffer.from('308500000000', 'hex')), /four octets/);
    assert.match(refusal(Buffer.from('30847fffffff', 'hex')), /2147483653 octets/);
  });

  it('refuses answers to no request, and the notice of disconnection', () => {
    assert.match(refusal(ldapDone(3)), /no request/);
    assert.match(refusal(ldapDone(0, 52, OPERATION.extendedResponse)), /notice of disconnection/);
    assert.match(refusal(Buffer.concat([ldapDone(2), ldapDone(2)])), /no request/);
  });

  it('refuses operations that answer nothing of ours', () => {
    assert.match(refusal(ldapMessage(2, 0x63)), /unexpected operation 0x63/);
    assert.match(refusal(ldapMessage(2, 0x79)), /unexpected operation 0x79/);
  });

  it('leaves out controls and continuation references', () => {
    const controls = Buffer.from('a003300104', 'hex');
    const done = ldapDone(2);
    const withControls = Buffer.concat([Buffer.from([0x30, done.length - 2 + 5]), done.subarray(2), controls]);
    assert.deepEqual(expecting(2).push(withControls)[0], expecting(2).push(done)[0]);
    const uri = Buffer.concat([Buffer.from([0x04, 8]), Buffer.from('ldap://x')]);
    assert.deepEqual(expecting(2).push(ldapMessage(2, OPERATION.searchReference, uri)), []);
  });

  it('turns "size limit exceeded" into a result that nobody takes for success', () => {
    assert.equal(expecting(2).push(ldapDone(2, 4))[0]?.resultCode, RESULT.answerIncomplete);
  });

  it('ends an answer of more than 16 MB once, and passes over the rest of it', () => {
    const messages = expecting(2, 3);
    const large = ldapEntry(2, 'cn=Bob', [['userCertificate', [Buffer.alloc(9 * 1024 * 1024)]]]);
    assert.equal(messages.push(large)[0]?.resultCode, null);
    assert.deepEqual(
      messages.push(large).map((m) => m.resultCode),
      [RESULT.answerTooLarge],
    );
    assert.deepEqual(messages.push(large), []);
    assert.deepEqual(messages.push(ldapDone(2)), []);
    assert.deepEqual(
      messages.push(ldapDone(3)).map((m) => [m.id, m.resultCode]),
      [[3, 0]],
    );
  });

  it('does not store a single message of more than 16 MB, and stays in step behind it', () => {
    const messages = expecting(2, 3);
    const huge = ldapEntry(2, 'cn=Bob', [['userCertificate', [Buffer.alloc(20 * 1024 * 1024)]]]);
    const read = [];
    for (let at = 0; at < huge.length; at += 65_536) read.push(...messages.push(huge.subarray(at, at + 65_536)));
    assert.deepEqual(
      read.map((m) => m.resultCode),
      [RESULT.answerTooLarge],
    );
    assert.equal(messages.unread, 0);
    assert.equal(messages.push(ldapDone(3))[0]?.id, 3);
  });

  it('limits the number of values, whatever their size', () => {
    const empty = Array.from({ length: 25_000 }, () => Buffer.alloc(0));
    assert.equal(expecting(2).push(ldapEntry(2, 'cn=Bob', [['x', empty]]))[0]?.resultCode, RESULT.answerTooLarge);
  });

  it('gives up a connection whose answers together exceed 64 MB', () => {
    const messages = expecting(2);
    const large = ldapEntry(2, 'cn=Bob', [['x', [Buffer.alloc(15 * 1024 * 1024)]]]);
    assert.throws(() => {
      for (let i = 0; i < 5; i += 1) messages.push(large);
    }, LdapViolation);
  });
});
