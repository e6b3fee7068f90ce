/** Opening S/MIME with openssl alone, a process for each message and none of ours in between. */
import { spawn } from 'node:child_process';

/** The content, or why there is none. */
export type Opened = { readonly ok: true; readonly content: Buffer } | { readonly ok: false; readonly reason: string };

/** `openssl cms -decrypt`. @param files PEM files of the recipient */
export function decryptCms(message: Buffer, files: { certificate: string; key: string }): Promise<Opened> {
  return run(['-decrypt', '-recip', files.certificate, '-inkey', files.key], message);
}

/** `openssl cms -verify` of clear-signed and opaque messages, chain included. @param ca PEM file */
export function verifyCms(message: Buffer, ca: string): Promise<Opened> {
  return run(['-verify', '-CAfile', ca], message);
}

function run(args: readonly string[], input: Buffer): Promise<Opened> {
  return new Promise((resolve, reject) => {
    const child = spawn('openssl', ['cms', ...args]);
    const out: Buffer[] = [];
    let errors = '';
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    child.on('error', reject);
    // a child that gives up early does not read all of it
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    child.on('close', (status) => {
      if (status === 0) resolve({ ok: true, content: Buffer.concat(out) });
      else
        resolve({ ok: false, reason: `openssl cms ${args[0]}: ${errors.trim().split('\n').slice(0, 3).join('; ')}` });
    });
  });
}
