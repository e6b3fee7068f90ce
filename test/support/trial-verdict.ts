/**
 * Judges what arrived in the Postfix trial: opened by openssl, compared with what the first Postfix handed to the
 * gateway. Nothing of the gateway's own code takes part.
 */
import { createHash } from 'node:crypto';
import { simpleParser } from 'mailparser';
import { contentOf, entityOf, leavesOf, splitHeader } from './mail-leaves.ts';
import { decryptCms, type Opened, verifyCms } from './openssl-cms.ts';
import type { Form } from './trial-letters.ts';

export type Sameness = 'identical' | 'canonical';

export type CopyVerdict =
  | { readonly ok: true; readonly sameness: Sameness }
  | { readonly ok: false; readonly reason: string };

export interface CopyToJudge {
  readonly form: Form;
  /** As the gateway got it. */
  readonly reference: Buffer;
  readonly arrived: Buffer;
  /** PEM files of the recipient; null where nothing is to be decrypted. */
  readonly keys: { readonly certificate: string; readonly key: string } | null;
  readonly ca: string;
}

/** What must never leave: the proof of internal origin and hidden recipients. */
const SECRET_FIELDS = new Set(['bcc', 'x-sealgate-origin']);
/** Fields that servers on the way put on top, and those that the gateway takes off. */
const PASSING_FIELDS = new Set(['received', 'return-path', ...SECRET_FIELDS]);
const LEAF_LOOK_AHEAD = 65_536;

export async function judgeCopy(copy: CopyToJudge): Promise<CopyVerdict> {
  const secret = splitHeader(copy.arrived).fields.find(({ name }) => SECRET_FIELDS.has(name));
  if (secret !== undefined) return wrong(`the field ${secret.name} left`);
  if (copy.form === 'as it came') return judgeUntouched(copy);
  if (!isSevenBit(entityOf(copy.arrived))) return wrong('sealed, and no 7-bit data or a line over 998 octets');
  const opened = await open(copy);
  if (!opened.ok) return wrong(opened.reason);
  return compare(entityOf(copy.reference), opened.content);
}

/** Header and body octet for octet, but for trace fields. */
function judgeUntouched({ reference, arrived }: CopyToJudge): CopyVerdict {
  const [before, after] = [reference, arrived].map((message) => {
    const { fields, body } = splitHeader(message);
    const header = fields.filter(({ name }) => !PASSING_FIELDS.has(name)).map(({ raw }) => raw);
    return Buffer.concat([Buffer.from(`${header.join('')}\r\n`, 'latin1'), body]);
  });
  if (before === undefined || after === undefined || !before.equals(after))
    return wrong('it did not arrive as it came');
  return { ok: true, sameness: 'identical' };
}

async function open({ form, arrived, keys, ca }: CopyToJudge): Promise<Opened> {
  const type = splitHeader(arrived).fields.find(({ name }) => name === 'content-type')?.value ?? '';
  let opened: Opened = { ok: true, content: arrived };
  if (form !== 'signed') {
    if (!/^application\/pkcs7-mime; smime-type=enveloped-data/.test(type))
      return { ok: false, reason: `came as ${type}` };
    if (keys === null) return { ok: false, reason: 'encrypted to somebody without a key' };
    opened = await decryptCms(arrived, keys);
  }
  if (form === 'encrypted' || !opened.ok) return opened;
  const signed = splitHeader(opened.content).fields.find(({ name }) => name === 'content-type')?.value ?? '';
  if (!/^(multipart\/signed|application\/pkcs7-mime; smime-type=signed-data);/.test(signed)) {
    return { ok: false, reason: `not signed: ${signed}` };
  }
  return verifyCms(opened.content, ca);
}

/** The entity that went in and the one that came out. */
async function compare(before: Buffer, after: Buffer): Promise<CopyVerdict> {
  if (before.equals(after)) return { ok: true, sameness: 'identical' };
  if (!needsConverting(before)) return wrong('changed, though nothing in it needed converting');
  const [expected, found] = [contentOf(before), contentOf(after)];
  if (expected !== found) return wrong(`other leaves: ${firstDifference(expected, found)}`);
  if ((await readByMailparser(before)) !== (await readByMailparser(after)))
    return wrong('mailparser reads something else');
  return { ok: true, sameness: 'canonical' };
}

/** True when the standard, or our look-ahead, asks for another form of it (RFC 8551 §3.1). */
function needsConverting(entity: Buffer): boolean {
  const { fields } = splitHeader(entity);
  if (!fields.some(({ name }) => name === 'content-type')) return true;
  if (!isSevenBit(entity)) return true;
  if (/[ \t]\r\n|[ \t]$|\nFrom /.test(entity.toString('latin1'))) return true;
  return leavesOf(entity).some(
    ({ encoding, octets }) => !['base64', 'quoted-printable'].includes(encoding) && octets > LEAF_LOOK_AHEAD,
  );
}

function isSevenBit(bytes: Buffer): boolean {
  return !/[\x80-\xff\0]|[^\r\n]{999}/.test(bytes.toString('latin1'));
}

async function readByMailparser(entity: Buffer): Promise<string> {
  const mail = await simpleParser(Buffer.concat([Buffer.from('MIME-Version: 1.0\r\n'), entity]), {
    skipHtmlToText: true,
    skipTextToHtml: true,
    skipImageLinks: true,
    skipTextLinks: true,
    maxHtmlLengthToParse: 1 << 24,
  });
  const parts = mail.attachments.map(({ contentType, filename, size, checksum }) => [
    contentType,
    filename,
    size,
    checksum,
  ]);
  return createHash('sha256')
    .update(JSON.stringify([mail.text, mail.html, parts]))
    .digest('hex');
}

function firstDifference(expected: string, found: string): string {
  const [a, b] = [expected.split('\n'), found.split('\n')];
  const at = a.findIndex((line, index) => line !== b[index]);
  return at === -1 ? `more: ${b[a.length] ?? ''}` : `${a[at] ?? ''} became ${b[at] ?? 'nothing'}`;
}

function wrong(reason: string): CopyVerdict {
  return { ok: false, reason };
}
