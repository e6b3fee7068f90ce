/**
 * Every message of vectors/mime through the canonicaliser: the output is 7-bit data, whatever the chunks, and two
 * parsers of other makes (mailparser, Python's email) find the same leaves in it as in the input.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { simpleParser } from 'mailparser';
import { GatewayError } from '../../src/errors.ts';
import { SevenBitScan } from '../../src/mime/seven-bit-scan.ts';
import { skipOrFail, vectorsFolder } from '../support/vectors.ts';
import { canonicalise, entityOf, type MessageVector, messageVectors, splitMessage } from './message-vectors.ts';

/** Messages that are refused, and why. One that is no longer refused fails the test. */
const REFUSED: Readonly<Record<string, string>> = {
  // header lines that are no fields: text, leading folds, 8-bit or mangled names
  'cpython/data/msg_19.txt': 'no header',
  'cpython/data/msg_35.txt': 'text inside the header',
  'cpython/data/msg_38.txt': 'part without an empty line',
  'enmime/testdata/low-quality/bad-header-start.raw': 'fold before the first field',
  'enmime/testdata/low-quality/bad-header-wrap.raw': 'broken fold in a part',
  'enmime/testdata/mail/erroneous.raw': 'binary rubbish in the header',
  'enmime/testdata/mail/qp-utf8-header-no-break.raw': 'broken fold',
  'enmime/testdata/parts/multi-malformed.raw': 'part without an empty line',
  'mikel-mail/spec/fixtures/emails/error_emails/multiple_references_with_one_invalid.eml': 'broken fold',
  'mikel-mail/spec/fixtures/emails/plain_emails/raw_email_incorrect_header.eml': 'broken fold',
  'mikel-mail/spec/fixtures/emails/rfc2822/example13.eml': 'page furniture inside the header',
  'mime4j/core/src/test/resources/mimetools-testmsgs/hdr-fakeout.msg': 'mailbox line inside the header',
  'mime4j/core/src/test/resources/testmsgs/basic-plain-with-bad-header-separator.msg': 'text instead of an empty line',
  'mime4j/core/src/test/resources/testmsgs/malformedHeader-nocrlfcrlf.msg': 'text inside the header',
  'mime4j/core/src/test/resources/testmsgs/malformedHeader-noheader.msg': 'no header',
  'mime4j/core/src/test/resources/testmsgs/malformedHeaderStartsBody-nocrlfcrlf.msg': 'text inside the header',
  'mime4j/core/src/test/resources/testmsgs/malformedHeaderStartsBody-noheader.msg': 'no header',
  'mime4j/core/src/test/resources/testmsgs/obsolete.msg': '8-bit octet in a field name',
  // structure in doubt (M3)
  'cpython/data/msg_15.txt': 'one boundary for a multipart and its parent',
  'cpython/data/msg_25.txt': 'Content-Type cut in the middle of a parameter',
  'cpython/data/msg_39.txt': 'one boundary for a multipart and its parent',
  'mikel-mail/spec/fixtures/emails/error_emails/content_transfer_encoding_qp_with_space.eml': '"quoted printable"',
  'mikel-mail/spec/fixtures/emails/error_emails/multiple_content_types.eml': 'two Content-Type fields',
  'mime4j/core/src/test/resources/mimetools-testmsgs/multi-bad.msg': 'two Content-Type fields',
  'mime4j/core/src/test/resources/testmsgs/very-long-boundary.msg': 'boundary of 213 octets that ends with a blank',
  'mime4j/core/src/test/resources/testmsgs/very-very-long-boundary.msg': 'boundary of over 1,000 octets',
  'mime4j/core/src/test/resources/testmsgs/weird-boundary.msg': 'boundary that ends with blanks',
};

/** Messages of which something may not be touched and is no 7-bit data. */
const UNTOUCHED: Readonly<Record<string, string>> = {
  'enmime/testdata/mail/mime-bad-8bit-filename.raw': '8-bit file name in a part header',
  'mikel-mail/spec/fixtures/emails/attachment_emails/attachment_nonascii_filename.eml': 'the same',
  'mikel-mail/spec/fixtures/emails/error_emails/content_transfer_encoding_7-bit.eml': 'unknown encoding 7-bit',
  'mikel-mail/spec/fixtures/emails/error_emails/content_transfer_encoding_plain.eml': 'unknown encoding plain',
};

/** Prints one line of JSON for each message in hexadecimal: the leaves with the digest of what they decode to. */
const PYTHON = `
import sys, json, email, hashlib
def walk(part, depth, out):
    if part.is_multipart() and part.get_content_maintype() == 'multipart':
        out.append([depth, part.get_content_type()])
        for child in part.get_payload(): walk(child, depth + 1, out)
    elif part.is_multipart():
        out.append([depth, part.get_content_type(), hashlib.sha256(b''.join(c.as_bytes() for c in part.get_payload())).hexdigest()])
    else:
        body = part.get_payload(decode=True) or b''
        out.append([depth, part.get_content_type(), str(part.get_filename()), len(body), hashlib.sha256(body).hexdigest()])
for line in sys.stdin:
    out = []
    walk(email.message_from_bytes(bytes.fromhex(line.strip())), 0, out)
    print(json.dumps(out))
`;

interface Outcome {
  readonly name: string;
  readonly input: Buffer;
  readonly output: Buffer;
  readonly untouched: boolean;
}

describe('message vectors', function () {
  this.timeout(120_000);
  const outcomes: Outcome[] = [];
  const refused = new Map<string, string>();
  let vectors: MessageVector[] = [];

  before(function () {
    vectors = messageVectors(vectorsFolder(this));
    for (const { name, bytes } of vectors) {
      try {
        const split = splitMessage(bytes);
        const { output, entity } = canonicalise(split);
        outcomes.push({ name, input: entityOf(split), output, untouched: entity.untouchedEightBit });
      } catch (error) {
        assert.ok(error instanceof GatewayError, `${name}: ${String(error)}`);
        refused.set(name, error.code);
      }
    }
  });

  it('are many', () => assert.ok(outcomes.length >= 290, `only ${outcomes.length}`));

  it('are refused as listed, no more and no fewer', () => {
    assert.deepEqual([...refused.keys()].sort(), Object.keys(REFUSED).sort());
    assert.deepEqual([...new Set(refused.values())], ['message.malformed']);
  });

  it('become 7-bit data', () => {
    const eightBit = outcomes.filter(({ output }) => {
      const scan = new SevenBitScan();
      scan.update(output);
      return scan.end();
    });
    assert.deepEqual(eightBit.map(({ name }) => name).sort(), Object.keys(UNTOUCHED).sort());
    assert.deepEqual(
      outcomes.filter(({ untouched }) => untouched).map(({ name }) => name),
      eightBit.map(({ name }) => name),
    );
  });

  it('come out the same in odd chunks and octet by octet', () => {
    for (const { name, output } of outcomes) {
      const split = splitMessage(vectors.find((vector) => vector.name === name)?.bytes ?? Buffer.alloc(0));
      const steps = split.body.length > 30_000 ? [4099] : [1, 7, 61];
      for (const step of steps) {
        const cuts = Array.from({ length: Math.ceil(split.body.length / step) }, (_, i) => i * step);
        assert.ok(canonicalise(split, cuts).output.equals(output), `${name} in chunks of ${step}`);
      }
    }
  });

  it('hold the same leaves for mailparser', async () => {
    for (const { name, input, output } of outcomes) {
      if (!input.equals(output)) assert.equal(await leaves(output), await leaves(input), name);
    }
  });

  it('hold the same leaves for the email package of Python', function () {
    const changed = outcomes.filter(({ input, output }) => !input.equals(output));
    assert.ok(changed.length > 50, `only ${changed.length} changed`);
    const lines = changed.flatMap(({ input, output }) => [input.toString('hex'), output.toString('hex')]);
    const run = spawnSync('python3', ['-c', PYTHON], { input: lines.join('\n'), maxBuffer: 1 << 28 });
    if (run.error !== undefined) skipOrFail(this, 'no python3');
    assert.equal(run.status, 0, run.stderr.toString());
    const found = run.stdout.toString().trim().split('\n');
    for (const [i, { name }] of changed.entries()) assert.equal(found[2 * i + 1], found[2 * i], name);
  });
});

/** What mailparser makes of an entity. */
async function leaves(entity: Buffer): Promise<string> {
  const mail = await simpleParser(Buffer.concat([Buffer.from('MIME-Version: 1.0\r\n'), entity]), {
    skipHtmlToText: true,
    skipTextToHtml: true,
    skipImageLinks: true,
    skipTextLinks: true,
  });
  return JSON.stringify([
    mail.text,
    mail.html,
    mail.attachments.map((part) => [part.contentType, part.filename, part.size, part.checksum]),
  ]);
}
