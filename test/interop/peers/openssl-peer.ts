/** The openssl command (`openssl cms`) as a peer. */
import type { MadeCertificate } from '../../support/certificate-builder.ts';
import { type Answer, Bench, type EncryptionWay, type Peer, refused, type SignatureWay } from './peer.ts';

export class OpensslPeer implements Peer {
  readonly name = 'OpenSSL';
  private readonly bench = new Bench();

  version(): string | null {
    const { ok, out } = this.bench.run('openssl', ['version']);
    return ok ? (out.toString().split(' ')[1] ?? '') : null;
  }

  async verify(object: Buffer, content: Buffer | null, root: MadeCertificate): Promise<Answer> {
    const beside = content === null ? [] : ['-content', this.bench.put(content)];
    const args = ['-CAfile', this.bench.put(root.pem), '-in', this.bench.put(object), ...beside];
    return this.cms('-verify', ...args, '-inform', 'DER');
  }

  async decrypt(object: Buffer, recipient: MadeCertificate): Promise<Answer> {
    const own = ['-recip', this.bench.put(recipient.pem), '-inkey', this.bench.put(recipient.keyPem)];
    return this.cms('-decrypt', '-inform', 'DER', '-in', this.bench.put(object), ...own);
  }

  async sign(content: Buffer, signer: MadeCertificate, way: SignatureWay, detached: boolean): Promise<Answer> {
    const own = ['-signer', this.bench.put(signer.pem), '-inkey', this.bench.put(signer.keyPem)];
    const padding = way.padding === 'rsa-pss' ? ['-keyopt', 'rsa_padding_mode:pss'] : [];
    const inside = detached ? [] : ['-nodetach'];
    return this.cms('-sign', '-outform', 'DER', '-in', this.bench.put(content), ...own, ...padding, ...inside);
  }

  async encrypt(content: Buffer, recipient: MadeCertificate, way: EncryptionWay): Promise<Answer> {
    const oaep =
      way.transport === 'rsa-oaep' ? ['-keyopt', 'rsa_padding_mode:oaep', '-keyopt', 'rsa_oaep_md:sha256'] : [];
    const to = ['-recip', this.bench.put(recipient.pem), ...oaep];
    return this.cms('-encrypt', '-outform', 'DER', `-${way.cipher}`, '-in', this.bench.put(content), ...to);
  }

  async inflate(object: Buffer): Promise<Answer> {
    return this.cms('-uncompress', '-inform', 'DER', '-in', this.bench.put(object));
  }

  async deflate(content: Buffer): Promise<Answer> {
    return this.cms('-compress', '-outform', 'DER', '-in', this.bench.put(content));
  }

  close(): void {
    this.bench.remove();
  }

  private cms(...args: string[]): Answer {
    const { ok, out, words } = this.bench.run('openssl', ['cms', ...args, '-binary']);
    return ok ? { ok: true, octets: out } : refused(openssl(words));
  }
}

/** Error lines without their numbers and files. */
function openssl(words: string): string {
  const reasons = [...words.matchAll(/error:[0-9A-F]+:([^\n]*?):(?:\.\.\/)?crypto/g)].map(([, reason]) => reason);
  return reasons.length > 0 ? reasons.join('; ') : words;
}
