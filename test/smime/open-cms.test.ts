/** Finding the CMS object in a message: the exact octets of the signed part, whatever the line ends; and refusals. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { collect } from '../../src/cms/reopenable-source.ts';
import { GatewayError } from '../../src/errors.ts';
import { LineEnds } from '../../src/mime/line-ends.ts';
import { findCms } from '../../src/smime/open-cms.ts';
import { type RangedSource, rangedBuffer } from '../../src/smime/ranged-source.ts';

const SIGNATURE = Buffer.from('the signature');
const TYPE = 'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; boundary="b o"';

/** The same octets in pieces of one size. */
function inPieces(octets: Buffer, size: number): RangedSource {
  const whole = rangedBuffer(octets);
  return {
    async *open(from = 0, to = octets.length): AsyncGenerator<Buffer, void, undefined> {
      for await (const part of whole.open(from, to)) {
        for (let at = 0; at < part.length; at += size) yield part.subarray(at, at + size);
      }
    },
  };
}

function signed(
  content: string,
  end: string,
  options: { readonly lead?: string; readonly tail?: string } = {},
): Buffer {
  const part = `Content-Type: application/pkcs7-signature${end}Content-Transfer-Encoding: base64${end}${end}`;
  const { lead = '', tail = `${end}--b o--${end}` } = options;
  const body = `${lead}--b o${end}${content}${end}--b o${end}${part}${SIGNATURE.toString('base64')}${tail}`;
  return Buffer.from(`From: a@example.org${end}${TYPE}${end}${end}${body}`, 'latin1');
}

async function split(
  octets: Buffer,
  size: number,
): Promise<{ content: string | undefined; object: string | undefined }> {
  const found = await findCms(inPieces(octets, size), 'smime');
  const content = found.content === null ? undefined : await collect(found.content.open(), 1e6);
  return {
    content: content?.toString('latin1'),
    object: (await collect(found.object.open(), 1e6))?.toString('latin1'),
  };
}

async function refusal(octets: Buffer | string, form: 'smime' | 'pem' = 'smime'): Promise<string> {
  try {
    const { object } = await findCms(rangedBuffer(Buffer.from(octets)), form);
    await collect(object.open(), 1e6);
  } catch (thrown) {
    if (thrown instanceof GatewayError) return thrown.code;
    throw thrown;
  }
  return 'none';
}

describe('open CMS', () => {
  const content = fc
    .array(fc.constantFrom('\r\n', '\n', '\r', '-', '--', '--b', '--b o', ' o', 'x', '\r\n--b ox\r\n', ' ', '\xe4'), {
      maxLength: 30,
    })
    .map((parts) => parts.join(''))
    .filter((text) => !/(^|\n)--b o(--)?[ \t]*\r?(\n|$)/.test(`${text}\n`) && !text.endsWith('\r'));

  for (const end of ['\r\n', '\n']) {
    it(`gives the signed part octet for octet, cut anywhere (${JSON.stringify(end)})`, async () => {
      await fc.assert(
        fc.asyncProperty(content, fc.integer({ min: 1, max: 400 }), async (text, size) => {
          assert.deepEqual(await split(signed(text, end), size), { content: text, object: SIGNATURE.toString() });
        }),
        { numRuns: 300 },
      );
    });
  }

  it('takes preamble, epilogue, blanks behind delimiters, and an end without a line end', async () => {
    for (const options of [
      { lead: 'This is a message\r\n' },
      { tail: '\r\n--b o--\r\nepilogue\r\n--b o\r\nmore' },
      { tail: '\r\n--b o-- \t\r\n' },
      { tail: '\r\n--b o--' },
    ]) {
      const found = await split(signed('text', '\r\n', options), 50);
      assert.deepEqual(found, { content: 'text', object: SIGNATURE.toString() });
    }
  });

  it('reads what OpenSSL writes: LF round content with CRLF', async () => {
    const text = 'Content-Type: text/plain\r\n\r\nhello\r\n';
    const lf = signed('CONTENT', '\n').toString('latin1').replace('CONTENT', text);
    assert.equal((await split(Buffer.from(lf, 'latin1'), 30)).content, text);
  });

  it('refuses other numbers of parts, no end, and what is no signature', async () => {
    const good = signed('text', '\r\n').toString('latin1');
    assert.equal(await refusal(good), 'none');
    for (const bad of [
      good.replace('--b o--', ''),
      good.replace('--b o--', '--b o\r\n\r\nthird\r\n--b o--'),
      good.replace('text\r\n--b o\r\n', 'text\r\n'),
      good.replace('application/pkcs7-signature\r\n', 'application/pgp-signature\r\n'),
      good.replace('boundary="b o"', 'x=y'),
      good.replace(TYPE, `${TYPE}\r\n${TYPE.replace('b o', 'other')}`),
      good.replace('boundary="b o"', 'boundary="b o"; boundary="other"'),
    ]) {
      assert.equal(await refusal(bad), 'message.malformed', bad);
    }
  });

  it('refuses what is no S/MIME, encodings that CMS is not in, and broken PEM', async () => {
    const mime = 'Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\n';
    assert.equal(await refusal(`${mime}QUJD\r\n`), 'none');
    assert.equal(await refusal('-----BEGIN CMS-----\nQUJD\n-----END CMS-----\n', 'pem'), 'none');
    assert.equal(await refusal('text in front\n-----BEGIN PKCS7-----\r\nQUJD\r\n-----END PKCS7-----', 'pem'), 'none');
    for (const bad of [
      'Content-Type: text/plain\r\n\r\nhello',
      'no header',
      mime.replace('base64', 'quoted-printable'),
      mime.replace('base64', 'x-uuencode'),
      `${mime.replace('base64\r\n', 'base64\r\nContent-Transfer-Encoding: 7bit\r\n')}QUJD\r\n`,
      `${mime}QUJ\r\n`,
    ]) {
      assert.equal(await refusal(bad), 'message.malformed', bad);
    }
    for (const bad of [
      '-----BEGIN CMS-----\nQUJD\n',
      '-----BEGIN CMS-----\nQUJD\n-----END PKCS7-----\n',
      '-----BEGIN CMS-----\nQUJD\n-----END CMS-----\nmore',
      '-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n',
    ]) {
      assert.equal(await refusal(bad, 'pem'), 'message.malformed', bad);
    }
  });
});

describe('line ends', () => {
  it('gives bare LF its CR and changes nothing else, cut anywhere', () => {
    const text = fc
      .array(fc.constantFrom('\r\n', '\n', '\r', 'a', 'bc'), { maxLength: 60 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 20 }), (input, size) => {
        const lineEnds = new LineEnds();
        const octets = Buffer.from(input);
        const parts: Buffer[] = [];
        for (let at = 0; at < octets.length; at += size)
          parts.push(Buffer.from(lineEnds.update(octets.subarray(at, at + size))));
        assert.equal(Buffer.concat(parts).toString(), input.replace(/(?<!\r)\n/g, '\r\n'));
        assert.equal(lineEnds.repaired, /(?<!\r)\n/.test(input));
      }),
    );
  });
});
