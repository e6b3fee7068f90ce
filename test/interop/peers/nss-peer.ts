/** NSS as a peer: cmsutil, with a database of its own made by certutil and pk12util. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { MadeCertificate } from '../../support/certificate-builder.ts';
import { type Answer, Bench, type EncryptionWay, noPkcs12, type Peer, refused, type SignatureWay } from './peer.ts';

export class NssPeer implements Peer {
  readonly name = 'NSS';
  private readonly bench = new Bench();
  private readonly database = `sql:${path.join(this.bench.folder, 'nss')}`;
  private readonly imported = new Map<string, string | null>();
  private readonly release: string | null;

  constructor() {
    mkdirSync(path.join(this.bench.folder, 'nss'));
    const made = this.bench.run('certutil', ['-N', '-d', this.database, '--empty-password']);
    const there = made.ok && !this.bench.run('cmsutil', []).words.includes('ENOENT');
    const { out } = this.bench.run('dpkg-query', ['-W', 'libnss3-tools']);
    this.release = there ? (/\t(?:\d+:)?([\d.]+)/.exec(out.toString())?.[1] ?? '') : null;
  }

  version(): string | null {
    return this.release;
  }

  async verify(object: Buffer, content: Buffer | null, root: MadeCertificate): Promise<Answer> {
    this.trust(root);
    const beside = content === null ? [] : ['-c', this.bench.put(content)];
    const file = this.bench.put(object);
    const status = this.bench.run('cmsutil', ['-D', '-h', '1', '-d', this.database, '-i', file, ...beside]);
    if (!/status=GoodSignature/.test(status.out.toString('latin1'))) {
      const said = /status=\w+/.exec(status.out.toString('latin1'))?.[0] ?? '';
      return refused(`${status.words}\n${said}`);
    }
    const { ok, out, words } = this.bench.run('cmsutil', ['-D', '-d', this.database, '-i', file, ...beside]);
    return ok ? { ok: true, octets: out } : refused(words);
  }

  async decrypt(object: Buffer, recipient: MadeCertificate): Promise<Answer> {
    const problem = this.importKey(recipient);
    if (problem !== null) return refused(problem);
    const { ok, out, words } = this.bench.run('cmsutil', ['-D', '-d', this.database, '-i', this.bench.put(object)]);
    return ok ? { ok: true, octets: out } : refused(words);
  }

  async sign(content: Buffer, signer: MadeCertificate, way: SignatureWay, detached: boolean): Promise<Answer> {
    if (way.padding === 'rsa-pss') return refused('cmsutil has no option to sign with RSASSA-PSS');
    const problem = this.importKey(signer);
    if (problem !== null) return refused(problem);
    const how = ['-N', nickname(signer), '-G', '-H', 'SHA256', ...(detached ? ['-T'] : [])];
    const { ok, out, words } = this.cms('-S', ...how, '-i', this.bench.put(content));
    return ok ? { ok: true, octets: out } : refused(words);
  }

  async encrypt(content: Buffer, recipient: MadeCertificate, way: EncryptionWay): Promise<Answer> {
    if (way.transport === 'rsa-oaep') return refused('cmsutil has no option to encrypt with RSAES-OAEP');
    const problem = this.importKey(recipient);
    if (problem !== null) return refused(problem);
    const { ok, out, words } = this.cms('-E', '-r', nickname(recipient), '-i', this.bench.put(content));
    return ok ? { ok: true, octets: out } : refused(words);
  }

  close(): void {
    this.bench.remove();
  }

  private cms(...args: string[]): ReturnType<Bench['run']> {
    return this.bench.run('cmsutil', [...args, '-d', this.database]);
  }

  private trust(root: MadeCertificate): void {
    if (this.imported.has(root.certificate.sha256)) return;
    this.imported.set(root.certificate.sha256, null);
    const file = this.bench.put(root.pem);
    this.bench.run('certutil', ['-A', '-d', this.database, '-n', nickname(root), '-t', 'CT,CT,', '-i', file]);
  }

  private importKey(made: MadeCertificate): string | null {
    const { sha256 } = made.certificate;
    const known = this.imported.get(sha256);
    if (known !== undefined) return known;
    const file = this.bench.fresh('p12');
    const own = ['-in', this.bench.put(made.pem), '-inkey', this.bench.put(made.keyPem), '-name', nickname(made)];
    const made12 = this.bench.run('openssl', ['pkcs12', '-export', ...own, '-out', file, '-passout', 'pass:x']);
    if (!made12.ok) return this.remember(sha256, noPkcs12(made12.words));
    const { ok, words } = this.bench.run('pk12util', ['-i', file, '-d', this.database, '-W', 'x', '-K', '']);
    return this.remember(sha256, ok ? null : `import: ${words}`);
  }

  private remember(sha256: string, problem: string | null): string | null {
    this.imported.set(sha256, problem);
    return problem;
  }
}

function nickname({ certificate }: MadeCertificate): string {
  return certificate.sha256.slice(0, 12);
}
