/** Collections change under a running gateway, without a restart; a partner's root vouches for that partner only. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Certificate } from '../../src/x509/certificate.ts';
import { makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import { makeCrl } from '../support/crl-builder.ts';
import { GatewayHouse, sleep, submit } from '../support/gateway-house.ts';

const FROM = 'anna@example.org';
const MESSAGE = `From: ${FROM}\r\nTo: someone\r\nSubject: hello\r\n\r\nhello\r\n`;

describe('trust import into a running gateway', function () {
  this.timeout(60_000);
  let house: GatewayHouse;
  const bank = makeAuthority({ name: 'Bank Root' });
  const published = new Map<string, Certificate>();
  const publish = (email: string): void => {
    const { pem, certificate } = makeCertificate(bank, { emails: [email], serial: 1000 + published.size });
    published.set(email, certificate);
    writeFileSync(path.join(house.folder, 'partners', `${email}.pem`), pem);
  };
  /** The reply to RCPT. */
  const reply = async (to: string): Promise<string> => {
    const { rcpt } = await submit(house.port, FROM, [to], MESSAGE);
    return rcpt[0] ?? '';
  };

  before(async () => {
    house = await GatewayHouse.open({
      stopped: true,
      rules: [
        'bank.example: { encrypt: required }',
        'evil.example: { encrypt: required }',
        'open.bank.example: { encrypt: required }',
        'chosen.bank.example: { encrypt: required, trust: default }',
      ],
    });
    mkdirSync(path.join(house.folder, 'bank'));
    writeFileSync(path.join(house.folder, 'bank', 'other.pem'), makeAuthority({ name: 'Unused' }).pem);
    const yaml = readFileSync(house.config, 'utf8');
    mkdirSync(path.join(house.folder, 'crls'));
    // refresh sets the pace at which the folder of CRLs is looked at
    const revocation = 'revocation: { crls: crls, when-unreachable: accept, refresh: 2s }';
    const named = `trust: { default: trust, bank: { from: bank, only-for: [bank.example, "*.bank.example"] }, ${revocation} }`;
    writeFileSync(house.config, yaml.replace('trust: { default: trust }', named));
    publish('bob@bank.example');
    publish('eve@evil.example');
    publish('carl@chosen.bank.example');
    publish('dora@open.bank.example');
    await house.start();
  });
  after(() => house.close());

  it('is refused before, accepted after, refused again when the root is removed; never for another domain', async () => {
    const file = path.join(house.folder, 'scratch', 'bank.pem');
    writeFileSync(file, bank.pem);
    assert.match(await reply('bob@bank.example'), /550 5\.7\.1/);
    const imported = house.cli('trust', 'import', file, '--name', 'bank');
    assert.equal(imported.status, 0, imported.stderr);
    assert.match(imported.stdout, /the running gateway uses it from now on/);
    assert.match(await reply('bob@bank.example'), /250 2/);
    for (let times = 0; times < 2; times++) assert.match(await reply('eve@evil.example'), /550 5\.7\.1/);
    const removed = house.cli('trust', 'remove', bank.certificate.sha256, '--name', 'bank');
    assert.equal(removed.status, 0, removed.stderr);
    assert.match(await reply('bob@bank.example'), /550 5\.7\.1/);
  });

  /** Waits until it is so, for half a minute. */
  async function until(isSo: () => Promise<boolean>): Promise<void> {
    for (const end = Date.now() + 30_000; Date.now() < end; await sleep(200)) if (await isSo()) return;
    throw new Error(`it is not so:\n${house.output.slice(-2000)}`);
  }

  /** Waits for so many lines of that event in the log. */
  async function logged(event: string, times: number): Promise<Record<string, unknown>> {
    for (const end = Date.now() + 30_000; Date.now() < end; await sleep(100)) {
      const lines = house.log.filter((line) => line['event'] === event);
      if (lines.length >= times) return lines.at(-1) ?? {};
    }
    throw new Error(`no ${event}:\n${house.output.slice(-2000)}`);
  }

  it('files changed by hand count within seconds, all or nothing; what was in use stays on a mistake', async () => {
    const byHand = path.join(house.folder, 'bank', 'by-hand.crt');
    const broken = path.join(house.folder, 'bank', 'broken.pem');
    writeFileSync(byHand, bank.pem);
    writeFileSync(broken, '-----BEGIN CERTIFICATE-----\nAAAA\n');
    const { mistakes } = await logged('trust.change-refused', 1);
    assert.match(String(mistakes), /broken\.pem/);
    assert.match(await reply('bob@bank.example'), /550 5\.7\.1/);
    const health = (await house.ask('GET', '/health')) as { healthy: boolean; trustMistakes: string[] };
    assert.equal(health.healthy, true);
    assert.match(health.trustMistakes.join(), /broken\.pem/);
    const before = house.log.filter(({ event }) => event === 'trust.collections-changed').length;
    rmSync(broken);
    await logged('trust.collections-changed', before + 1);
    assert.match(await reply('bob@bank.example'), /250 2/);
    assert.match(await reply('eve@evil.example'), /550 5\.7\.1/);
    assert.deepEqual(((await house.ask('GET', '/health')) as { trustMistakes: string[] }).trustMistakes, []);
    rmSync(byHand);
    await logged('trust.collections-changed', before + 2);
    assert.match(await reply('bob@bank.example'), /550 5\.7\.1/);
  });

  it('a collection that lost its last CA vouches for nobody: 451 for whom it is asked, until one is imported', async () => {
    const folder = path.join(house.folder, 'bank');
    const kept = readFileSync(path.join(folder, 'other.pem'));
    const file = path.join(house.folder, 'scratch', 'bank.pem');
    rmSync(path.join(folder, 'other.pem'));
    assert.equal(house.cli('trust', 'import', file, '--name', 'bank').status, 0);
    assert.match(await reply('bob@bank.example'), /250 2/);
    const removed = house.cli('trust', 'remove', bank.certificate.sha256, '--name', 'bank');
    assert.equal(removed.status, 0, removed.stderr);
    assert.match(removed.stdout, /the running gateway uses it from now on/);
    assert.match(removed.stderr, /bank is empty now/);
    assert.match(await reply('bob@bank.example'), /451 4\.7\.5/);
    assert.match(await reply('eve@evil.example'), /550 5\.7\.1/);
    const health = (await house.ask('GET', '/health')) as { trustMistakes: string[] };
    assert.match(health.trustMistakes.join(), /collection bank is empty/);
    assert.ok(
      house.log.some(({ event, level, name }) => event === 'trust.collection-empty' && level === 50 && name === 'bank'),
    );
    assert.equal(house.cli('trust', 'import', file, '--name', 'bank').status, 0);
    assert.match(await reply('bob@bank.example'), /250 2/);
    // by hand, too
    for (const name of readdirSync(folder)) rmSync(path.join(folder, name));
    await until(async () => (await reply('bob@bank.example')).includes('451 4.7.5'));
    const before = house.log.filter(({ event }) => event === 'trust.collections-changed').length;
    writeFileSync(path.join(folder, 'other.pem'), kept);
    await logged('trust.collections-changed', before + 1);
    assert.match(await reply('bob@bank.example'), /550 5\.7\.1/);
  });

  it('a rule chooses: the root of the bank vouches beside it, and not where the rule names another', async () => {
    const file = path.join(house.folder, 'scratch', 'bank.pem');
    writeFileSync(file, bank.pem);
    assert.equal(house.cli('trust', 'import', file, '--collection', 'bank').status, 0);
    assert.match(await reply('dora@open.bank.example'), /250 2/);
    assert.match(await reply('carl@chosen.bank.example'), /550 5\.7\.1/);
    const explain = (to: string): string => house.cli('explain', '--from', FROM, '--to', to).stdout;
    assert.match(
      explain('dora@open.bank.example'),
      /collection bank by trust\.bank\.only-for \(.*sealgate\.yaml:\d+\)/,
    );
    assert.match(
      explain('carl@chosen.bank.example'),
      /^ {2}trust +default +rules\.to\.chosen\.bank\.example \(.*sealgate\.yaml:\d+\)$/m,
    );
  });

  it('a CRL by file: what it revokes stops being used within seconds, and again when it is taken out', async () => {
    const file = path.join(house.folder, 'scratch', 'bank.crl');
    const dora = published.get('dora@open.bank.example');
    assert.ok(dora !== undefined);
    writeFileSync(file, makeCrl(bank, { entries: [{ certificate: dora, reason: 1 }] }));
    assert.match(await reply('dora@open.bank.example'), /250 2/);
    const imported = house.cli('trust', 'import-crl', file);
    assert.equal(imported.status, 0, imported.stderr);
    await until(async () => /550 5\.7\.1/.test(await reply('dora@open.bank.example')));
    assert.match(await reply('bob@bank.example'), /250 2/);
    const [listed] = JSON.parse(house.cli('trust', 'list-crls', '--json').stdout) as [{ name: string }];
    assert.equal(house.cli('trust', 'remove-crl', listed.name).status, 0);
    await until(async () => /250 2/.test(await reply('dora@open.bank.example')));
  });

  it('a collection that is new in the file is not in use before a reload, and the command says so', async () => {
    const yaml = readFileSync(house.config, 'utf8');
    mkdirSync(path.join(house.folder, 'late'));
    writeFileSync(house.config, yaml.replace('bank: {', 'late: { from: late, only-for: [evil.example] }, bank: {'));
    const file = path.join(house.folder, 'scratch', 'bank.pem');
    const imported = house.cli('trust', 'import', file, '--collection', 'late');
    assert.equal(imported.status, 0, imported.stderr);
    assert.match(imported.stdout, /does not use it: sealgate reload/);
    assert.match(await reply('eve@evil.example'), /550 5\.7\.1/);
    assert.equal(house.cli('reload').status, 0);
    assert.match(await reply('eve@evil.example'), /250 2/);
    const refused = path.join(house.folder, 'late', 'junk.pem');
    writeFileSync(refused, 'junk');
    const removed = house.cli('trust', 'remove', bank.certificate.sha256, '--collection', 'late');
    assert.equal(removed.status, 78);
    assert.match(removed.stdout, /keeps the collections it has/);
    assert.match(await reply('eve@evil.example'), /250 2/);
    rmSync(refused);
    writeFileSync(house.config, yaml);
    assert.equal(house.cli('reload').status, 0);
    assert.match(await reply('eve@evil.example'), /550 5\.7\.1/);
  });

  it('metrics: what expires first in each collection and among our certificates, and what the cache does', async () => {
    const { status, stdout } = house.cli('health', '--metrics');
    assert.equal(status, 0);
    assert.match(stdout, /^sealgate_up 1$/m);
    assert.match(stdout, /^sealgate_collection_not_after_seconds\{collection="bank",thumbprint="[0-9A-F]{40}"\} \d+$/m);
    assert.match(stdout, /^sealgate_identities 2$/m);
    assert.match(stdout, /^sealgate_queue_messages \d+$/m);
    const until = Number(/^sealgate_identity_not_after_seconds\{address="anna@.*\} (\d+)$/m.exec(stdout)?.[1]) * 1000;
    assert.equal(until, house.senders.get(FROM)?.certificate.notAfter.getTime());
    assert.match(stdout, /^sealgate_verdicts_made_total [1-9]\d*$/m);
    await house.end();
    const silent = house.cli('health', '--metrics');
    assert.equal(silent.status, 75);
    assert.match(silent.stdout, /^sealgate_up 0$/m);
  });
});
