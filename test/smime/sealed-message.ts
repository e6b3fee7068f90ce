/** Runs a pass and puts the results together as a relay would send them; opens them with openssl. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { writeEnvelopedData } from '../../src/cms/enveloped-data-writer.ts';
import type { Signer } from '../../src/cms/signer.ts';
import { Base64Encoder } from '../../src/mime/base64-encoder.ts';
import type { BodyForm, FormResult, SealRequest } from '../../src/smime/seal.ts';
import { startSealing } from '../../src/smime/sealer.ts';
import type { Certificate } from '../../src/x509/certificate.ts';
import { splitMessage } from '../mime/message-vectors.ts';
import { type MadeCertificate, makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import { CountingEntropy } from '../support/counting-entropy.ts';

export const root: MadeCertificate = makeAuthority({ name: 'Root' });
export const rsaSender: MadeCertificate = makeCertificate(root, { emails: ['anna@example.org'] });
export const ecSender: MadeCertificate = makeCertificate(root, { key: 'p-256', emails: ['anna@example.org'] });
export const rsaRecipient: MadeCertificate = makeCertificate(root, { emails: ['bob@example.net'], freshKey: true });
export const ecRecipient: MadeCertificate = makeCertificate(root, { key: 'p-256', emails: ['bob@example.net'] });
export const p384Recipient: MadeCertificate = makeCertificate(root, { key: 'p-384', emails: ['eve@example.net'] });

export function signerOf(made: MadeCertificate): Signer {
  return {
    certificate: made.certificate,
    chain: [],
    algorithm: made.certificate.key.kind === 'ec' ? 'ecdsa-sha256' : 'rsa-pkcs1-sha256',
    sign: (attributes) => Promise.resolve(sign('sha256', attributes, made.privateKey)),
  };
}

export interface Asked {
  readonly form: BodyForm;
  readonly groups?: readonly (readonly Certificate[])[];
}

export interface Options {
  readonly signer?: Signer | null;
  readonly leaveUntouched?: boolean;
  /** Octets a chunk; the whole body when left out. */
  readonly step?: number;
}

export interface Made {
  readonly result: FormResult;
  /** What the sink got. */
  readonly stored: Buffer;
  readonly writes: number;
}

/** A request over sinks that keep what they get. */
export function requestFor(message: Buffer, forms: readonly Asked[], options: Options, kept: Buffer[][]): SealRequest {
  return {
    header: splitMessage(message).header,
    forms: forms.map(({ form, groups }, index) => ({
      form,
      groups: groups ?? [],
      write: async (chunk) => {
        await Promise.resolve();
        kept[index]?.push(Buffer.from(chunk));
      },
    })),
    signer: options.signer === undefined ? signerOf(rsaSender) : options.signer,
    signingTime: new Date('2026-11-24T12:34:56Z'),
    entropy: new CountingEntropy(),
    leaveUntouched: options.leaveUntouched ?? false,
  };
}

export async function seal(message: Buffer, forms: readonly Asked[], options: Options = {}): Promise<Made[]> {
  const kept: Buffer[][] = forms.map(() => []);
  const sealing = startSealing(requestFor(message, forms, options, kept));
  const { body } = splitMessage(message);
  const step = options.step ?? Math.max(1, body.length);
  for (let at = 0; at < body.length; at += step) await sealing.write(Buffer.from(body.subarray(at, at + step)));
  const results = await sealing.end();
  return results.map((result, index) => {
    const chunks = kept[index] ?? [];
    return { result, stored: Buffer.concat(chunks), writes: chunks.length };
  });
}

/** The message of one group on the wire, without its outer header fields but From. */
export async function wire({ result, stored }: Made, group = 0): Promise<Buffer> {
  const head = [Buffer.from('From: anna@example.org\r\n'), result.contentFields, Buffer.from('\r\n')];
  if (result.kind === 'clear') return Buffer.concat([...head, stored]);
  const recipientInfos = result.recipientInfos[group];
  assert.ok(recipientInfos);
  const encoder = new Base64Encoder();
  const body: Buffer[] = [];
  const one = (async function* () {
    yield stored;
  })();
  const { contentEncryption, ciphertextBytes, tag } = result;
  for await (const chunk of writeEnvelopedData({ recipientInfos, contentEncryption, ciphertextBytes, tag }, one)) {
    body.push(encoder.update(chunk));
  }
  return Buffer.concat([...head, ...body, encoder.final()]);
}

/** openssl cms with certificate and key files in a folder of its own; fails the test unless it succeeds. */
export function openssl(
  input: Buffer,
  args: readonly string[],
  files: Readonly<Record<string, string | Buffer>>,
): Buffer {
  const folder = mkdtempSync(path.join(tmpdir(), 'sealgate-smime-'));
  try {
    for (const [name, content] of Object.entries(files))
      writeFileSync(path.join(folder, name), content, { mode: 0o600 });
    const run = spawnSync('openssl', args, { input, cwd: folder, maxBuffer: 1 << 28 });
    assert.equal(run.status, 0, `openssl ${args.join(' ')}: ${run.stderr?.toString()}`);
    return run.stdout;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function decrypt(message: Buffer, recipient: MadeCertificate): Buffer {
  const args = ['cms', '-decrypt', '-binary', '-recip', 'recipient.pem', '-inkey', 'key.pem'];
  return openssl(message, args, { 'recipient.pem': recipient.pem, 'key.pem': recipient.keyPem });
}

/**
 * Verifies against the root; gives the content that was signed.
 * QUIRK: with -binary, openssl 3.0 takes the CR off the lines of a multipart/signed and then fails.
 */
export function verify(message: Buffer): Buffer {
  return openssl(message, ['cms', '-verify', '-CAfile', 'root.pem', '-purpose', 'smimesign'], {
    'root.pem': root.pem,
  });
}
