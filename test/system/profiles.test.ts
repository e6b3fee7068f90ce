/** Crypto profiles through the whole gateway: what leaves is what the profile says, and openssl opens it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { openEnvelope } from '../../src/cms/enveloped-data-reader.ts';
import { bufferSource } from '../../src/cms/reopenable-source.ts';
import { algorithmSupport } from '../../src/keys/algorithm-support.ts';
import { KeyUnwrapper } from '../../src/keys/key-unwrapper.ts';
import type { MadeCertificate } from '../support/certificate-builder.ts';
import { GatewayHouse, submit } from '../support/gateway-house.ts';
import { unstuffed } from '../support/smtp-sink.ts';

const BODY = 'Good morning,\r\n\r\nthe price is K4N4RY-480.\r\n';
const PARTNERS = {
  'rita@modern.example': 'rsa-3072',
  'erik@modern.example': 'p-384',
  'rita@old.example': 'rsa-2048',
  'rita@bsi.example': 'rsa-3072',
  'short@bsi.example': 'rsa-2048',
  'rita@inline.example': 'rsa-2048',
} as const;

function message(to: readonly string[]): string {
  return `From: anna@example.org\r\nTo: ${to.join(', ')}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n${BODY}`;
}

describe('system: profiles', function () {
  this.timeout(60_000);
  let house: GatewayHouse;
  before(async () => {
    house = await GatewayHouse.open({
      senders: { 'anna@example.org': 'rsa-3072' },
      partners: PARTNERS,
      rules: [
        'modern.example: { encrypt: required, profile: modern }',
        'bsi.example: { encrypt: required, profile: bsi }',
        'inline.example: { encrypt: required, profile: { base: default, content: chacha20-poly1305 } }',
        'signed.example: { encrypt: never, profile: own }',
      ],
      extra: 'profiles: { own: { base: modern, digest: sha512, chain: with-root, key-identifier: true } }\n',
    });
  });
  after(() => house.close());

  /** Sends and waits for one copy more. @returns the copies that arrived, by their first recipient */
  async function send(to: readonly string[], copies = 1): Promise<Map<string, Buffer>> {
    const before = house.sink?.messages.length ?? 0;
    const answer = await submit(house.port, 'anna@example.org', to, message(to));
    assert.match(answer.data ?? '', /^250 /);
    await house.sink?.waitFor(before + copies);
    const got = (house.sink?.messages ?? []).slice(before);
    return new Map(got.map((entry) => [entry.to[0] ?? '', unstuffed(entry.wire)]));
  }

  function cmsOf(copy: Buffer): string {
    const at = copy.indexOf('\r\n\r\n');
    const der = Buffer.from(copy.subarray(at).toString('latin1'), 'base64');
    return print(der);
  }

  function print(der: Buffer): string {
    const run = spawnSync('openssl', ['cms', '-cmsout', '-print', '-inform', 'DER'], { input: der });
    assert.equal(run.status, 0, run.stderr.toString());
    return run.stdout.toString();
  }

  it('modern: AES-256-GCM, OAEP and PSS for RSA, stdDH for EC, opened by openssl', async () => {
    const recipients = ['rita@modern.example', 'erik@modern.example'];
    const copy = (await send(recipients)).get('rita@modern.example') ?? Buffer.alloc(0);
    assert.match(copy.toString('latin1'), /Content-Type: application\/pkcs7-mime; smime-type=authEnveloped-data;\r\n/);
    const text = cmsOf(copy);
    assert.match(text, /id-smime-ct-authEnvelopedData/);
    assert.match(text, /algorithm: rsaesOaep/);
    assert.match(text, /dhSinglePass-stdDH-sha384kdf-scheme/);
    assert.match(text, /algorithm: aes-256-gcm/);
    for (const recipient of recipients) {
      const opened = house.open(recipient, copy).toString('latin1');
      assert.equal(opened, `Content-Type: text/plain\r\n\r\n${BODY}`);
    }
    const signed = house.decrypt('rita@modern.example', copy).toString('latin1');
    const signature = /smime\.p7s"\r\n\r\n([A-Za-z0-9+/=\r\n]+)\r\n--/.exec(signed)?.[1] ?? '';
    assert.match(print(Buffer.from(signature, 'base64')), /signatureAlgorithm:\s+algorithm: rsassaPss/);
  });

  it('gives each profile its own content key and its own signature', async () => {
    const recipients = ['rita@modern.example', 'rita@old.example', 'nora@old.example'];
    const copies = await send(recipients, 3);
    const modern = copies.get('rita@modern.example') ?? Buffer.alloc(0);
    const old = copies.get('rita@old.example') ?? Buffer.alloc(0);
    const expected = `Content-Type: text/plain\r\n\r\n${BODY}`;
    assert.equal(house.open('rita@modern.example', modern).toString('latin1'), expected);
    assert.equal(house.open('rita@old.example', old).toString('latin1'), expected);
    assert.match(old.toString('latin1'), /smime-type=enveloped-data/);
    assert.match(cmsOf(old), /algorithm: aes-256-cbc/);
    assert.equal(house.verify(copies.get('nora@old.example') ?? Buffer.alloc(0)).toString('latin1'), expected);
  });

  it('bsi: refuses what is too short for it at RCPT, and says so', async () => {
    const copy = (await send(['rita@bsi.example'])).get('rita@bsi.example') ?? Buffer.alloc(0);
    assert.match(cmsOf(copy), /rsaesOaep/);
    assert.ok(house.open('rita@bsi.example', copy).toString('latin1').endsWith(BODY));
    const refused = await submit(house.port, 'anna@example.org', ['short@bsi.example'], message(['short@bsi.example']));
    assert.match(refused.rcpt[0] ?? '', /^550 5\.7\.1 /);
    const explained = house.cli('explain', '--from', 'anna@example.org', '--to', 'short@bsi.example');
    assert.match(explained.stdout, /RSA of 2048 bits, profile bsi needs at least 3000/);
  });

  it('a profile written in place: ChaCha20-Poly1305, by its own name', async () => {
    const copy = (await send(['rita@inline.example'])).get('rita@inline.example') ?? Buffer.alloc(0);
    // openssl 3.0 knows AES only here: the structure is looked at, and our own reader opens it
    const der = Buffer.from(copy.subarray(copy.indexOf('\r\n\r\n')).toString('latin1'), 'base64');
    assert.ok(der.includes(Buffer.from('060b2a864886f70d0109100117', 'hex')), 'authEnvelopedData');
    assert.ok(der.includes(Buffer.from('060b2a864886f70d0109100312040c', 'hex')), 'ChaCha20-Poly1305 and its nonce');
    assert.ok((await openedWith(house.partners.get('rita@inline.example'), copy)).includes(BODY));
    const explained = house.cli('explain', '--from', 'anna@example.org', '--to', 'rita@inline.example');
    assert.match(explained.stdout, /profile {2}default, content chacha20-poly1305: /);
  });

  it('a named profile: SHA-512 PSS by key identifier with the root, verified by openssl', async () => {
    const copy = (await send(['nora@signed.example'])).get('nora@signed.example') ?? Buffer.alloc(0);
    const text = copy.toString('latin1');
    assert.match(text, /micalg=sha-512/);
    assert.ok(house.verify(copy).toString('latin1').endsWith(BODY));
    const signature = /smime\.p7s"\r\n\r\n([A-Za-z0-9+/=\r\n]+)\r\n--/.exec(text)?.[1] ?? '';
    const printed = print(Buffer.from(signature, 'base64'));
    assert.match(printed, /d\.subjectKeyIdentifier/);
    assert.match(printed, /subject: CN=House Root CA/);
  });

  it('pq: ML-KEM and ML-DSA where this Node has them, a mistake of the configuration where it has not', async () => {
    const rules = ['pq.example: { encrypt: required, profile: pq }'];
    if (!algorithmSupport.has('ml-kem-768')) {
      house.configure({ rules, extra: '' });
      const checked = house.cli('check');
      assert.equal(checked.status, 78);
      assert.match(
        checked.stdout + checked.stderr,
        /:\d+: rules\.to\.pq\.example\.profile: profile pq: ml-kem-768, ml-kem-1024 is missing in this Node [\d.]+: Node 24 or later has it/,
      );
      return;
    }
    house.configure({ rules, extra: '' });
    const classical = house.cli('check');
    assert.equal(classical.status, 0, classical.stderr);
    assert.match(
      classical.stdout + classical.stderr,
      /:\d+: rules\.to\.pq\.example\.profile: profile pq encrypts to ML-KEM, but 1 of our 1 addresses sign with RSA or elliptic curves \(anna@example\.org\)/,
    );
    const lattice = await GatewayHouse.open({
      senders: { 'anna@example.org': 'ml-dsa-65' },
      partners: { 'quinn@pq.example': 'ml-kem-768', 'rita@pq.example': 'rsa-3072' },
      rules,
    });
    try {
      const refused = await submit(lattice.port, 'anna@example.org', ['rita@pq.example'], message(['rita@pq.example']));
      assert.match(refused.rcpt[0] ?? '', /^550 5\.7\.1 /);
      await submit(lattice.port, 'anna@example.org', ['quinn@pq.example'], message(['quinn@pq.example']));
      await lattice.sink?.waitFor(1);
      const copy = unstuffed(lattice.sink?.messages[0]?.wire ?? Buffer.alloc(0));
      const signed = await openedWith(lattice.partners.get('quinn@pq.example'), copy);
      assert.match(signed, /micalg=sha-512/);
      assert.ok(signed.includes(BODY), signed);
    } finally {
      await lattice.close();
    }
  });

  async function openedWith(made: MadeCertificate | undefined, copy: Buffer): Promise<string> {
    assert.ok(made);
    const der = Buffer.from(copy.subarray(copy.indexOf('\r\n\r\n')).toString('latin1'), 'base64');
    const unwrapper = new KeyUnwrapper([{ certificate: made.certificate, key: made.privateKey }]);
    const opened = await openEnvelope(bufferSource(der), { unwrapper });
    assert.ok(opened.ok);
    assert.ok(opened.authenticated);
    let text = '';
    for await (const chunk of opened.release()) text += chunk.toString('latin1');
    return text;
  }
});
