/** Our own keys from a folder: what is taken, what is refused and in which words, and who may look (O3, C11, C23). */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { verify } from 'node:crypto';
import { chmod, chown, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Address, parseAddress } from '../../src/address.ts';
import { derBitString, derInteger, derNull, derOid, derSequence } from '../../src/asn1/der-writer.ts';
import type { IdentityLoad } from '../../src/keys/identities.ts';
import { loadIdentities } from '../../src/keys/identity-loader.ts';
import { RoundBudget } from '../../src/keys/round-budget.ts';
import { type MadeCertificate, madeKey, makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import { makePkcs12, type Pkcs12Options } from '../support/pkcs12-builder.ts';
import { skipOrFail } from '../support/vectors.ts';

const authority = makeAuthority();
const DAY = 24 * 60 * 60 * 1000;

function address(text: string): Address {
  const parsed = parseAddress(text);
  assert.ok(parsed !== null);
  return parsed;
}

const anna = makeCertificate(authority, { emails: ['Anna@Example.org'], keyUsage: ['digitalSignature'] });
const bert = makeCertificate(authority, { key: 'p-256', emails: ['bert@example.org'], keyUsage: ['digitalSignature'] });

function pkcs8(made: MadeCertificate): Buffer {
  return made.privateKey.export({ format: 'der', type: 'pkcs8' });
}

describe('keys/identity-loader', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'sealgate-keys-'));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  async function put(name: string, content: string | Buffer, mode = 0o600): Promise<string> {
    const file = path.join(folder, name);
    await writeFile(file, content, { mode });
    await chmod(file, mode);
    return file;
  }

  function load(decryptsElsewhere: readonly Address[] = []): Promise<IdentityLoad> {
    return loadIdentities({ folder, decryptsElsewhere });
  }

  /** The one mistake, after the file's name. */
  async function mistake(name: string): Promise<string> {
    const { mistakes } = await load();
    assert.equal(mistakes.length, 1, mistakes.join('\n'));
    const prefix = `${path.join(folder, name)}: `;
    assert.ok(mistakes[0]?.startsWith(prefix), mistakes[0]);
    return mistakes[0]?.slice(prefix.length) ?? '';
  }

  describe('PEM', () => {
    it('finds each identity by its mailbox and signs with it', async () => {
      await put('anna.pem', anna.keyPem + anna.pem + authority.pem);
      await put('bert.pem', `some text\n${bert.pem}${bert.keyPem}`);
      const { identities, mistakes, warnings } = await load();
      assert.deepEqual(mistakes, []);
      assert.deepEqual(warnings, []);
      assert.equal(identities.all.length, 2);
      for (const [text, made, algorithm] of [
        ['ANNA@example.org', anna, 'rsa-pkcs1-sha256'],
        ['bert@example.org', bert, 'ecdsa-sha256'],
      ] as const) {
        const identity = identities.find(address(text));
        assert.ok(identity !== null);
        assert.equal(identity.certificate.sha256, made.certificate.sha256);
        const signer = identity.signer([authority.certificate]);
        assert.equal(signer.algorithm, algorithm);
        assert.equal(signer.certificate, identity.certificate);
        const data = Buffer.from('attributes');
        const signature = await signer.sign(data);
        assert.ok(verify('sha256', data, made.certificate.key.keyObject(), signature));
      }
      assert.equal(identities.find(address('carl@example.org')), null);
      assert.deepEqual(
        identities.find(address('anna@example.org'))?.companions.map(({ sha256 }) => sha256),
        [authority.certificate.sha256],
      );
    });

    it('gives the same signer for the same chain and another for another', async () => {
      await put('anna.pem', anna.keyPem + anna.pem);
      const identity = (await load()).identities.find(address('anna@example.org'));
      const signer = identity?.signer([authority.certificate]);
      assert.equal(identity?.signer([authority.certificate]), signer);
      const other = identity?.signer([]);
      assert.notEqual(other, signer);
      assert.deepEqual(other?.chain, []);
    });

    it('reads the older key forms', async () => {
      await put('anna.pem', anna.privateKey.export({ format: 'pem', type: 'pkcs1' }).toString() + anna.pem);
      await put('bert.pem', bert.privateKey.export({ format: 'pem', type: 'sec1' }).toString() + bert.pem);
      const { identities, mistakes } = await load();
      assert.deepEqual(mistakes, []);
      assert.equal(identities.all.length, 2);
    });

    it('serves every mailbox of a certificate, and the one of the subject where the SAN has none', async () => {
      const two = makeCertificate(authority, { emails: ['a@example.org', 'b@example.org', 'ä@example.org'] });
      const old = makeCertificate(authority, { subjectEmail: 'old@example.org' });
      const hidden = makeCertificate(authority, { emails: ['new@example.org'], subjectEmail: 'hidden@example.org' });
      await put('two.pem', two.keyPem + two.pem);
      await put('old.pem', old.keyPem + old.pem);
      await put('hidden.pem', hidden.keyPem + hidden.pem);
      const { identities, mistakes } = await load();
      assert.deepEqual(mistakes, []);
      const served = identities.all.map((identity) => identity.address.text).sort();
      assert.deepEqual(served, [
        'a@example.org',
        'b@example.org',
        'new@example.org',
        'old@example.org',
        'ä@example.org',
      ]);
    });

    it('refuses what is not one key with its certificate', async () => {
      const other = makeCertificate(authority, { freshKey: true });
      const again = makeCertificate(authority, { privateKey: anna.privateKey, emails: ['anna@example.org'] });
      const cases: [string, RegExp][] = [
        ['', /has no private key: /],
        [anna.pem, /has no private key: /],
        [anna.keyPem, /has no certificate: /],
        [anna.keyPem + other.pem, /does not belong to its certificate: /],
        [anna.keyPem + bert.keyPem + anna.pem, /more than one private key: /],
        [anna.keyPem + anna.pem + again.pem, /two certificates for its key: /],
        [anna.keyPem.slice(0, -30) + anna.pem, /without its end: /],
        ['-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n', /private key that cannot be read: /],
        [
          `${anna.keyPem}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`,
          /certificate that cannot be read: /,
        ],
        [anna.keyPem + anna.pem.repeat(200), /more than 100 PEM blocks: /],
        [`-----BEGIN ${'X'.repeat(1000)}`, /is not PEM: /],
      ];
      for (const [content, expected] of cases) {
        await put('x.pem', content);
        assert.match(await mistake('x.pem'), expected);
      }
    });

    it('refuses encrypted keys by name', async () => {
      const modern = anna.privateKey.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' });
      await put('x.pem', modern.toString() + anna.pem);
      assert.match(await mistake('x.pem'), /with a password, which only PKCS #12 may have: openssl pkcs12 -export/);
      const old = anna.privateKey.export({ format: 'pem', type: 'pkcs1', cipher: 'aes-256-cbc', passphrase: 'x' });
      await put('x.pem', old.toString() + anna.pem);
      assert.match(await mistake('x.pem'), /with a password/);
    });
  });

  describe('keys and certificates that cannot sign', () => {
    it('refuses weak and unsupported keys', async () => {
      const cases: [MadeCertificate, RegExp][] = [
        [
          makeCertificate(authority, { key: 'rsa-1024', emails: ['x@example.org'] }),
          /its key is weak \(RSA of 1024 bits, .+\): /,
        ],
        [makeCertificate(authority, { key: 'secp256k1', emails: ['x@example.org'] }), /secp256k1 is not accepted/],
        [makeCertificate(authority, { key: 'x25519', emails: ['x@example.org'] }), /x25519 does not sign/],
      ];
      for (const [made, expected] of cases) {
        await put('x.pem', made.keyPem + made.pem);
        assert.match(await mistake('x.pem'), expected);
      }
    });

    it('refuses certificates without a mailbox, or with control characters in one (C11)', async () => {
      const none = makeCertificate(authority);
      await put('x.pem', none.keyPem + none.pem);
      assert.match(await mistake('x.pem'), /no mail address: /);
      const not = makeCertificate(authority, { emails: ['not a mailbox'] });
      await put('x.pem', not.keyPem + not.pem);
      assert.match(await mistake('x.pem'), /no mail address: /);
      const nul = makeCertificate(authority, { emails: ['anna@example.org', 'anna@example.org\0.evil.example'] });
      await put('x.pem', nul.keyPem + nul.pem);
      assert.match(await mistake('x.pem'), /control characters in anna@example.org\\u0000/);
    });

    it('refuses a certificate that is for encryption only', async () => {
      const made = makeCertificate(authority, { emails: ['x@example.org'], keyUsage: ['keyEncipherment'] });
      await put('x.pem', made.keyPem + made.pem);
      assert.match(await mistake('x.pem'), /does not allow signatures: /);
      const lawyer = makeCertificate(authority, { emails: ['x@example.org'], keyUsage: ['nonRepudiation'] });
      await put('x.pem', lawyer.keyPem + lawyer.pem);
      assert.deepEqual((await load()).mistakes, []);
    });

    it('refuses a private key whose public half fits and whose signatures do not', async () => {
      const jwk = anna.privateKey.export({ format: 'jwk' });
      const number = (part: string | undefined): Buffer => {
        const octets = Buffer.from(part ?? '', 'base64url');
        return derInteger(BigInt(`0x${octets.toString('hex')}`));
      };
      const other = madeKey('rsa-2048', true).export({ format: 'jwk' });
      const parts = [jwk.n, jwk.e, other.d, other.p, other.q, other.dp, other.dq, other.qi].map(number);
      const rsaKey = derSequence(derInteger(0), ...parts);
      const pem = `-----BEGIN RSA PRIVATE KEY-----\n${rsaKey.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END RSA PRIVATE KEY-----\n`;
      await put('x.pem', pem + anna.pem);
      assert.match(await mistake('x.pem'), /its private key makes no right signatures: /);
    });

    it('refuses an RSA exponent of 1', async () => {
      const modulus = BigInt(
        `0x${Buffer.from(anna.privateKey.export({ format: 'jwk' }).n ?? '', 'base64url').toString('hex')}`,
      );
      const key = derSequence(derInteger(modulus), derInteger(1));
      const spki = derSequence(derSequence(derOid('1.2.840.113549.1.1.1'), derNull()), derBitString(key));
      const made = makeCertificate(authority, { spki, emails: ['x@example.org'] });
      await put('x.pem', anna.keyPem + made.pem);
      assert.match(await mistake('x.pem'), /does not belong|exponent/);
    });
  });

  describe('two for one mailbox', () => {
    it('refuses the second file and names the first', async () => {
      const again = makeCertificate(authority, { emails: ['anna@EXAMPLE.org', 'other@example.org'] });
      const first = await put('a.pem', anna.keyPem + anna.pem);
      await put('b.pem', again.keyPem + again.pem);
      assert.match(await mistake('b.pem'), new RegExp(`^anna@example.org has an identity in ${first} already: `));
    });
  });

  describe('O3: who may look at a key file', () => {
    it('refuses files that group or others may open, and their passwords', async () => {
      for (const mode of [0o644, 0o640, 0o604, 0o660, 0o601]) {
        await put('x.pem', anna.keyPem + anna.pem, mode);
        assert.match(await mistake('x.pem'), /may be opened by others \(mode 0\d{3}\): chmod 600/, mode.toString(8));
      }
      await put('x.pem', anna.keyPem + anna.pem, 0o400);
      assert.deepEqual((await load()).mistakes, []);
    });

    it('says of key file and password file at once', async () => {
      await put('x.p12', makePkcs12({ certificates: [anna.der], keys: [pkcs8(anna)], password: 'secret' }), 0o644);
      await put('x.password', 'secret', 0o644);
      const { mistakes } = await load();
      assert.equal(mistakes.length, 2, mistakes.join('\n'));
      assert.match(mistakes[0] ?? '', /x\.p12: may be opened by others/);
      assert.match(mistakes[1] ?? '', /x\.password: may be opened by others/);
      assert.ok(!mistakes.join().includes('secret'));
    });

    it('refuses symbolic links, folders and pipes', async () => {
      const real = await put('real.txt', anna.keyPem + anna.pem);
      await symlink(real, path.join(folder, 'x.pem'));
      const { mistakes } = await load();
      assert.deepEqual(mistakes.length, 1);
      assert.match(mistakes[0] ?? '', /x\.pem: is a symbolic link: /);
      await rm(path.join(folder, 'x.pem'));
      execFileSync('mkfifo', ['-m', '600', path.join(folder, 'x.pem')]);
      assert.match(await mistake('x.pem'), /is not a regular file: /);
    });

    it('refuses the file of another owner', async function () {
      if (process.geteuid?.() !== 0) skipOrFail(this, 'only root can give a file away');
      const file = await put('x.pem', anna.keyPem + anna.pem);
      await chown(file, 65534, 65534);
      assert.match(await mistake('x.pem'), /belongs to user 65534, the gateway runs as 0: /);
    });

    it('refuses a file too large to be a key', async () => {
      await put('x.pem', Buffer.alloc(1024 * 1024 + 1, 0x0a));
      assert.match(await mistake('x.pem'), /has 1048577 octets/);
    });
  });

  it('collects all mistakes of all files', async () => {
    await put('a.pem', anna.keyPem + anna.pem, 0o644);
    await put('b.pem', bert.pem);
    await put('c.p12', 'no PKCS #12');
    const { mistakes } = await load();
    assert.equal(mistakes.length, 3);
    for (const text of mistakes) assert.match(text, /^\/.+\/[abc]\.(pem|p12): .+: .+$/);
  });

  it('says of a folder that is not there, and takes an empty one', async () => {
    const { mistakes } = await loadIdentities({ folder: path.join(folder, 'none'), decryptsElsewhere: [] });
    assert.equal(mistakes.length, 1);
    assert.match(mistakes[0] ?? '', /none: cannot be read \(.+\): create it/);
    const empty = await load();
    assert.deepEqual([empty.mistakes, empty.warnings, empty.identities.all], [[], [], []]);
  });

  it('warns of files that it ignores, not of hidden ones', async () => {
    await put('anna.key', 'x');
    await put('.hidden', 'x');
    const { mistakes, warnings } = await load();
    assert.deepEqual(mistakes, []);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /anna\.key: is ignored: /);
  });

  describe('warnings', () => {
    it('says when a certificate also allows encryption, unless that mail is opened elsewhere', async () => {
      for (const keyUsage of [
        ['digitalSignature', 'keyEncipherment'],
        ['digitalSignature', 'keyAgreement'],
        null,
      ] as const) {
        const made = makeCertificate(authority, { emails: ['a@example.org', 'b@example.org'], keyUsage });
        await put('x.pem', made.keyPem + made.pem);
        const { warnings } = await load();
        assert.equal(warnings.length, 1, String(keyUsage));
        assert.match(warnings[0] ?? '', /also allows encryption.+decrypts: \{ a@example.org: elsewhere \}/);
        assert.match((await load([address('a@example.org')])).warnings[0] ?? '', /decrypts: \{ b@example.org/);
        assert.deepEqual((await load([address('A@example.org'), address('b@example.org')])).warnings, []);
      }
    });

    it('says when a certificate expired, expires within 30 days or is not yet valid, and loads it', async () => {
      const base = { emails: ['x@example.org'], keyUsage: ['digitalSignature'] } as const;
      const at = (days: number): Date => new Date(Date.now() + days * DAY);
      const cases: [MadeCertificate, RegExp | null][] = [
        [
          makeCertificate(authority, { ...base, notBefore: at(-9), notAfter: at(-1) }),
          /expired on \d{4}-\d\d-\d\d .+: renew it/,
        ],
        [makeCertificate(authority, { ...base, notAfter: at(29) }), /expires on .+: renew it/],
        [makeCertificate(authority, { ...base, notAfter: at(31) }), null],
        [makeCertificate(authority, { ...base, notBefore: at(1) }), /valid only from /],
      ];
      for (const [made, expected] of cases) {
        await put('x.pem', made.keyPem + made.pem);
        const { identities, mistakes, warnings } = await load();
        assert.deepEqual(mistakes, []);
        assert.ok(identities.find(address('x@example.org')) !== null);
        if (expected === null) assert.deepEqual(warnings, []);
        else assert.match(warnings.join('\n'), expected);
      }
    });
  });

  describe('PKCS #12', () => {
    function pkcs12(options: Partial<Pkcs12Options> = {}): Buffer {
      return makePkcs12({ certificates: [anna.der, authority.der], keys: [pkcs8(anna)], ...options });
    }

    it('opens files with the password beside them, with or without a line end, and with none', async () => {
      for (const [password, written] of [
        ['secret', 'secret'],
        ['secret', 'secret\n'],
        ['secret', 'secret\r\n'],
        ['pässwörd €', 'pässwörd €\n'],
        ['  spaces  ', '  spaces  \n'],
        ['', ''],
      ] as const) {
        await put('x.p12', pkcs12({ password }));
        await put('x.password', written);
        const { identities, mistakes } = await load();
        assert.deepEqual(mistakes, [], password);
        const identity = identities.find(address('anna@example.org'));
        assert.equal(identity?.certificate.sha256, anna.certificate.sha256);
        assert.equal(identity?.companions.length, 1);
      }
      await rm(path.join(folder, 'x.p12'));
      await rm(path.join(folder, 'x.password'));
      await put('y.pfx', pkcs12());
      assert.deepEqual((await load()).mistakes, []);
      await put('y.pfx', pkcs12({ emptyPassword: 'nothing' }));
      assert.deepEqual((await load()).mistakes, []);
    });

    it('refuses a wrong password without saying it', async () => {
      await put('x.p12', pkcs12({ password: 'right' }));
      await put('x.password', 'wrong-one');
      const text = await mistake('x.p12');
      assert.match(text, /does not open with its password: check the \.password file/);
      assert.ok(!text.includes('wrong-one'));
    });

    it('C23: refuses a file whose key derivation would take for ever, at once', async () => {
      for (const lie of [
        { claimedRounds: 10_000_001 },
        { claimedRounds: 2 ** 31 - 1 },
        { claimedRounds: 2n ** 40n },
        { claimedRounds: 2n ** 100n },
        { claimedRounds: 0 },
        { claimedMacRounds: 10_000_001 },
        { claimedMacRounds: 2n ** 64n },
        { claimedMacRounds: 0 },
      ]) {
        await put('x.p12', pkcs12(lie));
        assert.match(
          await mistake('x.p12'),
          /asks for more than 10000000 rounds/,
          JSON.stringify(lie, (_, v) => String(v)),
        );
      }
    });

    it('C23: counts the rounds of all parts together', async () => {
      // MAC and certificates may cost that much, but then nothing is left for the key
      await put('x.p12', pkcs12({ rounds: 2000, claimedMacRounds: 1 }));
      assert.deepEqual((await load()).mistakes, []);
      const budget = new RoundBudget();
      budget.spend(9_999_000);
      budget.spend(1000);
      assert.throws(() => budget.spend(1), { code: 'keys.unusable' });
    });

    it('refuses RC4 by name, with the command that converts the file, and old ciphers without their parameters', async () => {
      await put('x.p12', pkcs12({ scheme: '1.2.840.113549.1.12.1.2' }));
      const text = await mistake('x.p12');
      assert.ok(
        text.startsWith('is encrypted with RC4-40, which is not read: (umask 077; openssl pkcs12 -legacy '),
        text,
      );
      for (const scheme of ['1.2.840.113549.1.12.1.3', '1.2.840.113549.1.12.1.6']) {
        await put('x.p12', pkcs12({ scheme }));
        assert.match(await mistake('x.p12'), /^has broken parameters: /);
      }
    });

    it('C23: stops when the time is up', async () => {
      const budget = new RoundBudget(-1);
      await assert.rejects(budget.breathe(), { code: 'keys.unusable' });
      await assert.rejects(budget.within(new Promise(() => {})), { code: 'keys.unusable' });
      assert.equal(await new RoundBudget().within(Promise.resolve(7)), 7);
    });

    it('refuses what it does not know', async () => {
      const cases: [Partial<Pkcs12Options>, RegExp][] = [
        [{ scheme: '1.2.3.4' }, /is encrypted with 1\.2\.3\.4, which is not supported: /],
        [{ derivation: '1.3.6.1.4.1.11591.4.11' }, /derives its key by 1\.3\.6\.1\.4\.1\.11591\.4\.11/],
        [{ mac: false }, /has no MAC: /],
        [{ macAlgorithm: '1.2.840.113549.1.5.14' }, /has a MAC by 1\.2\.840\.113549\.1\.5\.14/],
        [{ keys: [], extraBags: 1 }, /has no private key: /],
        [{ keys: [pkcs8(anna), pkcs8(bert)] }, /more than one private key: /],
        [{ keys: [Buffer.from('no key')] }, /private key that cannot be read: /],
        [{ certificates: [Buffer.from('no certificate')] }, /is not a PKCS #12 file that can be read: /],
        [{ certificates: [bert.der] }, /does not belong to its certificate: /],
        [{ extraBags: 200 }, /more than 100 bags: /],
      ];
      for (const [options, expected] of cases) {
        await put('x.p12', pkcs12(options));
        assert.match(await mistake('x.p12'), expected);
      }
    });

    it('refuses octets that are no PKCS #12, cut short and changed', async () => {
      const whole = pkcs12();
      for (const bytes of [
        Buffer.alloc(0),
        Buffer.from('x'),
        whole.subarray(0, 100),
        Buffer.from('3003020103', 'hex'),
        anna.der,
      ]) {
        await put('x.p12', bytes);
        assert.match(await mistake('x.p12'), /^(is not a PKCS #12 file|has no MAC|is signed)/);
      }
      const changed = Buffer.from(whole);
      changed[400] = (changed[400] ?? 0) ^ 1;
      await put('x.p12', changed);
      assert.match(await mistake('x.p12'), /does not open with its password|is not a PKCS #12/);
    });

    it('opens what openssl writes, and old ciphers too, with the command that converts them', async function () {
      if (spawnSync('openssl', ['version']).error !== undefined) skipOrFail(this, 'openssl is not installed');
      const pem = await put('all.txt', anna.keyPem + anna.pem + authority.pem);
      const file = path.join(folder, "anna's file.p12");
      const make = (...more: string[]): void => {
        execFileSync('openssl', ['pkcs12', '-export', '-in', pem, '-out', file, ...more]);
      };
      for (const options of [
        [],
        ['-certpbe', 'NONE'],
        ['-keypbe', 'NONE'],
        ['-macalg', 'sha512'],
        ['-macalg', 'sha1'],
      ]) {
        make('-passout', 'pass:', ...options);
        await chmod(file, 0o600);
        const { identities, mistakes } = await load();
        assert.deepEqual(mistakes, [], options.join(' '));
        assert.ok(identities.find(address('anna@example.org')) !== null);
      }
      await put("anna's file.password", 'sécret\n');
      make('-passout', 'pass:sécret');
      assert.deepEqual((await load()).mistakes, []);
      try {
        make('-passout', 'pass:sécret', '-legacy');
      } catch {
        skipOrFail(this, 'openssl has no legacy provider');
      }
      for (const [scheme, name] of [
        ['PBE-SHA1-3DES', '3DES'],
        ['PBE-SHA1-2DES', '3DES with two keys'],
        ['PBE-SHA1-RC2-128', 'RC2-128'],
        ['PBE-SHA1-RC2-40', 'RC2-40'],
      ] as const) {
        for (const password of ['sécret', '', 'a'.repeat(70)]) {
          await put("anna's file.password", `${password}\n`);
          make('-passout', `pass:${password}`, '-legacy', '-keypbe', scheme, '-certpbe', scheme, '-macalg', 'sha1');
          const old = await load();
          assert.deepEqual(old.mistakes, [], `${scheme} ${password}`);
          assert.ok(old.identities.find(address('anna@example.org')) !== null);
          assert.match(old.warnings.join(), new RegExp(`is encrypted with ${name}, which protects it badly: `));
        }
      }
      await put("anna's file.password", 'wrong\n');
      assert.match(await mistake("anna's file.p12"), /does not open with its password/);
      await put("anna's file.password", 'sécret\n');
      make('-passout', 'pass:sécret', '-legacy');
      const text = (await load()).warnings.find((warning) => warning.includes('protects it badly')) ?? '';
      execFileSync('sh', ['-c', text.slice(text.indexOf('(umask'))], { stdio: 'pipe' });
      const { identities, mistakes, warnings } = await load();
      assert.deepEqual(mistakes, []);
      assert.doesNotMatch(warnings.join(), /protects it badly/);
      assert.ok(identities.find(address('anna@example.org')) !== null);
    });
  });
});
