/** What config/postfix and docs/postfix.md promise an administrator, done with a real Postfix. */
import assert from 'node:assert/strict';
import { sleep, submit } from '../support/gateway-house.ts';
import { claimOf } from '../support/hard-mail.ts';
import { splitHeader } from '../support/mail-leaves.ts';
import { needPostfix } from '../support/postfix.ts';
import { PostfixTrial } from '../support/postfix-trial.ts';

const LOCAL = 'carol@example.org';
const RITA = 'rita@partner.example';
const SAM = 'sam@signed.example';

function message(from: string, subject: string, extra: readonly string[] = []): string {
  const fields = [`From: <${from}>`, `Subject: ${subject}`, 'Content-Type: text/plain', ...extra];
  return `${fields.join('\r\n')}\r\n\r\nGood morning.\r\n`;
}

describe('interop/postfix recipe', function () {
  this.timeout(60_000);
  let trial: PostfixTrial;
  before(async function () {
    needPostfix(this);
    trial = await PostfixTrial.open();
  });
  after(() => trial?.close());

  /** By submission with the login of `from`, or of another. */
  const send = async (from: string, to: string, text: string, login = from): Promise<string> => {
    const dialogue = await trial.login(login);
    await dialogue.command(`MAIL FROM:<${from}>`, 250);
    dialogue.send(`RCPT TO:<${to}>\r\n`);
    let reply = await dialogue.reply();
    if (reply.code === 250) {
      await dialogue.command('DATA', 354);
      dialogue.send(`${text}.\r\n`);
      reply = await dialogue.reply();
    }
    await dialogue.quit();
    return reply.text;
  };

  /** The message with this subject, once it is there. */
  const arrived = async (server: 'up' | 'down', to: string, subject: string): Promise<Buffer> => {
    for (let tries = 0; tries < 400; tries += 1) {
      for (const name of trial[server].delivered()) {
        const { recipient, message: found } = trial[server].read(name);
        if (recipient === to && fieldOf(found, 'subject') === subject) return found;
      }
      await sleep(50);
    }
    throw new Error(`"${subject}" never came:\n${trial.up.log.slice(-3000)}\n${trial.house.output.slice(-3000)}`);
  };

  it('signs and encrypts what our people submit by login, over verified TLS', async () => {
    assert.match(await send('anna@example.org', RITA, message('anna@example.org', 'vouched')), /^250/);
    const got = await arrived('down', RITA, 'vouched');
    assert.equal(claimOf(got), 'encrypted');
    assert.match(trial.house.open(RITA, got).toString('latin1'), /Good morning/);
    assert.equal(fieldOf(got, 'x-sealgate-origin'), '');
    assert.match(got.toString('latin1'), /by gw\.example\.org \(Sealgate\) with ESMTPS /);
  });

  it('lets nobody submit as somebody else, so nobody is signed for by another', async () => {
    const reply = await send('ben@example.org', SAM, message('ben@example.org', 'forged'), 'anna@example.org');
    assert.match(reply, /^553 5\.7\.1 .*not owned by user anna/);
  });

  it('does not sign what came in elsewhere, whatever it says of itself', async () => {
    for (const [index, field] of ['X-Sealgate-Origin: submission', 'x-sealgate-origin : submission'].entries()) {
      const subject = `unproven ${index}`;
      const text = message('anna@example.org', subject, [field]);
      assert.match((await submit(trial.up.port, 'anna@example.org', [SAM], text)).data ?? '', /^250/);
      const got = await arrived('down', SAM, subject);
      assert.equal(claimOf(got), 'none');
      assert.doesNotMatch(got.toString('latin1'), /sealgate-origin/i);
    }
  });

  it('encrypts such mail all the same', async () => {
    const text = message('carol@example.org', 'forwarded');
    await submit(trial.up.port, 'carol@example.org', [RITA], text);
    const got = await arrived('down', RITA, 'forwarded');
    assert.equal(claimOf(got), 'encrypted');
    assert.equal(claimOf(trial.house.decrypt(RITA, got)), 'none');
  });

  it('delivers mail for our own people without Sealgate', async () => {
    await send('anna@example.org', LOCAL, message('anna@example.org', 'inside'));
    const got = await arrived('up', LOCAL, 'inside');
    assert.doesNotMatch(got.toString('latin1'), /\(Sealgate\)/);
  });

  it('reports to the sender what Sealgate refuses, with its reason', async () => {
    await send('anna@example.org', 'bea@bank.example', message('anna@example.org', 'to the bank'));
    const report = await arrived('up', 'anna@example.org', 'Undelivered Mail Returned to Sender');
    assert.match(
      report.toString('latin1').replace(/\s+/g, ' '),
      /Diagnostic-Code: smtp; 550 5\.7\.1 .*encryption is required and the recipient has no certificate/,
    );
  });

  it('takes sealed mail back on its own port and sends it out, not to Sealgate again', async () => {
    const subject = 'sealed already';
    const text = message('anna@example.org', subject);
    assert.match((await submit(trial.sealedPort, 'anna@example.org', [SAM], text)).data ?? '', /^250/);
    const got = await arrived('down', SAM, subject);
    assert.doesNotMatch(got.toString('latin1'), /\(Sealgate\)/);
  });

  it('keeps mail while Sealgate is down, and sends it when it is back', async () => {
    await trial.house.end('SIGTERM');
    await send('anna@example.org', RITA, message('anna@example.org', 'patient'));
    for (let tries = 0; !trial.up.log.includes('Connection refused'); tries += 1) {
      assert.ok(tries < 200, trial.up.log.slice(-2000));
      await sleep(50);
    }
    await trial.house.start();
    trial.up.requeue();
    assert.equal(claimOf(await arrived('down', RITA, 'patient')), 'encrypted');
  });

  it('holds outbound mail on request, and goes back to sending without Sealgate', async () => {
    trial.up.set('defer_transports = sealgate');
    await trial.up.reload();
    await send('anna@example.org', SAM, message('anna@example.org', 'held'));
    for (let tries = 0; !trial.up.queue().some(({ queue_name: name }) => name === 'deferred'); tries += 1) {
      assert.ok(tries < 200);
      await sleep(50);
    }
    trial.up.set('defer_transports =');
    trial.up.set(`default_transport = smtp:[127.0.0.1]:${trial.down.port}`);
    await trial.up.reload();
    trial.up.requeue();
    const got = await arrived('down', SAM, 'held');
    assert.equal(claimOf(got), 'none');
    assert.doesNotMatch(got.toString('latin1'), /\(Sealgate\)/);
  });
});

function fieldOf(found: Buffer, name: string): string {
  return splitHeader(found).fields.find((field) => field.name === name)?.value ?? '';
}
