/** gpgsm of GnuPG as a peer, with a home of its own. Its agent ends with the test. */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { MadeCertificate } from '../../support/certificate-builder.ts';
import { type Answer, Bench, type EncryptionWay, noPkcs12, type Peer, refused, type SignatureWay } from './peer.ts';

const UNLOCK = ['--batch', '--pinentry-mode', 'loopback', '--passphrase-fd', '0'];

export class GpgsmPeer implements Peer {
  readonly name = 'gpgsm';
  private readonly bench = new Bench();
  private readonly home = path.join(this.bench.folder, 'home');
  private readonly imported = new Map<string, string | null>();

  constructor() {
    mkdirSync(this.home, { mode: 0o700 });
    writeFileSync(path.join(this.home, 'gpgsm.conf'), 'disable-crl-checks\ndisable-policy-checks\nbatch\n');
    writeFileSync(path.join(this.home, 'gpg-agent.conf'), 'allow-loopback-pinentry\n');
  }

  version(): string | null {
    const { ok, out } = this.bench.run('gpgsm', ['--version']);
    return ok ? (/\d[\d.]*/.exec(out.toString())?.[0] ?? '') : null;
  }

  async verify(object: Buffer, content: Buffer | null, root: MadeCertificate): Promise<Answer> {
    this.trust(root);
    const signature = this.bench.put(object);
    if (content !== null) {
      const { ok, words } = this.gpgsm(['--batch', '--verify', signature, this.bench.put(content)]);
      return ok ? { ok: true, octets: content } : refused(told(words));
    }
    const out = this.bench.fresh();
    const run = this.gpgsm(['--batch', '--output', out, '--verify', signature]);
    return this.bench.fileOf({ ok: run.ok, words: told(run.words) }, out);
  }

  async decrypt(object: Buffer, recipient: MadeCertificate): Promise<Answer> {
    const problem = this.importKey(recipient);
    if (problem !== null) return refused(problem);
    const { ok, out, words } = this.gpgsm([...UNLOCK, '--decrypt', this.bench.put(object)], 'x');
    return ok ? { ok: true, octets: out } : refused(told(words));
  }

  async sign(content: Buffer, signer: MadeCertificate, way: SignatureWay, detached: boolean): Promise<Answer> {
    if (way.padding === 'rsa-pss') return refused('gpgsm has no option to sign with RSASSA-PSS');
    const problem = this.importKey(signer);
    if (problem !== null) return refused(problem);
    const how = ['--local-user', name(signer), '--sign', ...(detached ? ['--detach-sign'] : [])];
    const { ok, out, words } = this.gpgsm([...UNLOCK, ...how, this.bench.put(content)], 'x');
    return ok ? { ok: true, octets: out } : refused(told(words));
  }

  async encrypt(content: Buffer, recipient: MadeCertificate, way: EncryptionWay): Promise<Answer> {
    if (way.transport === 'rsa-oaep') return refused('gpgsm has no option to encrypt with RSAES-OAEP');
    const { ok: known, words: problem } = this.gpgsm(['--batch', '--import', this.bench.put(recipient.pem)]);
    if (!known) return refused(told(problem));
    const cipher = CIPHERS[way.cipher] ?? way.cipher;
    const args = [
      '--batch',
      '--cipher-algo',
      cipher,
      '--recipient',
      name(recipient),
      '--encrypt',
      this.bench.put(content),
    ];
    const { ok, out, words } = this.gpgsm(args);
    return ok ? { ok: true, octets: out } : refused(told(words));
  }

  close(): void {
    this.bench.run('gpgconf', ['--homedir', this.home, '--kill', 'all']);
    this.bench.remove();
  }

  private trust(root: MadeCertificate): void {
    const fingerprint = createHash('sha1').update(root.der).digest('hex').toUpperCase();
    if (this.imported.has(fingerprint)) return;
    this.imported.set(fingerprint, null);
    writeFileSync(path.join(this.home, 'trustlist.txt'), `${fingerprint} S relax\n`);
    this.gpgsm(['--batch', '--import', this.bench.put(root.pem)]);
    this.bench.run('gpgconf', ['--homedir', this.home, '--reload', 'gpg-agent']);
  }

  /** @returns why not, in its words */
  private importKey(made: MadeCertificate): string | null {
    const { sha256 } = made.certificate;
    const known = this.imported.get(sha256);
    if (known !== undefined) return known;
    const file = this.bench.fresh('p12');
    // it reads only the ciphers of old PKCS #12 files
    const args = [
      'pkcs12',
      '-export',
      '-legacy',
      '-in',
      this.bench.put(made.pem),
      '-inkey',
      this.bench.put(made.keyPem),
    ];
    const made12 = this.bench.run('openssl', [...args, '-out', file, '-passout', 'pass:x']);
    if (!made12.ok) return this.remember(sha256, noPkcs12(made12.words));
    const { ok, words } = this.gpgsm([...UNLOCK, '--import', file], 'x');
    const imported = ok && /secret keys imported: 1|secret keys unchanged: 1/.test(words);
    return this.remember(sha256, imported ? null : `import: ${told(words)}`);
  }

  private remember(sha256: string, problem: string | null): string | null {
    this.imported.set(sha256, problem);
    return problem;
  }

  private gpgsm(args: readonly string[], input = ''): ReturnType<Bench['run']> {
    return this.bench.run('gpgsm', args, { input, environment: { GNUPGHOME: this.home, LC_ALL: 'C' } });
  }
}

const CIPHERS: Readonly<Record<string, string>> = {
  'aes-128-cbc': 'AES128',
  'aes-256-cbc': 'AES256',
  'aes-128-gcm': 'AES128.GCM',
  'aes-256-gcm': 'AES256.GCM',
};

/** Its complaints, without what it says to everything. */
function told(words: string): string {
  return words
    .split('\n')
    .filter(
      (line) =>
        !/not checked due to|total number|imported: |unchanged: |secret keys read|DBG|keybox|created/.test(line),
    )
    .map((line) => line.replace(/^gpgsm: /, ''))
    .join('\n');
}

/** By fingerprint: the tests have many people of one name. */
function name({ der }: MadeCertificate): string {
  return createHash('sha1').update(der).digest('hex').toUpperCase();
}
