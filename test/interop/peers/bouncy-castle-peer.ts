/** Bouncy Castle as a peer: BouncyCastlePeer.java, compiled when the tests run, one process for all questions. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { MadeCertificate } from '../../support/certificate-builder.ts';
import { type Answer, Bench, type EncryptionWay, type Peer, refused, type SignatureWay } from './peer.ts';

const SOURCE = path.join(process.cwd(), 'test/interop/peers/BouncyCastlePeer.java');
const JARS = ['bcprov', 'bcpkix', 'bcutil'].map((name) => `/usr/share/java/${name}.jar`);

export class BouncyCastlePeer implements Peer {
  readonly name = 'Bouncy Castle';
  private readonly bench: Bench;
  private readonly child: ChildProcess | null;
  private readonly lines: AsyncIterator<string> | null;
  private readonly release: string | null;

  private constructor(
    bench: Bench,
    child: ChildProcess | null,
    lines: AsyncIterator<string> | null,
    release: string | null,
  ) {
    this.bench = bench;
    this.child = child;
    this.lines = lines;
    this.release = release;
  }

  /** Compiles and starts it; without Java or its jars a peer that is not installed. */
  static async start(): Promise<BouncyCastlePeer> {
    const bench = new Bench();
    if (!JARS.every(existsSync)) return new BouncyCastlePeer(bench, null, null, null);
    const compiled = bench.run('javac', ['-cp', JARS.join(':'), '-d', bench.folder, SOURCE]);
    if (!compiled.ok) {
      // no compiler is no peer; a compiler that refuses the file is a mistake of ours
      if (/ENOENT/.test(compiled.words)) return new BouncyCastlePeer(bench, null, null, null);
      throw new Error(compiled.words);
    }
    const child = spawn('java', ['-cp', [bench.folder, ...JARS].join(':'), 'BouncyCastlePeer'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const { value } = await lines.next();
    return new BouncyCastlePeer(bench, child, lines, /\d[\d.]*/.exec(String(value))?.[0] ?? '');
  }

  version(): string | null {
    return this.release;
  }

  verify(object: Buffer, content: Buffer | null, root: MadeCertificate): Promise<Answer> {
    const beside = content === null ? '-' : this.bench.put(content);
    return this.ask('verify', this.bench.put(object), beside, this.bench.put(root.pem));
  }

  decrypt(object: Buffer, recipient: MadeCertificate): Promise<Answer> {
    return this.ask('decrypt', this.bench.put(object), this.bench.put(recipient.pem), this.bench.put(recipient.keyPem));
  }

  sign(content: Buffer, signer: MadeCertificate, way: SignatureWay, detached: boolean): Promise<Answer> {
    const own = [this.bench.put(signer.pem), this.bench.put(signer.keyPem)];
    const how = [way.padding === 'rsa-pss' ? 'pss' : '-', detached ? 'detached' : 'inside'];
    return this.ask('sign', this.bench.put(content), ...own, ...how);
  }

  encrypt(content: Buffer, recipient: MadeCertificate, way: EncryptionWay): Promise<Answer> {
    const transport = way.transport === 'rsa-oaep' ? 'oaep' : 'v15';
    return this.ask('encrypt', this.bench.put(content), this.bench.put(recipient.pem), way.cipher, transport);
  }

  inflate(object: Buffer): Promise<Answer> {
    return this.ask('inflate', this.bench.put(object));
  }

  deflate(content: Buffer): Promise<Answer> {
    return this.ask('deflate', this.bench.put(content));
  }

  close(): void {
    this.child?.stdin?.end();
    this.bench.remove();
  }

  private async ask(...fields: string[]): Promise<Answer> {
    const out = this.bench.fresh();
    this.child?.stdin?.write(`${[...fields, out].join('\t')}\n`);
    const answer = await this.lines?.next();
    const line = answer?.done === false ? answer.value : 'no answer';
    return line.startsWith('ok ') ? { ok: true, octets: readFileSync(out) } : refused(line.replace(/^no /, ''));
  }
}
