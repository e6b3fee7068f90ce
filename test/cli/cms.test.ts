/** `sealgate cms` as a user calls it: what it writes, what it refuses, and with which exit code. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runCommandLine } from '../../src/cli/command-line.ts';
import { EXIT } from '../../src/cli/exit-code.ts';
import { algorithmSupport } from '../../src/keys/algorithm-support.ts';
import { type KeyKind, type MadeCertificate, makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import { makePkcs12 } from '../support/pkcs12-builder.ts';
import { CapturedTerminal } from './captured-terminal.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'sealgate-cms-cli-'));
const root = makeAuthority({ name: 'Root' });
const issuing = makeAuthority({ name: 'Issuing', issuer: root });

function put(name: string, content: string | Buffer): string {
  const file = path.join(folder, name);
  writeFileSync(file, content, { mode: 0o600 });
  return file;
}

/** Files of one person: NAME.pem and NAME.key. */
function person(name: string, key: KeyKind = 'p-256'): MadeCertificate {
  const made = makeCertificate(issuing, { name, key, emails: [`${name}@example.org`] });
  put(`${name}.pem`, made.pem);
  put(`${name}.key`, made.keyPem);
  return made;
}

interface Run {
  readonly code: number;
  readonly out: Buffer;
  readonly said: string;
}

async function cms(words: string, input: string | Buffer = ''): Promise<Run> {
  const terminal = new CapturedTerminal({ input });
  const files = words.split(' ').map((word) => (/\.[a-z0-9]+$/.test(word) ? path.join(folder, word) : word));
  const code = await runCommandLine(['cms', ...files], terminal);
  const text = Buffer.from(terminal.results.join(''));
  return { code, out: Buffer.concat([...terminal.octets, text]), said: terminal.said.join('') };
}

const MAIL =
  'From: alice@example.org\r\nTo: bob@example.org\r\nSubject: hello\r\nMIME-Version: 1.0\r\n' +
  'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGr\u00fc\u00dfe\r\nof plain text this has more\r\nline 2\r\n';
const ENTITY =
  'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n' +
  'Gr=C3=BC=C3=9Fe\r\nof plain text this has more\r\nline 2\r\n';
const SIGN = 'sign --signer alice.pem --key alice.key --chain issuing.pem';
const SEAL = 'seal --signer alice.pem --key alice.key --chain issuing.pem --recipient bob.pem';
const VERIFY = 'verify --trust root.pem';

describe('sealgate cms', () => {
  let alice: MadeCertificate;
  before(() => {
    put('root.pem', root.pem);
    put('issuing.pem', issuing.pem);
    alice = person('alice');
    person('bob', 'rsa-2048');
    person('eve', 'rsa-2048');
  });
  after(() => rmSync(folder, { recursive: true }));

  if (algorithmSupport.has('ml-kem-768')) {
    it('says what is not post-quantum, and encrypts to nothing else under pq', async () => {
      person('lena', 'ml-kem-768');
      person('dora', 'ml-dsa-65');
      const seal = 'seal --profile pq --recipient lena.pem --chain issuing.pem';
      const classical = await cms(`${seal} --signer alice.pem --key alice.key`, MAIL);
      assert.equal(classical.code, EXIT.ok, classical.said);
      assert.match(classical.said, /alice\.key: ec signature, which quantum computers forge, under profile pq/);
      const safe = await cms(`${seal} --signer dora.pem --key dora.key`, MAIL);
      assert.deepEqual([safe.code, safe.said], [EXIT.ok, '']);
      const refused = await cms('encrypt --profile pq --recipient lena.pem bob.pem', MAIL);
      assert.deepEqual([refused.code, refused.out.length], [EXIT.data, 0]);
      assert.match(
        refused.said,
        /bob\.pem: nothing can be encrypted to it: rsa key, profile pq encrypts to ml-kem-768/,
      );
      const mixed = await cms('encrypt --recipient lena.pem bob.pem', MAIL);
      assert.equal(mixed.code, EXIT.ok, mixed.said);
      assert.match(mixed.said, /^1 of 2 recipients have ML-KEM keys: beside the others these protect nothing more$/m);
    });
  }

  describe('sign and verify', () => {
    it('signs a message as multipart/signed; its other fields stay outside', async () => {
      const signed = await cms(SIGN, MAIL);
      assert.equal(signed.code, EXIT.ok, signed.said);
      assert.match(
        signed.out.toString(),
        /^From: alice@example\.org\r\nTo: bob@example\.org\r\nSubject: hello\r\nMIME-Version: 1\.0\r\nContent-Type: multipart\/signed;/,
      );
      const verified = await cms(VERIFY, signed.out);
      assert.deepEqual([verified.code, verified.out.toString()], [EXIT.ok, ENTITY]);
      assert.match(
        verified.said,
        /^valid\nsigner CN=alice, alice@example\.org: valid \(ecdsa-sha256, sha256, says it signed at /,
      );
    });

    it('says the verdict as one JSON object', async () => {
      const signed = await cms(SIGN, MAIL);
      const verified = await cms(`${VERIFY} --json`, signed.out);
      const verdict = JSON.parse(verified.said) as { valid: boolean; signers: { certificate: { sha256: string } }[] };
      assert.equal(verdict.valid, true);
      assert.deepEqual(Object.keys(verdict), [
        'valid',
        'reason',
        'detail',
        'detached',
        'contentType',
        'repaired',
        'signers',
      ]);
      assert.equal(verdict.signers.length, 1);
      assert.equal(verdict.signers[0]?.certificate.sha256, alice.certificate.sha256);
    });

    for (const form of ['smime', 'der', 'pem']) {
      it(`signs opaque in form ${form}`, async () => {
        const signed = await cms(`${SIGN} --opaque --form ${form}`, MAIL);
        assert.equal(signed.code, EXIT.ok, signed.said);
        const verified = await cms(`${VERIFY} --form ${form}`, signed.out);
        assert.deepEqual([verified.code, verified.out.toString()], [EXIT.ok, form === 'smime' ? ENTITY : MAIL]);
      });
    }

    it('signs any octets detached, and verifies them beside the content', async () => {
      const octets = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7) & 255));
      put('content.bin', octets);
      const signed = await cms(`${SIGN} --form pem`, octets);
      assert.match(signed.out.toString(), /^-----BEGIN CMS-----\n[\s\S]*\n-----END CMS-----\n$/);
      const verified = await cms(`${VERIFY} --form pem --content content.bin`, signed.out);
      assert.equal(verified.code, EXIT.ok, verified.said);
      assert.ok(verified.out.equals(octets));
      const alone = await cms(`${VERIFY} --form pem --json`, signed.out);
      assert.deepEqual([alone.code, alone.out.length], [EXIT.no, 0]);
      assert.equal((JSON.parse(alone.said) as { reason: string }).reason, 'content-missing');
    });

    it('writes nothing of what is not valid, unless it is asked to', async () => {
      const signed = await cms(SIGN, MAIL);
      const changed = Buffer.from(signed.out.toString('latin1').replace('line 2', 'line 3'), 'latin1');
      const refused = await cms(`${VERIFY} --json`, changed);
      assert.deepEqual([refused.code, refused.out.length], [EXIT.no, 0]);
      const verdict = JSON.parse(refused.said) as { signers: { reason: string }[] };
      assert.equal(verdict.signers[0]?.reason, 'digest-mismatch');
      const anyway = await cms(`${VERIFY} --output-anyway`, changed);
      assert.deepEqual([anyway.code, anyway.out.toString()], [EXIT.no, ENTITY.replace('line 2', 'line 3')]);
    });

    it('trusts whom --trust names, at the time of --at', async () => {
      const signed = await cms(SIGN, MAIL);
      const other = makeAuthority({ name: 'Other Root' });
      put('other.pem', other.pem);
      const untrusted = await cms('verify --trust other.pem --json', signed.out);
      assert.deepEqual([untrusted.code, untrusted.out.length], [EXIT.no, 0]);
      assert.match(untrusted.said, /"reason": "untrusted"/);
      const late = await cms(`${VERIFY} --at 2099-01-01`, signed.out);
      assert.equal(late.code, EXIT.no);
      assert.match(late.said, /untrusted: expired/);
      assert.equal((await cms(`${VERIFY} --at yesterday`, signed.out)).code, EXIT.usage);
    });

    it('verifies what lost its CRs, and says so', async () => {
      const signed = await cms(SIGN, MAIL);
      const unix = signed.out.toString('latin1').replaceAll('\r\n', '\n');
      const verified = await cms(`${VERIFY} --json`, unix);
      assert.deepEqual([verified.code, verified.out.toString()], [EXIT.ok, ENTITY]);
      assert.equal((JSON.parse(verified.said) as { repaired: boolean }).repaired, true);
    });

    it('takes files with bare line feeds', async () => {
      const signed = await cms(SIGN, MAIL.replaceAll('\r\n', '\n'));
      const verified = await cms(VERIFY, signed.out);
      assert.deepEqual([verified.code, verified.out.toString()], [EXIT.ok, ENTITY]);
    });

    it('takes the signer from PKCS #12', async () => {
      const { certificate, privateKey } = makeCertificate(issuing, { key: 'p-256', emails: ['carl@example.org'] });
      const key = privateKey.export({ format: 'der', type: 'pkcs8' });
      put('carl.p12', makePkcs12({ certificates: [certificate.der, issuing.der], keys: [key], password: 'secret' }));
      put('password.txt', 'secret\n');
      const signed = await cms('sign --signer carl.p12 --password-file password.txt', MAIL);
      assert.equal(signed.code, EXIT.ok, signed.said);
      assert.equal((await cms(VERIFY, signed.out)).code, EXIT.ok);
      put('wrong.txt', 'wrong\n');
      assert.equal((await cms('sign --signer carl.p12 --password-file wrong.txt', MAIL)).code, EXIT.data);
    });
  });

  describe('seal, encrypt and decrypt', () => {
    for (const [cipher, type] of [
      ['aes-256-cbc', 'enveloped-data'],
      ['aes-256-gcm', 'authEnveloped-data'],
      ['chacha20-poly1305', 'authEnveloped-data'],
    ]) {
      it(`seals with ${cipher}, decrypts and verifies`, async () => {
        const sealed = await cms(`${SEAL} --cipher ${cipher}`, MAIL);
        assert.equal(sealed.code, EXIT.ok, sealed.said);
        assert.match(sealed.out.toString(), new RegExp(`^From: [\\s\\S]*smime-type=${type}`));
        assert.doesNotMatch(sealed.out.toString(), /quoted-printable/);
        const opened = await cms('decrypt --key bob.key --cert bob.pem', sealed.out);
        assert.equal(opened.code, EXIT.ok, opened.said);
        const verified = await cms(VERIFY, opened.out);
        assert.deepEqual([verified.code, verified.out.toString()], [EXIT.ok, ENTITY]);
      });
    }

    for (const key of ['rsa-2048', 'p-256', 'x25519'] as const) {
      it(`opens by the key alone where one recipient can be meant (${key})`, async () => {
        person('solo', key);
        const sealed = await cms('encrypt --recipient solo.pem --form der', MAIL);
        assert.equal(sealed.code, EXIT.ok, sealed.said);
        const opened = await cms('decrypt --key solo.key --form der', sealed.out);
        assert.deepEqual([opened.code, opened.out.toString()], [EXIT.ok, MAIL]);
      });
    }

    it('asks for the certificate where two recipients may be meant', async () => {
      const sealed = await cms('encrypt --recipient bob.pem eve.pem --form der', MAIL);
      assert.equal((await cms('decrypt --key eve.key --form der', sealed.out)).code, EXIT.usage);
      assert.equal((await cms('decrypt --key eve.key --cert eve.pem --form der', sealed.out)).out.toString(), MAIL);
    });

    it('ends with 1 for another key, without an octet', async () => {
      const sealed = await cms('encrypt --recipient bob.pem --form der', MAIL);
      const refused = await cms('decrypt --key eve.key --cert eve.pem --form der', sealed.out);
      assert.deepEqual([refused.code, refused.out.length], [EXIT.no, 0]);
      assert.match(refused.said, /^not-for-me: /);
    });

    it('writes nothing of what was changed', async () => {
      const content = Buffer.alloc(500_000, 'content ');
      const sealed = await cms('encrypt --recipient bob.pem --form der --profile modern', content);
      sealed.out[sealed.out.length - 100_000] = (sealed.out[sealed.out.length - 100_000] ?? 0) ^ 1;
      const refused = await cms('decrypt --key bob.key --cert bob.pem --form der', sealed.out);
      assert.deepEqual([refused.code, refused.out.length], [EXIT.no, 0]);
      assert.match(refused.said, /^cannot-decrypt: /);
    });

    it('writes long content with indefinite lengths, and reads it back', async () => {
      const content = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => (i * 31 + (i >> 8)) & 255));
      for (const cipher of ['aes-128-cbc', 'aes-128-gcm']) {
        const sealed = await cms(`encrypt --recipient bob.pem --form der --cipher ${cipher}`, content);
        assert.equal(sealed.out[1], 0x80);
        const opened = await cms('decrypt --key bob.key --cert bob.pem --form der', sealed.out);
        assert.ok(opened.out.equals(content), opened.said);
      }
      const signed = await cms(`${SIGN} --opaque --form der`, content);
      assert.equal(signed.out[1], 0x80);
      const verified = await cms(`${VERIFY} --form der`, signed.out);
      assert.ok(verified.out.equals(content), verified.said);
    });
  });

  describe('files and exit codes', () => {
    it('makes an output file only when all was well', async () => {
      const sealed = await cms('encrypt --recipient bob.pem --form der', MAIL);
      put('sealed.der', sealed.out);
      const before = readdirSync(folder).length;
      const refused = await cms('decrypt --key eve.key --cert eve.pem --form der --in sealed.der --out never.eml');
      assert.equal(refused.code, EXIT.no);
      assert.equal(readdirSync(folder).length, before);
      const opened = await cms('decrypt --key bob.key --cert bob.pem --form der --in sealed.der --out opened.eml');
      assert.deepEqual([opened.code, opened.out.length], [EXIT.ok, 0]);
      assert.equal(readFileSync(path.join(folder, 'opened.eml'), 'latin1'), Buffer.from(MAIL).toString('latin1'));
      assert.equal(readdirSync(folder).length, before + 1);
    });

    for (const [what, words, input, code] of [
      ['no S/MIME', VERIFY, MAIL, EXIT.data],
      ['no header', SIGN, 'just text', EXIT.data],
      [
        'broken base64',
        'decrypt --key bob.key --cert bob.pem',
        'Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\nMII*\r\n',
        EXIT.data,
      ],
      ['no BER', 'show --form der', 'not BER at all', EXIT.data],
      ['no PEM', 'show --form pem', 'not PEM at all', EXIT.data],
      ['a file that is not there', 'show --form der --in none.der', '', EXIT.noInput],
      ['a certificate that is not there', 'encrypt --recipient none.pem', MAIL, EXIT.noInput],
      ['a key as certificate', 'encrypt --recipient alice.key', MAIL, EXIT.data],
      ['key and certificate of two people', 'sign --signer bob.pem --key alice.key', MAIL, EXIT.data],
      ['no signer', 'sign', MAIL, EXIT.usage],
      ['an unknown profile', `${SIGN} --profile none`, MAIL, EXIT.usage],
      ['an unknown cipher', 'encrypt --recipient bob.pem --cipher des-ede3-cbc', MAIL, EXIT.usage],
      ['an unknown form', 'show --form xml', '', EXIT.usage],
      ['an unknown tolerance', `${VERIFY} --allow everything`, MAIL, EXIT.usage],
      ['a profile that the key does not fit', 'encrypt --recipient bob.pem --profile bsi', MAIL, EXIT.data],
    ] as const) {
      it(`ends with ${code} for ${what}`, async () => {
        const run = await cms(words, input);
        assert.deepEqual([run.code, run.out.length], [code, 0], run.said);
        assert.notEqual(run.said, '');
      });
    }

    it('says what is wrong in plain words, and what to do about it', async () => {
      const signed = (await cms(SIGN, MAIL)).out;
      const sealed = (await cms(SEAL, MAIL)).out;
      const beside = (await cms(`${SIGN} --form der`, 'octets')).out;
      const { certificate, privateKey } = makeCertificate(issuing, { name: 'dave' });
      const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' });
      put('dave.p12', makePkcs12({ certificates: [certificate.der], keys: [pkcs8], password: 'right' }));
      put('wrong.txt', 'wrong\n');
      mkdirSync(path.join(folder, 'folder.d'));
      const half = sealed.subarray(0, sealed.lastIndexOf('\n', sealed.length - 200) - 3);
      for (const [words, input, code, said] of [
        ['show --in none.eml', '', EXIT.noInput, /^\S+none\.eml cannot be read: it does not exist\n$/],
        ['show --in folder.d', '', EXIT.noInput, /^\S+folder\.d cannot be read: it is a folder\n$/],
        ['encrypt --recipient none.pem', MAIL, EXIT.noInput, /none\.pem cannot be read: it does not exist\n$/],
        [
          `${SIGN} --out ${path.join(folder, 'nowhere/x.eml')}`,
          MAIL,
          EXIT.temporary,
          /^\S+x\.eml cannot be written: its folder does not exist\n$/,
        ],
        [VERIFY, sealed, EXIT.data, /^not valid: wrong-content-type: .*\nhint: sealgate cms decrypt opens it\n$/],
        [
          `${VERIFY} --form der`,
          beside,
          EXIT.no,
          /^not valid: content-missing: the signature is of a content that is not here\nhint: --content FILE /,
        ],
        [
          'decrypt --key eve.key',
          sealed,
          EXIT.no,
          /^cannot-decrypt: .*\nhint: another key, or a message that was changed: /,
        ],
        [
          'decrypt --key eve.key --cert eve.pem',
          sealed,
          EXIT.no,
          /^not-for-me: .*\nhint: sealgate cms show names the recipients/,
        ],
        ['decrypt --key bob.key', half, EXIT.data, /^base64 ends within a group of four characters\n$/],
        [VERIFY, signed.subarray(0, 900), EXIT.data, /^multipart\/signed: it has not two parts\n$/],
        [
          'sign --signer dave.p12 --password-file wrong.txt',
          MAIL,
          EXIT.data,
          /^\S+dave\.p12: does not open with its password\n$/,
        ],
      ] as const) {
        const run = await cms(words, input);
        assert.deepEqual([run.code, run.out.length], [code, 0], `${words}: ${run.said}`);
        assert.match(run.said, said, words);
      }
    });

    it('has a verdict as JSON for what cannot be read, too', async () => {
      const run = await cms(`${VERIFY} --json`, 'just text');
      assert.equal(run.code, EXIT.data);
      assert.deepEqual((JSON.parse(run.said) as { valid: boolean; signers: unknown[] }).signers, []);
    });
  });

  describe('show', () => {
    it('shows recipients and cipher without any key', async () => {
      person('ec', 'p-384');
      const sealed = await cms('encrypt --recipient bob.pem ec.pem --form der --profile modern', MAIL);
      const shown = await cms('show --form der --json', sealed.out);
      const facts = JSON.parse(shown.out.toString()) as {
        type: string;
        content: object;
        recipients: { kind: string }[];
      };
      assert.equal(facts.type, 'authEnvelopedData');
      assert.deepEqual(facts.recipients.map(({ kind }) => kind).sort(), ['key-agreement', 'key-transport']);
      assert.match((await cms('show --form der', sealed.out)).out.toString(), /\n {2}cipher +aes-256-gcm\n/);
    });

    it('shows signers and certificates', async () => {
      const shown = await cms('show', (await cms(SIGN, MAIL)).out);
      assert.match(
        shown.out.toString(),
        /^type +signedData\n[\s\S]*signature algorithm +ecdsa-sha256\n[\s\S]*subject +CN=alice\n/,
      );
    });
  });
});
