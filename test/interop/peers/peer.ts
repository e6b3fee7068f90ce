/**
 * Another implementation of CMS as the interop matrix sees it: what it makes of our objects and what it makes itself. A
 * refusal is told in the peer's own words. Everything goes through files and programs; nothing of ours runs in between.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { MadeCertificate } from '../../support/certificate-builder.ts';

export type Answer =
  | { readonly ok: true; readonly octets: Buffer }
  /** The peer's own words; one line. */
  | { readonly ok: false; readonly words: string };

/** One way to sign or to encrypt, by the names that the matrix prints. */
export interface SignatureWay {
  readonly name: string;
  readonly padding: 'rsa-pkcs1' | 'rsa-pss' | null;
}

export interface EncryptionWay {
  readonly name: string;
  readonly cipher: string;
  readonly transport: 'rsa-pkcs1' | 'rsa-oaep' | null;
  /** The content key bound to the cipher: CEK-HKDF. */
  readonly bound?: true;
}

export interface Peer {
  readonly name: string;
  /** Such as `3.0.20`; null when it is not installed. */
  version(): string | null;
  /** Verifies to `root`. @param content null: it is inside @returns the content */
  verify?(object: Buffer, content: Buffer | null, root: MadeCertificate): Promise<Answer>;
  decrypt?(object: Buffer, recipient: MadeCertificate): Promise<Answer>;
  sign?(content: Buffer, signer: MadeCertificate, way: SignatureWay, detached: boolean): Promise<Answer>;
  encrypt?(content: Buffer, recipient: MadeCertificate, way: EncryptionWay): Promise<Answer>;
  /** It can encrypt with CEK-HKDF. */
  readonly binds?: true;
  inflate?(object: Buffer): Promise<Answer>;
  deflate?(content: Buffer): Promise<Answer>;
  close?(): void;
}

export function refused(words: string): Answer {
  const line = words
    .split('\n')
    .map((text) => text.trim())
    .filter((text) => text !== '')
    .join('; ');
  return { ok: false, words: line.length > 200 ? `${line.slice(0, 200)}...` : line };
}

/** Peers that take keys only as PKCS #12 take none that OpenSSL cannot write into one. */
export function noPkcs12(words: string): string {
  return `import: OpenSSL makes no PKCS #12 of this key: ${words.trim().split('\n').at(-1) ?? ''}`;
}

/** A folder of files for one peer, and the programs that run in it. */
export class Bench {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'sealgate-peer-'));
  private count = 0;

  put(content: Buffer | string, extension = 'bin'): string {
    const file = path.join(this.folder, `${++this.count}.${extension}`);
    writeFileSync(file, content, { mode: 0o600 });
    return file;
  }

  /** A name that nothing has yet. */
  fresh(extension = 'out'): string {
    return path.join(this.folder, `${++this.count}.${extension}`);
  }

  run(
    program: string,
    args: readonly string[],
    options: { readonly input?: Buffer | string; readonly environment?: Record<string, string> } = {},
  ): { readonly ok: boolean; readonly out: Buffer; readonly words: string } {
    const run = spawnSync(program, args, {
      cwd: this.folder,
      input: options.input ?? '',
      env: { ...process.env, ...options.environment },
      maxBuffer: 64 * 1024 * 1024,
      timeout: 60_000,
    });
    const words = run.error?.message ?? run.stderr.toString();
    return { ok: run.status === 0, out: run.stdout ?? Buffer.alloc(0), words };
  }

  /** The file that a program wrote, or its words. */
  fileOf(run: { readonly ok: boolean; readonly words: string }, file: string): Answer {
    if (!run.ok) return refused(run.words);
    try {
      return { ok: true, octets: readFileSync(file) };
    } catch {
      return refused(run.words || 'wrote nothing');
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
