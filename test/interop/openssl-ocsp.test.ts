/**
 * The real `openssl ocsp` responder and `openssl ca -gencrl`: what they answer is read and believed as they mean it.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type MadeCertificate, makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import { distributionPoints, makeCrl, ocspAccess } from '../support/crl-builder.ts';
import { readList } from '../support/crl-evidence.ts';
import { RevocationHouse, saidOf } from '../support/revocation-house.ts';
import { skipOrFail } from '../support/vectors.ts';

const CNF = `[ca]
default_ca = this
[this]
database = index.txt
crlnumber = crlnumber
default_md = sha256
default_crl_days = 2
crl_extensions = crl
[crl]
authorityKeyIdentifier = keyid
`;

/** A folder in which openssl keeps the books of an authority. */
class OpensslAuthority {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'sealgate-openssl-ca-'));
  readonly root: MadeCertificate;
  #responder: ChildProcess | null = null;

  constructor(root: MadeCertificate) {
    this.root = root;
    this.put('root.pem', root.pem);
    this.put('root.key', root.keyPem);
    this.put('ca.cnf', CNF);
    this.put('crlnumber', '1000\n');
    this.put('index.txt', '');
    this.put('index.txt.attr', 'unique_subject = no\n');
  }

  put(name: string, text: string): string {
    const file = path.join(this.folder, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  }

  issue(made: MadeCertificate): void {
    const serial = made.certificate.serial.toString('hex').toUpperCase();
    const index = readFileSync(path.join(this.folder, 'index.txt'), 'utf8');
    this.put('index.txt', `${index}V\t301231235959Z\t\t${serial}\tunknown\t/CN=${made.certificate.subjectName}\n`);
  }

  revoke(made: MadeCertificate, reason: string): void {
    const file = this.put('gone.pem', made.pem);
    this.#openssl(
      'ca',
      '-config',
      'ca.cnf',
      '-cert',
      'root.pem',
      '-keyfile',
      'root.key',
      '-revoke',
      file,
      '-crl_reason',
      reason,
    );
  }

  crl(): Buffer {
    this.#openssl('ca', '-config', 'ca.cnf', '-cert', 'root.pem', '-keyfile', 'root.key', '-gencrl', '-out', 'crl.pem');
    return this.#openssl('crl', '-in', 'crl.pem', '-outform', 'DER');
  }

  /** @param signer who signs the answers; null: the authority itself */
  async respond(port: number, signer: MadeCertificate | null): Promise<void> {
    await this.silence();
    const key = signer === null ? 'root' : 'signer';
    if (signer !== null) {
      this.put('signer.pem', signer.pem);
      this.put('signer.key', signer.keyPem);
    }
    const words = ['ocsp', '-index', 'index.txt', '-CA', 'root.pem', '-rsigner', `${key}.pem`, '-rkey', `${key}.key`];
    const child = spawn('openssl', [...words, '-port', String(port), '-ndays', '1'], {
      cwd: this.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#responder = child;
    // not tried by a connection: one that says nothing would hold it up for good
    await new Promise<void>((resolve, reject) => {
      const look = (text: Buffer): void => {
        if (text.includes('ACCEPT') || text.includes('waiting for')) resolve();
      };
      child.stdout?.on('data', look);
      child.stderr?.on('data', look);
      child.once('exit', () => reject(new Error('openssl ocsp ended')));
    });
  }

  async silence(): Promise<void> {
    const child = this.#responder;
    this.#responder = null;
    if (child === null || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  async close(): Promise<void> {
    await this.silence();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #openssl(...words: string[]): Buffer {
    return execFileSync('openssl', words, { cwd: this.folder, stdio: ['ignore', 'pipe', 'pipe'] });
  }
}

/** A port that was free a moment ago: the responder takes no 0. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

describe('interop: openssl ca and openssl ocsp', function () {
  this.timeout(60_000);
  let house: RevocationHouse;
  let books: OpensslAuthority;
  let port = 0;

  before(async function () {
    if (spawnSync('openssl', ['version']).status !== 0) skipOrFail(this, 'no openssl');
    port = await freePort();
  });
  beforeEach(async () => {
    house = await RevocationHouse.open({ fetchTimeoutMs: 5_000, validationTimeoutMs: 10_000 });
    books = new OpensslAuthority(house.root);
  });
  afterEach(async () => {
    await books.close();
    await house.close();
  });

  const person = (): MadeCertificate => {
    const made = house.person([ocspAccess(`http://127.0.0.1:${port}/`)]);
    books.issue(made);
    return made;
  };

  it('OCSP: good, revoked with its reason, unknown; signed by the authority', async () => {
    const [good, gone] = [person(), person()];
    books.revoke(gone, 'keyCompromise');
    await books.respond(port, null);
    const trust = await house.trust();
    assert.match(saidOf(await house.ask(trust, good)), /^not revoked \(OCSP response of/);
    assert.match(saidOf(await house.ask(trust, gone)), /^revoked: .*keyCompromise/);
    const stranger = house.person([ocspAccess(`http://127.0.0.1:${port}/`)]);
    assert.match(saidOf(await house.ask(trust, stranger)), /^revocation-unknown/);
  });

  it('OCSP: signed by a responder whom the authority allows to, and by one it does not', async () => {
    const allowed = (extendedKeyUsage: string): MadeCertificate =>
      makeCertificate(house.root, {
        name: 'Responder',
        key: 'p-256',
        freshKey: true,
        extendedKeyUsage: [extendedKeyUsage],
        extraExtensions: [{ oid: '1.3.6.1.5.5.7.48.1.5', critical: false, value: Buffer.from('0500', 'hex') }],
      });
    const bob = person();
    await books.respond(port, allowed('1.3.6.1.5.5.7.3.9'));
    assert.match(saidOf(await house.ask(await house.trust({ cache: null }), bob)), /^not revoked \(OCSP/);
    await books.respond(port, allowed('1.3.6.1.5.5.7.3.4'));
    assert.match(saidOf(await house.ask(await house.trust({ cache: null }), bob)), /^revocation-unknown/);
  });

  it('OCSP: nobody answers', async () => {
    assert.match(saidOf(await house.ask(await house.trust(), person())), /^revocation-unknown/);
  });

  it('CRL: entries, reasons and number as openssl wrote them', async () => {
    const people = [person(), person(), person()];
    const reasons = ['superseded', 'keyCompromise'];
    people.slice(0, 2).forEach((made, index) => {
      books.revoke(made, reasons[index] ?? '');
    });
    const list = readList(books.crl(), [house.root.certificate], 64);
    assert.equal(list.signedBy.length, 1);
    assert.equal(list.number, 0x1000n);
    assert.equal(list.entries.count, 2);
    const [first, second, third] = people.map(({ certificate }) =>
      list.entries.find(certificate.serial, certificate.issuer),
    );
    assert.deepEqual([first?.reason, second?.reason, third], [4, 1, null]);
  });

  it('CRL over HTTP: a certificate revoked by openssl is refused', async () => {
    const bob = house.person([distributionPoints(house.server.url('/openssl.crl'))]);
    books.issue(bob);
    house.server.set('/openssl.crl', { kind: 'answer', body: books.crl() });
    const trust = await house.trust({ refreshMs: 40 });
    assert.match(saidOf(await house.ask(trust, bob)), /^not revoked/);
    // the new list must not look older: its times are of whole seconds
    await new Promise((done) => setTimeout(done, 1_100));
    books.revoke(bob, 'cessationOfOperation');
    house.server.set('/openssl.crl', { kind: 'answer', body: books.crl() });
    let said = '';
    for (let wait = 0; wait < 200 && !said.startsWith('revoked'); wait++) {
      await new Promise((done) => setTimeout(done, 20));
      said = saidOf(await house.ask(trust, bob));
    }
    assert.match(said, /cessationOfOperation/);
  });

  it('our CRLs are read by openssl, for the tests rest on them', () => {
    const root = makeAuthority({ name: 'Other' });
    const made = makeCertificate(root, { key: 'p-256' });
    const file = path.join(books.folder, 'ours.crl');
    writeFileSync(file, makeCrl(root, { entries: [{ certificate: made.certificate, reason: 1 }] }));
    books.put('other.pem', root.pem);
    const shown = execFileSync(
      'openssl',
      ['crl', '-inform', 'DER', '-in', file, '-noout', '-text', '-CAfile', 'other.pem'],
      {
        cwd: books.folder,
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    ).toString();
    assert.match(shown, /Key Compromise/);
    assert.match(shown, new RegExp(made.certificate.serial.toString('hex'), 'i'));
  });
});
