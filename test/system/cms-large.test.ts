/**
 * `sealgate cms` as processes in a pipe, on a message that is larger than what they may keep: same content, bounded memory.
 * In full: `npm run prove -- cms-400mb`.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { makeAuthority, makeCertificate } from '../support/certificate-builder.ts';

const CLI = path.join(import.meta.dirname, '../../src/cli/sealgate.js');
const BLOCK = Buffer.from(`${'x'.repeat(70)} end\r\n`.repeat(1000));
const BLOCKS = 4000;
/** Each of the three processes stays below the size of the message, Node itself included; 100 MiB are usual. */
const PEAK_MIB = 300;

describe('sealgate cms in a pipe', function () {
  this.timeout(120_000);
  const folder = mkdtempSync(path.join(tmpdir(), 'sealgate-cms-large-'));
  after(() => rmSync(folder, { recursive: true }));

  it('seals, decrypts and verifies 300 MB, none of which it keeps', async () => {
    const root = makeAuthority();
    writeFileSync(path.join(folder, 'root.pem'), root.pem);
    for (const name of ['alice', 'bob']) {
      const made = makeCertificate(root, { emails: [`${name}@example.org`] });
      writeFileSync(path.join(folder, `${name}.pem`), made.pem + made.keyPem, { mode: 0o600 });
    }
    const seal = start('seal --signer alice.pem --recipient bob.pem --cipher aes-256-gcm');
    const decrypt = start('decrypt --key bob.pem');
    const verify = start('verify --trust root.pem');
    const all = [seal, decrypt, verify];
    const peaks = all.map(watchPeak);
    seal.stdout?.pipe(decrypt.stdin ?? process.stdout);
    decrypt.stdout?.pipe(verify.stdin ?? process.stdout);
    const head = 'Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n';
    Readable.from(message(head)).pipe(seal.stdin ?? process.stdout);
    const hash = createHash('sha256');
    verify.stdout?.on('data', (chunk: Buffer) => hash.update(chunk));
    const ends = await Promise.all(all.map(ended));
    assert.deepEqual(ends, [0, 0, 0]);
    // a leaf that is fit already comes out as it went in
    const expected = createHash('sha256').update(head);
    for (let i = 0; i < BLOCKS; i++) expected.update(BLOCK);
    assert.equal(hash.digest('hex'), expected.digest('hex'));
    for (const peak of peaks) {
      const mib = peak();
      assert.ok(mib > 20 && mib < PEAK_MIB, `${mib.toFixed(0)} MiB`);
    }
  });

  function start(words: string): ChildProcess {
    return spawn(process.execPath, [CLI, 'cms', ...words.split(' ')], {
      cwd: folder,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
  }
});

async function* message(head: string): AsyncGenerator<Buffer, void, undefined> {
  yield Buffer.from(head);
  for (let i = 0; i < BLOCKS; i++) yield BLOCK;
}

/** @returns the largest resident set seen so far */
function watchPeak({ pid }: ChildProcess): () => number {
  let mib = 0;
  const timer = setInterval(() => {
    try {
      const [, kib = '0'] = /VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
      mib = Math.max(mib, Number(kib) / 1024);
    } catch {
      clearInterval(timer);
    }
  }, 20);
  return () => {
    clearInterval(timer);
    return mib;
  };
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.on('close', (status) => resolve(status)));
}
