/**
 * What the CMS benchmark works on: certificates of each kind of key, messages of each size, and the same messages signed
 * and sealed by our own writers, under the names that the peers look for.
 */
import * as crypto from 'node:crypto';
import { createWriteStream, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { finished } from 'node:stream/promises';
import { makeAuthority, makeCertificate } from '../test/support/certificate-builder.ts';
import { readParties, sealedMessage, withFile } from './cms-operations.ts';
import type { Lab } from './cms-peers.ts';
import { makeEntity } from './corpus.ts';

export interface CmsSize {
  readonly name: string;
  readonly bytes: number;
  /** Messages of one measurement of sealing with RSA; about a second of work. */
  readonly repeats: number;
  /**
   * Before ours is measured: it is more code than a bound, and a gateway runs for weeks. Code that runs once a message
   * is compiled after some thousand of them; until then it costs a millisecond.
   */
  readonly warm: number;
}

export const CMS_SIZES: readonly CmsSize[] = [
  { name: '4k', bytes: 4096, repeats: 2000, warm: 8000 },
  { name: '75k', bytes: 75_000, repeats: 600, warm: 4000 },
  { name: '1m', bytes: 1 << 20, repeats: 100, warm: 2000 },
  { name: '25m', bytes: 25 << 20, repeats: 4, warm: 6 },
  { name: '100m', bytes: 100 << 20, repeats: 2, warm: 2 },
];

export type LabKey = 'rsa-2048' | 'rsa-3072' | 'p-256' | 'ml-kem-768';
/** Kinds of keys; the first is that of the peers, the last needs Node 24. */
export const KEY_KINDS: readonly LabKey[] =
  'encapsulate' in crypto ? ['rsa-2048', 'rsa-3072', 'p-256', 'ml-kem-768'] : ['rsa-2048', 'rsa-3072', 'p-256'];

export function makeLab(): Lab {
  const folder = mkdtempSync(path.join(tmpdir(), 'sealgate-cms-'));
  const lab = {
    folder,
    pki: path.join(folder, 'rsa-2048'),
    messages: path.join(folder, 'msg'),
    sealed: path.join(folder, 'open'),
  };
  for (const each of [lab.messages, lab.sealed]) mkdirSync(each);
  for (const kind of KEY_KINDS) makePki(folder, kind, kind);
  return lab;
}

export function dropLab(lab: Lab): void {
  rmSync(lab.folder, { recursive: true });
}

/** Certificates whose recipient has a key of this kind, and whose signer has one that can sign. */
export function makePki(folder: string, name: string, kind: LabKey): void {
  const place = path.join(folder, name);
  mkdirSync(place);
  const ca = makeAuthority({ key: 'rsa-2048', name: 'Bench CA' });
  writeFileSync(path.join(place, 'ca.pem'), ca.pem);
  for (const party of ['alice', 'bob']) {
    const key = party === 'alice' && kind === 'ml-kem-768' ? 'rsa-2048' : kind;
    const made = makeCertificate(ca, { key, emails: [`${party}@example.test`], freshKey: true });
    writeFileSync(path.join(place, `${party}.pem`), made.pem);
    writeFileSync(path.join(place, `${party}.key`), made.keyPem, { mode: 0o600 });
  }
}

export function messageFile(lab: Lab, { name, bytes }: CmsSize): string {
  const file = path.join(lab.messages, `${name}.eml`);
  if (!existsSync(file)) writeFileSync(file, makeEntity(bytes));
  return file;
}

/** What a reader is measured on. @param cipher null for a signed message */
export async function sealedFile(
  lab: Lab,
  size: CmsSize,
  kind: LabKey,
  operation: 'decrypt' | 'verify' | 'open',
  cipher: 'cbc' | 'gcm',
): Promise<string> {
  const place = kind === 'rsa-2048' ? lab.sealed : path.join(lab.folder, kind);
  const name = operation === 'verify' ? `${size.name}.sig` : `${size.name}.${cipher}.${operation}`;
  const file = path.join(place, name);
  if (existsSync(file)) return file;
  const parties = readParties(path.join(lab.folder, kind), `aes-256-${cipher}`);
  const written = operation === 'verify' ? 'sign' : operation === 'open' ? 'seal' : 'encrypt';
  const out = createWriteStream(file);
  await withFile(messageFile(lab, size), async (source) => {
    for await (const part of sealedMessage(written, source.open(), parties)) {
      if (!out.write(Buffer.from(part))) await new Promise<void>((resolve) => out.once('drain', resolve));
    }
  });
  out.end();
  await finished(out);
  return file;
}
