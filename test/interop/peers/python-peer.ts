/** python cryptography as a peer (python_peer.py). It has no function that verifies. */
import path from 'node:path';
import type { MadeCertificate } from '../../support/certificate-builder.ts';
import { type Answer, Bench, type EncryptionWay, type Peer, refused, type SignatureWay } from './peer.ts';

const SCRIPT = path.join(process.cwd(), 'test/interop/peers/python_peer.py');

export class PythonPeer implements Peer {
  readonly name = 'python cryptography';
  private readonly bench = new Bench();
  private readonly program: string;

  /** @param program `python3` of the path, or another one with another release of the library */
  constructor(program = 'python3') {
    this.program = program;
  }

  version(): string | null {
    const { ok, out } = this.bench.run(this.program, [SCRIPT, 'version']);
    return ok ? out.toString() : null;
  }

  async decrypt(object: Buffer, recipient: MadeCertificate): Promise<Answer> {
    return this.ask('decrypt', this.bench.put(object), this.bench.put(recipient.pem), this.bench.put(recipient.keyPem));
  }

  async sign(content: Buffer, signer: MadeCertificate, way: SignatureWay, detached: boolean): Promise<Answer> {
    const own = [this.bench.put(signer.pem), this.bench.put(signer.keyPem)];
    return this.ask('sign', this.bench.put(content), ...own, way.padding ?? '', detached ? 'yes' : 'no');
  }

  async encrypt(content: Buffer, recipient: MadeCertificate, way: EncryptionWay): Promise<Answer> {
    const to = this.bench.put(recipient.pem);
    return this.ask('encrypt', this.bench.put(content), to, way.cipher, way.transport ?? '');
  }

  close(): void {
    this.bench.remove();
  }

  private ask(...args: string[]): Answer {
    const { ok, out, words } = this.bench.run(this.program, [SCRIPT, ...args]);
    return ok ? { ok: true, octets: out } : refused(words);
  }
}
