/** Revocation through the whole gateway: what is refused at RCPT, what waits, what goes on, all in one running process. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import { type CrlEntry, distributionPoints, issuerAccess, makeCrl } from '../support/crl-builder.ts';
import { GatewayHouse, type HouseOptions, sleep, submit } from '../support/gateway-house.ts';
import { HostileHttp } from '../support/hostile-http.ts';
import { ldapDone, ldapEntry, startHostileLdap } from '../support/hostile-ldap.ts';

const RITA = 'rita@partner.example';
const ERIK = 'erik@partner.example';
const ANNA = 'anna@example.org';
const TEXT = `From: ${ANNA}\r\nTo: ${RITA}\r\nSubject: x\r\n\r\nhello\r\n`;
const RULES: HouseOptions = { rules: [`${RITA}: { encrypt: required }`, `${ERIK}: { encrypt: required }`] };

describe('system: revocation', function () {
  this.timeout(60_000);
  let server: HostileHttp;
  let house: GatewayHouse;
  let number = 1;

  beforeEach(async () => {
    server = await HostileHttp.open();
    house = await GatewayHouse.open({ ...RULES, stopped: true });
  });
  afterEach(async () => {
    await house.close();
    await server.close();
  });

  const publish = (place: string, entries: readonly CrlEntry[] = []): void =>
    server.set(place, { kind: 'answer', body: makeCrl(house.ca, { number: number++, entries }) });

  /** A partner whose certificate names a CRL. */
  const partner = (address: string, url: string): CrlEntry => {
    const extraExtensions = [distributionPoints(url)];
    const made = makeCertificate(house.ca, { emails: [address], key: 'p-256', freshKey: true, extraExtensions });
    house.partners.set(address, made);
    writeFileSync(path.join(house.folder, 'partners', `${address}.pem`), made.pem);
    return { certificate: made.certificate, reason: 1 };
  };

  const start = async (settings = ''): Promise<void> => {
    const map = `{ allow: [127.0.0.0/8], refresh: 1s, fetch-timeout: 1s, validation-timeout: 2s${settings} }`;
    const text = readFileSync(house.config, 'utf8');
    writeFileSync(
      house.config,
      text.replace('trust: { default: trust }', `trust: { default: trust, revocation: ${map} }`),
    );
    await house.start();
  };
  const rcpt = async (to: string): Promise<string> => (await submit(house.port, ANNA, [to], TEXT)).rcpt[0] ?? '';

  it('revoked while the gateway runs: refused within the refresh time, by the same process', async () => {
    const rita = partner(RITA, server.url('/partner.crl'));
    publish('/partner.crl');
    await start();
    const { pid } = house;
    assert.match(await rcpt(RITA), /^250/);
    await house.drained();
    assert.match(house.cli('explain', '--from', ANNA, '--to', RITA).stdout, /revocation: not revoked \(CRL of /);
    publish('/partner.crl', [rita]);
    let reply = '';
    // long enough for a fetch that got lost under load, after which its host is left alone for 20 seconds
    for (let wait = 0; wait < 300 && !reply.startsWith('550'); wait++) {
      await sleep(100);
      reply = await rcpt(RITA);
    }
    assert.match(reply, /^550 5\.7\.1/);
    assert.equal(house.pid, pid);
    assert.match(house.cli('explain', '--from', ANNA, '--to', RITA).stdout, /revoked .*keyCompromise/);
    assert.ok(house.log.some(({ event }) => event === 'revocation.revoked'));
  });

  it('unreachable: 451 for who needs it, nothing for others; good again when it comes back', async () => {
    // another host: one that failed is left alone for a while, whatever else it has
    const silent = await HostileHttp.open();
    try {
      partner(RITA, silent.url('/silent.crl'));
      partner(ERIK, server.url('/good.crl'));
      silent.set('/silent.crl', { kind: 'silence' });
      publish('/good.crl');
      await start();
      assert.match(await rcpt(RITA), /^451 4\.7\.5/);
      assert.match(await rcpt(ERIK), /^250/);
      silent.set('/silent.crl', { kind: 'answer', body: makeCrl(house.ca) });
      let reply = '';
      for (let wait = 0; wait < 100 && !reply.startsWith('250'); wait++) {
        await sleep(300);
        reply = await rcpt(RITA);
      }
      assert.match(reply, /^250/);
    } finally {
      await silent.close();
    }
  });

  it('unreachable and accept: sent encrypted, logged and counted', async () => {
    partner(RITA, server.url('/silent.crl'));
    server.set('/silent.crl', { kind: 'silence' });
    await start(', when-unreachable: accept');
    assert.match(await rcpt(RITA), /^250/);
    await house.drained();
    const [message] = house.sink?.messages ?? [];
    assert.ok(message !== undefined && !message.wire.includes('hello'));
    assert.match(house.open(RITA, message.wire).toString(), /hello/);
    assert.ok(house.log.some(({ event }) => event === 'revocation.unknown-accepted'));
    const health = (await house.ask('GET', '/health')) as { revocation: { unknownAccepted: number } };
    assert.ok(health.revocation.unknownAccepted > 0);
  });

  it('a list in a directory, by a location without a host', async () => {
    const crl = makeCrl(house.ca);
    const directory = await startHostileLdap((socket, id) => {
      socket.write(Buffer.concat([ldapEntry(id, 'CN=x', [['certificateRevocationList', [crl]]]), ldapDone(id)]));
    });
    try {
      partner(RITA, 'ldap:///CN=x,CN=CDP,DC=corp?certificateRevocationList?base?objectClass=cRLDistributionPoint');
      await start(`, ldap-host: "${directory.url}"`);
      assert.match(await rcpt(RITA), /^250/);
      assert.equal(directory.requests(), 1);
    } finally {
      await directory.stop();
    }
  });

  it('an issuer that is missing: fetched where that is configured, 451 while it cannot be reached', async () => {
    const issuing = makeAuthority({ issuer: house.ca, name: 'Issuing', freshKey: true });
    const below = (address: string, url: string): void => {
      const extraExtensions = [issuerAccess(url)];
      const made = makeCertificate(issuing, { emails: [address], key: 'p-256', freshKey: true, extraExtensions });
      house.partners.set(address, made);
      writeFileSync(path.join(house.folder, 'partners', `${address}.pem`), made.pem);
    };
    const silent = await HostileHttp.open();
    try {
      silent.set('/issuing', { kind: 'silence' });
      server.set('/issuing', { kind: 'answer', body: issuing.der });
      below(RITA, server.url('/issuing'));
      below(ERIK, silent.url('/issuing'));
      await start(', fetch-intermediates: true');
      assert.match(await rcpt(RITA), /^250/);
      assert.match(await rcpt(ERIK), /^451 4\.7\.5/);
      await house.drained();
      const [message] = house.sink?.messages ?? [];
      assert.match(house.open(RITA, message?.wire ?? Buffer.alloc(0)).toString(), /hello/);
      const explained = house.cli('explain', '--from', ANNA, '--to', RITA).stdout;
      assert.match(explained, /issuer Issuing, fetched from http:\/\/127\.0\.0\.1:\d+\/issuing/);
      assert.ok(house.log.some(({ event }) => event === 'trust.intermediates-fetched'));
    } finally {
      await silent.close();
    }
  });

  it('our own certificate revoked: nothing is signed with it', async () => {
    const extraExtensions = [distributionPoints(server.url('/own.crl'))];
    const anna = makeCertificate(house.ca, { emails: [ANNA], extraExtensions, keyUsage: ['digitalSignature'] });
    writeFileSync(path.join(house.folder, 'identities', `${ANNA}.pem`), anna.pem + anna.keyPem, { mode: 0o600 });
    publish('/own.crl', [{ certificate: anna.certificate, reason: 1 }]);
    house.configure({ ...RULES, rules: [`${RITA}: { sign: required, encrypt: required }`] });
    await start();
    assert.match(await rcpt(RITA), /^550 5\.7\.1/);
  });

  it('our own certificate undecided: 451, not unsigned', async () => {
    const extraExtensions = [distributionPoints(server.url('/own.crl'))];
    const anna = makeCertificate(house.ca, { emails: [ANNA], extraExtensions, keyUsage: ['digitalSignature'] });
    writeFileSync(path.join(house.folder, 'identities', `${ANNA}.pem`), anna.pem + anna.keyPem, { mode: 0o600 });
    server.set('/own.crl', { kind: 'reset' });
    await start();
    assert.match(await rcpt(RITA), /^451 4\.7\.5/);
  });
});
