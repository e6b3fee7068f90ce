/**
 * Attacks on the eight promises of docs/design.md, from outside, against the running gateway: each was tried because it
 * looked as if it might work. What the next hop got is what counts.
 */
import assert from 'node:assert/strict';
import { GatewayHouse, submit } from '../support/gateway-house.ts';
import { needOpenLdap, OPENLDAP_BASE, type OpenLdap, startOpenLdap } from '../support/openldap.ts';

const CANARY = 'canary-3f1c9d';

describe('system: attacks through the spelling of a recipient (S8, C28)', function () {
  this.timeout(60_000);
  let house: GatewayHouse;
  let server: OpenLdap;
  before(async function () {
    needOpenLdap(this);
    house = await GatewayHouse.open({ stopped: true });
    const rita = house.partners.get('rita@partner.example');
    assert.ok(rita);
    server = await startOpenLdap({
      people: [{ name: 'Rita', mail: 'rita@partner.example', userCertificate: [rita.der] }],
    });
    house.configure({
      directory: [`- { ldap: "${server.url}", base: "${OPENLDAP_BASE}" }`],
    });
    await house.start();
  });
  after(async () => {
    await house?.close();
    await server?.stop();
  });

  for (const spelling of [
    '"rita"@partner.example',
    '"ri\\ta"@partner.example',
    'RITA@Partner.EXAMPLE',
    'rita@partner.example',
  ]) {
    it(`encrypts to ${spelling} what is encrypted to rita@partner.example`, async () => {
      const sent = await submit(
        house.port,
        'anna@example.org',
        [spelling],
        `From: anna@example.org\r\nTo: x@y.example\r\n\r\n${CANARY}\r\n`,
      );
      assert.match(sent.data ?? sent.rcpt.join(), /^250/);
      await house.drained();
      const wire = house.sink?.messages.at(-1)?.wire.toString('latin1') ?? '';
      assert.match(wire, /enveloped-data/);
      assert.ok(!wire.includes(CANARY));
    });
  }
});
