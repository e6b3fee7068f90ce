/** Sound CMS objects of every kind, made by openssl when the test runs, and the key that opens them. */
import { execFileSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readCertificateBundle } from '../../src/cms/certificate-bundle.ts';
import type { HeldKey } from '../../src/keys/key-unwrapper.ts';

export interface CmsSeeds {
  readonly keys: readonly HeldKey[];
  readonly objects: readonly Buffer[];
  /** What all of them hold, or are a signature of. */
  readonly content: Buffer;
}

const RSA = ['rsa:1024'];
const EC = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];

const COMMANDS: readonly (readonly string[])[] = [
  ['-encrypt', '-aes-256-cbc', '-recip', 'rsa.pem'],
  ['-encrypt', '-aes-256-cbc', '-stream', '-recip', 'ec.pem'],
  ['-encrypt', '-aes-128-gcm', '-recip', 'ec.pem', '-recip', 'rsa.pem'],
  ['-encrypt', '-aes-128-gcm', '-stream', '-keyid', '-recip', 'ec.pem'],
  [
    '-encrypt',
    '-aes-128-cbc',
    '-recip',
    'rsa.pem',
    '-keyopt',
    'rsa_padding_mode:oaep',
    '-keyopt',
    'rsa_oaep_md:sha256',
  ],
  ['-encrypt', '-des3', '-recip', 'ec.pem'],
  ['-sign', '-signer', 'ec.pem', '-inkey', 'ec.key', '-nodetach'],
  ['-sign', '-signer', 'rsa.pem', '-inkey', 'rsa.key', '-nodetach', '-stream'],
  ['-sign', '-signer', 'ec.pem', '-inkey', 'ec.key', '-signer', 'rsa.pem', '-inkey', 'rsa.key', '-nodetach'],
  ['-sign', '-signer', 'rsa.pem', '-inkey', 'rsa.key', '-keyopt', 'rsa_padding_mode:pss'],
  ['-sign', '-signer', 'ec.pem', '-inkey', 'ec.key', '-noattr', '-nodetach'],
];

/** @param octets length of the content */
export function makeSeeds(octets: number): CmsSeeds {
  const folder = mkdtempSync(path.join(tmpdir(), 'cms-seeds-'));
  const run = (...args: readonly string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  };
  try {
    const content = Buffer.alloc(octets, 'All of it is to be kept.\r\n');
    writeFileSync(path.join(folder, 'content'), content);
    for (const [name, kind] of [
      ['rsa', RSA],
      ['ec', EC],
    ] as const) {
      run(
        'req',
        '-x509',
        '-newkey',
        ...kind,
        '-nodes',
        '-keyout',
        `${name}.key`,
        '-out',
        `${name}.pem`,
        '-subj',
        `/CN=${name}`,
      );
    }
    const objects = COMMANDS.map((command) => {
      run('cms', ...command, '-binary', '-in', 'content', '-outform', 'DER', '-out', 'object');
      return readFileSync(path.join(folder, 'object'));
    });
    const keys = ['rsa', 'ec'].map((name): HeldKey => {
      const [certificate] = readCertificateBundle(readFileSync(path.join(folder, `${name}.pem`))).certificates;
      if (certificate === undefined) throw new Error('openssl made no certificate');
      return { certificate, key: createPrivateKey(readFileSync(path.join(folder, `${name}.key`))) };
    });
    return { keys, objects, content };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
