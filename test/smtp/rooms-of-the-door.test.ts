/** Small parts of the door by themselves: passwords, waits, networks, trace ids, and what we lean on in smtp-server. */
import assert from 'node:assert/strict';
import { SMTPServer } from 'smtp-server';
import { SMTPConnection } from 'smtp-server/lib/smtp-connection.js';
import { SMTPStream } from 'smtp-server/lib/smtp-stream.js';
import { ClientRules, unmapAddress } from '../../src/smtp/client-rules.ts';
import { LoginThrottle } from '../../src/smtp/login-throttle.ts';
import { MessageStream } from '../../src/smtp/message-stream.ts';
import { decoyOf, hashPassword, parsePasswordHash, verifyPassword } from '../../src/smtp/password-hash.ts';
import { makeTraceId } from '../../src/smtp/trace-id.ts';

describe('smtp: password hash', () => {
  it('verifies the password it was made of and no other', async () => {
    const stored = await hashPassword('correct horse', Buffer.from('0123456789abcdef'));
    assert.match(stored, /^scrypt\$32768\$8\$1\$[A-Za-z0-9_-]{22}\$[A-Za-z0-9_-]{43}$/);
    assert.equal(await verifyPassword('correct horse', stored), true);
    for (const other of ['', 'correct horse ', 'Correct horse'])
      assert.equal(await verifyPassword(other, stored), false);
    assert.equal(await verifyPassword('', decoyOf(stored)), false);
    assert.equal(parsePasswordHash(decoyOf(stored))?.N, 32768);
  });

  it('refuses malformed, weak and ruinous hashes', async () => {
    const tail = `${Buffer.alloc(16).toString('base64url')}$${Buffer.alloc(32).toString('base64url')}`;
    for (const stored of [
      '',
      'plain',
      `scrypt$1024$8$1$${tail}`,
      `scrypt$32767$8$1$${tail}`,
      `scrypt$4194304$8$1$${tail}`,
      `scrypt$32768$8$99$${tail}`,
      `scrypt$32768$0$1$${tail}`,
      `scrypt$32768$8$1$AA$${Buffer.alloc(32).toString('base64url')}`,
      `scrypt$32768$8$1$${tail}x`,
      `bcrypt$32768$8$1$${tail}`,
    ]) {
      assert.equal(parsePasswordHash(stored), null, stored);
      assert.equal(await verifyPassword('x', stored), false);
    }
  });
});

describe('smtp: login throttle', () => {
  it('doubles the wait with every failure of an address, up to a limit, and forgets', async () => {
    let now = 1000;
    const throttle = new LoginThrottle(() => now);
    const waits = [];
    for (let i = 0; i < 3; i += 1) {
      waits.push(throttle.waitOf('192.0.2.1'));
      // the wait itself is not slept through: only the first attempts are made
      if (i < 2) await throttle.attempt('192.0.2.1', () => Promise.resolve(false));
    }
    assert.deepEqual(waits, [0, 250, 500]);
    assert.equal(throttle.waitOf('192.0.2.2'), 0);
    now += 16 * 60_000;
    assert.equal(throttle.waitOf('192.0.2.1'), 0);
  });

  it('does not forgive failures for one success, and counts none for it', async () => {
    const throttle = new LoginThrottle(() => 0);
    await throttle.attempt('192.0.2.1', () => Promise.resolve(true));
    assert.equal(throttle.waitOf('192.0.2.1'), 0);
    await throttle.attempt('192.0.2.1', () => Promise.resolve(false));
    await throttle.attempt('192.0.2.1', () => Promise.resolve(true));
    assert.equal(throttle.waitOf('192.0.2.1'), 250);
  });

  it('takes many right logins at once for what they are: none waits for what an earlier one did not fail', async () => {
    // a clock that stands still: nothing is waited out, so only what is taken back lets the later ones through
    const throttle = new LoginThrottle(() => 0);
    const logins = Array.from({ length: 12 }, () =>
      throttle.attempt('192.0.2.1', () => new Promise((resolve) => setImmediate(() => resolve(true)))),
    );
    assert.equal(throttle.waitOf('192.0.2.1'), 8000);
    const late = new Promise((resolve) => setTimeout(resolve, 4000, 'late').unref());
    assert.notEqual(await Promise.race([Promise.all(logins), late]), 'late');
    assert.equal(throttle.waitOf('192.0.2.1'), 0);
  });

  it('lets a right login take back nothing but itself', async () => {
    const throttle = new LoginThrottle(() => 0);
    void throttle.attempt('192.0.2.1', () => new Promise(() => undefined));
    await throttle.attempt('192.0.2.1', () => Promise.resolve(true));
    assert.equal(throttle.waitOf('192.0.2.1'), 250);
  });

  it('runs two checks at a time', async () => {
    const throttle = new LoginThrottle();
    let running = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        throttle.attempt(`192.0.2.${i}`, async () => {
          running += 1;
          most = Math.max(most, running);
          await new Promise((resolve) => setImmediate(resolve));
          running -= 1;
          return true;
        }),
      ),
    );
    assert.equal(most, 2);
  });

  it('counts an attempt before it is checked, so that hanging up buys nothing', () => {
    const throttle = new LoginThrottle();
    void throttle.attempt('192.0.2.1', () => new Promise(() => undefined));
    assert.equal(throttle.waitOf('192.0.2.1'), 250);
  });
});

describe('smtp: client rules', () => {
  const rules = new ClientRules(
    ['192.0.2.0/24', '2001:db8::/32', '198.51.100.7'].map((cidr) => ({
      kind: 'network',
      cidr,
      vouches: { kind: 'never' },
    })),
  );

  it('fits addresses to networks', () => {
    for (const ip of ['192.0.2.1', '192.0.2.255', '2001:db8::1', '2001:db8:ffff::', '198.51.100.7']) {
      assert.ok(rules.admit(ip, null), ip);
    }
    for (const ip of ['192.0.3.1', '2001:db9::1', '198.51.100.8', '', 'localhost', '::']) {
      assert.equal(rules.admit(ip, null), null, ip);
    }
  });

  it('unmaps IPv4 in IPv6 and drops zones', () => {
    assert.equal(unmapAddress('::ffff:192.0.2.1'), '192.0.2.1');
    assert.equal(unmapAddress('fe80::1%eth0'), 'fe80::1');
    assert.equal(unmapAddress(undefined), '');
  });
});

describe('smtp: message stream', () => {
  it('throws to a reader that goes on after the message was decided', async () => {
    const stream = new MessageStream(1000);
    const iterator = stream[Symbol.asyncIterator]();
    stream.write(Buffer.from('half'), () => undefined);
    await iterator.next();
    const next = iterator.next();
    stream.discard();
    await assert.rejects(next, { code: 'smtp.interrupted' });
    assert.equal(stream.readToEnd, false);
  });

  it('is read once', () => {
    const stream = new MessageStream(1000);
    stream[Symbol.asyncIterator]();
    assert.throws(() => stream[Symbol.asyncIterator](), { code: 'defect' });
  });
});

describe('smtp: trace ids', () => {
  it('are 16 letters and digits, and differ', () => {
    const ids = Array.from({ length: 2000 }, makeTraceId);
    assert.ok(ids.every((id) => /^[a-z2-7]{16}$/.test(id)));
    assert.equal(new Set(ids).size, ids.length);
  });
});

describe('smtp: what we lean on in smtp-server', () => {
  it('is still there', () => {
    const members: readonly (readonly [object, readonly string[]])[] = [
      [
        SMTPConnection.prototype,
        [
          ...['init', 'connectionReady', 'send', 'close', '_setListeners', '_createParser', '_onClose', '_onTimeout'],
          ...['_onCommand', '_armTimeout', '_isDisabled', '_isSupported', '_getHandler', 'upgrade'],
          ...['EHLO', 'HELO', 'HELP', 'RSET', 'MAIL', 'RCPT', 'DATA', 'AUTH', 'STARTTLS', 'QUIT', 'NOOP', 'VRFY'].map(
            (command) => `handler_${command}`,
          ),
        ],
      ],
      [SMTPServer.prototype, ['connect', 'listen', 'onAuth']],
      [SMTPStream.prototype, ['oncommand', 'continue', '_write', '_flushData']],
    ];
    for (const [prototype, names] of members) {
      for (const name of names) assert.equal(typeof Reflect.get(prototype, name), 'function', name);
    }
  });

  it('has no command that we do not know', () => {
    const commands = Object.getOwnPropertyNames(SMTPConnection.prototype).filter((name) => name.startsWith('handler_'));
    const known = ['EHLO', 'HELO', 'QUIT', 'NOOP', 'RSET', 'HELP', 'VRFY', 'XCLIENT', 'XFORWARD', 'STARTTLS', 'AUTH'];
    assert.deepEqual(
      commands.sort(),
      [...known, 'MAIL', 'RCPT', 'DATA', 'WIZ', 'SHELL', 'KILL'].map((name) => `handler_${name}`).sort(),
    );
  });
});
