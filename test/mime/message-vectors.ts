/**
 * The messages of vectors/mime as a relay would see them: CRLF at every line end, no mailbox `From ` line in front.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { CanonicalEntity } from '../../src/mime/canonical-entity.ts';
import type { HeaderBlock } from '../../src/mime/header-block.ts';
import { HeaderReader } from '../../src/mime/header-reader.ts';

export interface MessageVector {
  /** Path below vectors/mime. */
  readonly name: string;
  readonly bytes: Buffer;
}

/** Files that are messages or mean to be; expected outputs and notes beside them are not. */
export function messageVectors(folder: string): MessageVector[] {
  const root = path.join(folder, 'mime');
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(eml|msg|txt|raw)$|^sample_output_multipart$/.test(entry.name))
    .filter((entry) => !/_decoded_|^README/.test(entry.name))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort()
    .map((file) => ({ name: path.relative(root, file), bytes: asReceived(readFileSync(file)) }));
}

function asReceived(file: Buffer): Buffer {
  let text = file.toString('latin1').replace(/\r\n|\r|\n/g, '\r\n');
  text = text.replace(/^>?From [^\r\n]*\r\n/, '');
  return Buffer.from(text.endsWith('\r\n') ? text : `${text}\r\n`, 'latin1');
}

export interface Split {
  readonly header: HeaderBlock;
  /** The Content-* fields. */
  readonly fields: HeaderBlock;
  readonly body: Buffer;
}

/** Header and body of a message. */
export function splitMessage(bytes: Buffer): Split {
  const reader = new HeaderReader();
  const read = reader.write(bytes) ?? { header: reader.end(), rest: Buffer.alloc(0) };
  return {
    header: read.header,
    fields: read.header.without((field) => !field.name.startsWith('content-')),
    body: read.rest,
  };
}

/** Feeds a body in pieces that end at the given offsets. */
export function canonicalise(split: Split, cuts: readonly number[] = []): { output: Buffer; entity: CanonicalEntity } {
  const entity = new CanonicalEntity(split.fields);
  const out: Buffer[] = [];
  let at = 0;
  for (const cut of [...cuts, split.body.length]) {
    if (cut > at) out.push(...entity.write(Buffer.from(split.body.subarray(at, cut))));
    at = Math.max(at, cut);
  }
  out.push(...entity.end());
  return { output: Buffer.concat(out), entity };
}

/** The same for a body that is all there. */
export function canonicaliseAtOnce(split: Split): { output: Buffer; entity: CanonicalEntity } {
  const entity = new CanonicalEntity(split.fields);
  return { output: Buffer.concat(entity.whole(Buffer.from(split.body))), entity };
}

/** The entity as it came. */
export function entityOf(split: Split): Buffer {
  return Buffer.concat([split.fields.raw, Buffer.from('\r\n'), split.body]);
}
