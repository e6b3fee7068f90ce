/** Entities made canonical: what changes, what must not, what is refused, and that chunking never matters. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type ErrorCode, GatewayError } from '../../src/errors.ts';
import { CanonicalEntity, MULTIPART_DEPTH_MAX, PARTS_MAX } from '../../src/mime/canonical-entity.ts';
import { LOOK_AHEAD_OCTETS } from '../../src/mime/converted-leaf.ts';
import { parseHeaderBlock } from '../../src/mime/header-block.ts';
import { canonicalise, canonicaliseAtOnce, entityOf, type Split, splitMessage } from './message-vectors.ts';
import { decodeQuotedPrintable } from './quoted-printable-decoder.ts';

const message = (text: string): Split => splitMessage(Buffer.from(text, 'utf8'));
const output = (text: string): string => canonicalise(message(text)).output.toString('latin1');
const latin1 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
const unchanged = (text: string): void => assert.equal(output(text), entityOf(message(text)).toString('latin1'));

function refuses(text: string, code: ErrorCode): void {
  assert.throws(
    () => canonicalise(message(text)),
    (error) => error instanceof GatewayError && error.code === code,
    text.slice(0, 200),
  );
}

/** Walks `count` multiparts inside each other. */
function nested(count: number): string {
  let text = '';
  for (let i = 0; i < count; i++) text += `Content-Type: multipart/mixed; boundary=b${i}\r\n\r\n--b${i}\r\n`;
  return `${text}\r\nx\r\n`;
}

describe('canonical entity', () => {
  describe('what is fit stays octet for octet', () => {
    const fit = [
      'Content-Type: text/plain\r\n\r\nhello\r\n',
      'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nascii only\r\n',
      'Content-type: TEXT/HTML\r\nContent-ID: <x>\r\n\r\n',
      'Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na =20\r\nFrom x\r\n',
      'Content-Type: image/png\r\nContent-Transfer-Encoding: BASE64\r\n\r\nAAAA\r\n',
      'Content-Type: multipart/mixed; boundary="a"\r\n\r\npreamble \r\n--a  \r\n\r\none\r\n--a\r\n--a--\r\nepilogue',
      'Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\nno end boundary\r\n',
      'Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n1\r\n--a\r\n\r\n2\r\n--a--\r\n',
      'Content-Type: multipart/mixed; boundary=a\r\n\r\nno part at all',
      'Content-Type: multipart/mixed; boundary=a\r\n\r\n--ab\r\n--a b\r\n --a\r\n--A\r\n--a--x\r\n--a--',
      'Content-Type: multipart/mixed\r\n\r\n--a\r\n\r\nno boundary parameter\r\n--a--\r\n',
      'Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: text/plain',
    ];
    for (const text of fit) it(JSON.stringify(text.slice(0, 90)), () => unchanged(text));
  });

  it('writes a Content-Type where none is', () => {
    assert.equal(output('Subject: x\r\n\r\nhi\r\n'), 'Content-Type: text/plain; charset=us-ascii\r\n\r\nhi\r\n');
    assert.equal(
      output('\r\nviel gr\u00fcn, viel blau\r\n'),
      'Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nviel gr=C3=BCn, viel blau\r\n',
    );
    assert.equal(
      output('Content-Transfer-Encoding: base64\r\n\r\nAAAA\r\n'),
      'Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n',
    );
  });

  it('re-encodes 8-bit leaves in place and touches one field only', () => {
    const text =
      'Content-Type: multipart/alternative;\r\n boundary=x\r\nContent-Language: de\r\n\r\nnote\r\n--x\r\n' +
      'CONTENT-transfer-ENCODING: 8bit\r\nX-Odd :  kept \r\nContent-Type: text/plain;\r\n\tcharset=utf-8\r\n\r\n' +
      'Gr\u00fc\u00dfe an alle, die hier mitlesen\r\n--x\r\nContent-Type: application/x\r\n\r\n\u00e4\u00f6\u00fc\u00df\r\n--x--\r\n';
    const expected =
      'Content-Type: multipart/alternative;\r\n boundary=x\r\nContent-Language: de\r\n\r\nnote\r\n--x\r\n' +
      'Content-Transfer-Encoding: quoted-printable\r\nX-Odd :  kept \r\nContent-Type: text/plain;\r\n\tcharset=utf-8\r\n\r\n' +
      'Gr=C3=BC=C3=9Fe an alle, die hier mitlesen\r\n--x\r\nContent-Type: application/x\r\n' +
      'Content-Transfer-Encoding: base64\r\n\r\nw6TDtsO8w58=\r\n--x--\r\n';
    assert.equal(output(text), expected);
  });

  it('encodes what relays change: From at a line start, white space at a line end', () => {
    for (const body of ['From me', 'a\r\nFrom me\r\n', 'a \r\nb', 'a\t\r\n', 'a ', 'From ']) {
      const encoded = output(`Content-Type: text/plain\r\n\r\n${body}`);
      const [head = '', ...rest] = encoded.split('\r\n\r\n');
      assert.match(head, /quoted-printable$/);
      assert.equal(decodeQuotedPrintable(Buffer.from(rest.join('\r\n\r\n'))).toString(), body);
      assert.doesNotMatch(encoded, /^From /m);
    }
  });

  it('S9 a 5 MB line is re-encoded, never cut', () => {
    const line = 'x'.repeat(5_000_000);
    for (const [type, encoding] of [
      ['text/plain', 'quoted-printable'],
      ['application/json', 'base64'],
    ] as const) {
      const text = output(`Content-Type: ${type}\r\n\r\n${line}\r\n`);
      const [head = '', body = ''] = text.split('\r\n\r\n');
      assert.ok(head.endsWith(`Content-Transfer-Encoding: ${encoding}`));
      assert.doesNotMatch(text, /[^\r\n]{77}/);
      const decoded = encoding === 'base64' ? Buffer.from(body, 'base64') : decodeQuotedPrintable(Buffer.from(body));
      assert.equal(decoded.toString(), `${line}\r\n`);
    }
  });

  it('S9 998 octets stay, 999 do not', () => {
    unchanged(`Content-Type: text/plain\r\n\r\n${'x'.repeat(998)}\r\n`);
    assert.match(output(`Content-Type: text/plain\r\n\r\n${'x'.repeat(999)}\r\n`), /quoted-printable/);
  });

  it('looks 64 KiB ahead and no further', () => {
    const lines = (octets: number): string => `${'0123456789abcd\r\n'.repeat(octets / 16)}`;
    const head = 'Content-Type: text/plain\r\nContent-Transfer-Encoding: 7bit\r\n\r\n';
    unchanged(head + lines(LOOK_AHEAD_OCTETS));
    assert.match(output(`${head}${lines(LOOK_AHEAD_OCTETS)}x`), /quoted-printable/);
    const part = `Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\n${lines(LOOK_AHEAD_OCTETS)}`;
    unchanged(`${part}\r\n--a--\r\n`);
    assert.match(output(`${part}x\r\n--a--\r\n`), /quoted-printable/);
    const binary = output(`Content-Type: application/x\r\nContent-Transfer-Encoding: binary\r\n\r\n${lines(65_552)}`);
    assert.match(binary, /base64/);
    assert.ok(binary.endsWith('\r\n') && !binary.endsWith('\r\n\r\n'));
  });

  it('folding makes no delimiter that was none', () => {
    const text = `Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\n${'x'.repeat(75)}--a--\u00fc\r\n--a--\r\n`;
    assert.equal(output(text).match(/^--a/gm)?.length, 2);
  });

  it('passes protected and enclosed entities untouched, and says when they are 8-bit', () => {
    for (const type of [
      'message/rfc822',
      'message/delivery-status',
      'multipart/signed; protocol="application/pgp-signature"; boundary=b',
      'multipart/encrypted; boundary=b',
    ]) {
      for (const [body, flag] of [
        ['plain ', false],
        ['\u00fc', true],
        ['x'.repeat(999), true],
      ] as const) {
        const text = `Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: ${type}\r\n\r\nX: 1\r\n\r\n--b\r\n\r\n${body}\r\n--b--\r\n\r\n--a--\r\n`;
        const { output: out, entity } = canonicalise(message(text));
        assert.equal(out.toString('latin1'), latin1(text));
        assert.equal(entity.untouchedEightBit, flag, `${type} ${body.slice(0, 9)}`);
      }
    }
    for (const text of [
      'Content-Type: multipart/mixed; boundary=a\r\n\r\n\u00fc\r\n--a--\r\n',
      'Content-Type: multipart/mixed; boundary=a\r\n\r\n--a--\r\n\u00fc',
      'Content-Type: multipart/mixed\r\n\r\n\u00fc',
      'Content-Type: application/x\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\n\u00fc',
      'Content-Type: application/x; name=\u00fc.bin\r\n\r\nx',
      'Content-Type: multipart/digest; boundary=a\r\n\r\n--a\r\n\r\nSubject: \u00fc\r\n--a--\r\n',
    ]) {
      const { output: out, entity } = canonicalise(message(text));
      assert.equal(out.toString('latin1'), latin1(text));
      assert.equal(entity.untouchedEightBit, true, text);
    }
  });

  it('refuses what is called base64 and is not, after the end', () => {
    const head = 'Content-Type: application/x\r\nContent-Transfer-Encoding: base64\r\n\r\n';
    refuses(`${head}\u00fc\r\n`, 'message.malformed');
    refuses(`${head}${'AAAA\r\n'.repeat(20_000)}\0\r\n`, 'message.malformed');
    const split = message(`${head}\u00fc\r\n`);
    const entity = new CanonicalEntity(split.fields);
    assert.doesNotThrow(() => entity.write(split.body));
  });

  it('S9 mends long lines and raw octets under their labels, and makes no part of them', () => {
    const leaf = (encoding: string, body: string): string =>
      `Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${body}\r\n--a--\r\n`;
    assert.equal(output(leaf('base64', 'A'.repeat(1200))), leaf('base64', `${'A'.repeat(988)}\r\n${'A'.repeat(212)}`));
    assert.equal(
      output(leaf('quoted-printable', `=3D\u00fc${'x'.repeat(979)}--a${' '.repeat(20)}`)),
      leaf('quoted-printable', `=3D=C3=BC${'x'.repeat(979)}=\r\n=2D-a${' '.repeat(20)}`),
    );
  });

  it('refuses message/partial at the root', () => {
    refuses('Content-Type: message/partial; id=x; number=1\r\n\r\nx', 'message.partial');
  });

  it('M1 depth, parts and header octets have limits', () => {
    unchanged(nested(MULTIPART_DEPTH_MAX));
    refuses(nested(MULTIPART_DEPTH_MAX + 1), 'message.limits');
    refuses(nested(10_000), 'message.limits');
    const head = 'Content-Type: multipart/mixed; boundary=a\r\n\r\n';
    unchanged(`${head}${'--a\r\n\r\n'.repeat(PARTS_MAX)}--a--\r\n`);
    refuses(`${head}${'--a\r\n\r\n'.repeat(PARTS_MAX + 1)}--a--\r\n`, 'message.limits');
    refuses(`${head}${'--a\r\n'.repeat(200_000)}`, 'message.limits');
    refuses(`${head}--a\r\n${'X: y\r\n'.repeat(1001)}\r\n`, 'message.limits');
    refuses(`${head}--a\r\nX: y\r\n${' z\r\n'.repeat(300_000)}\r\n`, 'message.limits');
    refuses(`${head}--a\r\nX: ${'y'.repeat(1_100_000)}`, 'message.limits');
    unchanged(`Content-Type: message/rfc822\r\n\r\n${'Content-Type: message/rfc822\r\n\r\n'.repeat(5000)}x\r\n`);
  });

  it('M1 a part header that drips in is refused at the limit, for what it holds and not for its square', () => {
    const entity = new CanonicalEntity(parseHeaderBlock(Buffer.from('Content-Type: multipart/mixed; boundary=a\r\n')));
    entity.write(Buffer.from('--a\r\nX: '));
    const drop = Buffer.alloc(8, 0x79);
    const drip = (): void => {
      for (let octets = 0; octets < 1_100_000; octets += drop.length) entity.write(drop);
    };
    assert.throws(drip, { code: 'message.limits' });
  });

  it('M3 what two parsers could read in two ways is refused', () => {
    const bad = [
      'Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\nx',
      'Content-Type: multipart/mixed; boundary=a; boundary=b\r\n\r\nx',
      'Content-Type: multipart/mixed; boundary=a (b)\r\n\r\nx',
      'Content-Type: multipart/mixed; boundary="a "\r\n\r\nx',
      'Content-Type: multipart/mixed; boundary="\u00fc"\r\n\r\nx',
      `Content-Type: multipart/mixed; boundary=${'a'.repeat(201)}\r\n\r\nx`,
      'Content-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: base64\r\n\r\nx',
      'Content-Transfer-Encoding: quoted printable\r\n\r\nx',
    ];
    for (const text of bad) {
      refuses(text, 'message.malformed');
      refuses(`Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n${text}\r\n--o--`, 'message.malformed');
    }
    const head = 'Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n';
    refuses(`${head}Content-Type: multipart/mixed; boundary=a\r\n\r\n`, 'message.malformed');
    refuses(`${head}Content-Type: multipart/mixed; boundary=a--\r\n\r\n--a--\r\n`, 'message.malformed');
    refuses(`${head}text without an empty line\r\n--a--`, 'message.malformed');
    refuses(`${head} fold first\r\n\r\n--a--`, 'message.malformed');
  });

  it('M6 a boundary named like a prototype is a boundary', () => {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      const text = `Content-Type: multipart/mixed; boundary=${name}\r\n\r\n--${name}\r\n\r\n\u00fc\r\n--${name}--\r\n`;
      assert.match(output(text), /base64|quoted-printable/);
    }
    unchanged('Content-Type: multipart/mixed; boundary=a\r\n\r\n--__proto__\r\n--constructor--\r\n--a--\r\n');
  });

  it('gives the same octets for any chunking', () => {
    const piece = fc.constantFrom(
      '--a\r\n',
      '--a--\r\n',
      '--b\r\n',
      '--b--',
      '\r\n',
      'Content-Type: multipart/mixed; boundary=b\r\n\r\n',
      'Content-Type: message/rfc822\r\n\r\n',
      'Content-Transfer-Encoding: base64\r\n\r\n',
      'Content-Type: application/x\r\n\r\n',
      'Content-Transfer-Encoding: quoted-printable\r\n\r\n',
      'x',
      '\r',
      ' ',
      '-',
      'From ',
      '\u00fc',
      'y'.repeat(1000),
      '0123456789\r\n'.repeat(6000),
    );
    const fields = parseHeaderBlock(Buffer.from('Content-Type: multipart/mixed; boundary=a\r\n'));
    const outcome = (body: Buffer, cuts: readonly number[] | 'at once'): string => {
      try {
        const split = { header: fields, fields, body };
        const { output: out, entity } = cuts === 'at once' ? canonicaliseAtOnce(split) : canonicalise(split, cuts);
        return `${entity.untouchedEightBit} ${out.toString('latin1')}`;
      } catch (error) {
        return error instanceof GatewayError ? error.code : String(error);
      }
    };
    const cuts = fc.array(fc.nat({ max: 120_000 }), { maxLength: 8 });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), cuts, fc.integer({ min: 1, max: 9 }), (pieces, at, step) => {
        const body = Buffer.from(pieces.join(''));
        const whole = outcome(body, []);
        assert.equal(outcome(body, 'at once'), whole);
        assert.equal(
          outcome(
            body,
            at.filter((cut) => cut < body.length).sort((a, b) => a - b),
          ),
          whole,
        );
        if (body.length > 8000) return;
        assert.equal(
          outcome(
            body,
            Array.from({ length: Math.ceil(body.length / step) }, (_, i) => i * step),
          ),
          whole,
        );
      }),
      { numRuns: 600 },
    );
  });
});
