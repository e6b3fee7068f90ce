/**
 * Messages whose parts or fields are hard for whoever must sign them, and what mail programs send every day (RFC 2046,
 * RFC 1847, RFC 2231, RFC 5322 §3; catalogue M1-M3).
 */
import {
  BASE64,
  BINARY,
  EIGHT,
  LATIN,
  MALFORMED,
  MALFORMED_ROOT,
  type MadeMail,
  MIME,
  NOT_CONVERTIBLE,
  plain,
  QP,
  SEVEN,
  TEXT,
  TOO_MUCH,
} from './made-mail.ts';
import { base64, lines, multipart, noise, part } from './mail-parts.ts';

function mixed(parts: readonly string[], extra: Partial<MadeMail> = {}): MadeMail {
  return { fields: [MIME, 'Content-Type: multipart/mixed; boundary="b0"'], body: multipart('b0', parts), ...extra };
}

/** `depth` multiparts inside each other around a text. */
function nested(depth: number): MadeMail {
  const text = part([TEXT, SEVEN], 'in the middle\r\n');
  let inner = text;
  for (let level = depth; level > 1; level--) {
    inner = part([`Content-Type: multipart/mixed; boundary="n${level}"`], multipart(`n${level}`, [inner]));
  }
  return { fields: [MIME, 'Content-Type: multipart/mixed; boundary="n1"'], body: multipart('n1', [inner]) };
}

const FORWARDED = ['Content-Type: message/rfc822', 'Content-Disposition: inline'];

function forwarded(body: string): string {
  return part(FORWARDED, part(['From: x@elsewhere.example', 'Subject: inner', MIME, LATIN, EIGHT], body));
}

const PGP_SIGNED =
  'Content-Type: multipart/signed; micalg=pgp-sha256; protocol="application/pgp-signature"; boundary="s"';
const SMIME_SIGNED =
  'Content-Type: multipart/signed; protocol="application/pkcs7-signature";\r\n\tmicalg=sha-256; boundary="s"';

function clientSigned(root: string, type: string, body: string): MadeMail {
  const signature = part([`Content-Type: ${type}; name="s"`, BASE64], base64(noise(9, 900)));
  return { fields: [MIME, root], body: multipart('s', [part([LATIN, EIGHT], body), signature]) };
}

/** By name. */
export const HARD_STRUCTURE: Readonly<Record<string, MadeMail>> = {
  'multipart labelled base64': mixed([part([TEXT], 'a\r\n')], {
    fields: [MIME, 'Content-Type: multipart/mixed; boundary="b0"', BASE64],
  }),
  // structure
  'depth 99': nested(99),
  'depth 101': { ...nested(101), refusal: TOO_MUCH },
  '1,000 parts': mixed(Array.from({ length: 1000 }, (_, i) => part([TEXT], `part ${i}`))),
  '1,001 parts': mixed(
    Array.from({ length: 1001 }, (_, i) => part([TEXT], `part ${i}`)),
    { refusal: TOO_MUCH },
  ),
  'preamble and epilogue': {
    fields: [MIME, 'Content-Type: multipart/mixed; boundary=b0'],
    body: `This is MIME.\r\n--b0x\r\n--b\r\n${multipart('b0', [part([TEXT], 'a')])}\r\n--b0-\r\nepilogue\r\n`,
  },
  '8-bit preamble': {
    fields: [MIME, 'Content-Type: multipart/mixed; boundary=b0'],
    body: `F\xfcr alte Programme\r\n${multipart('b0', [part([TEXT], 'a')])}`,
  },
  'no closing delimiter': {
    fields: [MIME, 'Content-Type: multipart/mixed; boundary=b0'],
    body: '--b0\r\n\r\nends\r\n',
  },
  'no delimiter at all': { fields: [MIME, 'Content-Type: multipart/mixed; boundary=b0'], body: 'just text\r\n' },
  'no boundary': { fields: [MIME, 'Content-Type: multipart/mixed'], body: '--b0\r\n\r\na\r\n--b0--\r\n' },
  'empty boundary': { fields: [MIME, 'Content-Type: multipart/mixed; boundary=""'], body: '--\r\n\r\na\r\n----\r\n' },
  'boundary with every character': {
    fields: [MIME, `Content-Type: multipart/mixed; boundary="a'()+_,-./:=? z"`],
    body: multipart(`a'()+_,-./:=? z`, [part([LATIN, EIGHT], '\xe4'), part([BINARY, BASE64], base64(noise(1, 99)))]),
  },
  'boundary of 70': {
    fields: [MIME, `Content-Type: multipart/mixed;\r\n boundary=${'x'.repeat(70)}`],
    body: multipart('x'.repeat(70), [part([TEXT], 'a')]),
  },
  'boundaries that begin alike': {
    fields: [MIME, 'Content-Type: multipart/mixed; boundary=b'],
    body: multipart('b', [
      part(
        ['Content-Type: multipart/alternative; boundary=bb'],
        multipart('bb', [part([TEXT], '1'), part([LATIN, EIGHT], '\xe4')]),
      ),
      part([TEXT], '--bbb\r\n--b-\r\nend'),
    ]),
  },
  'one boundary twice': {
    fields: [MIME, 'Content-Type: multipart/mixed; boundary=b'],
    body: multipart('b', [part(['Content-Type: multipart/mixed; boundary=b'], multipart('b', [part([TEXT], 'a')]))]),
    refusal: MALFORMED,
  },
  'parts without fields and without bodies': mixed([
    '\r\nonly text',
    '\r\n',
    'Content-Type: text/plain',
    part([TEXT], ''),
  ]),
  'text that holds the delimiter of QP folding': mixed([part([LATIN, EIGHT], `\xe4${'-'.repeat(200)}b0\r\n`)]),
  digest: {
    fields: [MIME, 'Content-Type: multipart/digest; boundary=d'],
    body: multipart('d', [part([], part(['Subject: one'], 'a')), part([], part(['Subject: two'], 'b'))]),
  },
  // what may not be touched
  'forwarded, 8-bit, small': mixed([part([TEXT], 'see below'), forwarded('Gr\xfc\xdfe\r\n')]),
  'forwarded, 8-bit, large': mixed([forwarded(`${lines(5, 100_000)}\xfc\r\n`)], { refusal: NOT_CONVERTIBLE }),
  'forwarded five deep': mixed([
    part(
      FORWARDED,
      part([], part(FORWARDED, part([], part(FORWARDED, part([], part(FORWARDED, part([], 'end\r\n'))))))),
    ),
  ]),
  'forwarded as base64': mixed([
    part(['Content-Type: message/rfc822', BASE64], base64(Buffer.from('Subject: a\r\n\r\nb'))),
  ]),
  'signed by its author, OpenPGP': clientSigned(PGP_SIGNED, 'application/pgp-signature', 'signed \r\nFrom me\r\n'),
  'signed by its author, S/MIME, 8-bit': clientSigned(SMIME_SIGNED, 'application/pkcs7-signature', 'Gr\xfc\xdfe \r\n'),
  'signed part inside': mixed([
    part([TEXT], 'list footer'),
    part(
      [PGP_SIGNED],
      multipart('s', [part([TEXT, SEVEN], 'a \r\n'), part(['Content-Type: application/pgp-signature'], 'x')]),
    ),
  ]),
  'encrypted by its author, OpenPGP': {
    fields: [MIME, 'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary="e"'],
    body: multipart('e', [
      part(['Content-Type: application/pgp-encrypted'], 'Version: 1'),
      part([BINARY], lines(6, 4000)),
    ]),
  },
  'encrypted by its author, S/MIME': {
    fields: [MIME, 'Content-Type: application/x-pkcs7-mime; name="smime.p7m"', BASE64],
    body: `${base64(noise(2, 5000))}\r\n`,
  },
  partial: {
    fields: [MIME, 'Content-Type: message/partial; id="a@b"; number=1; total=2'],
    body: part(['Subject: whole'], 'half\r\n'),
    refusal: { code: 'message.partial', when: 'protected' },
  },
  // fields
  'folded Content-Type': mixed([part([TEXT], 'a')], {
    fields: [MIME, 'Content-Type:\r\n\tmultipart/mixed\r\n ;\r\n\tboundary\r\n =\r\n "b0"'],
  }),
  'CONTENT-TYPE in capitals': plain('a\r\n', ['MIME-VERSION: 1.0', 'CONTENT-TYPE: TEXT/PLAIN; CHARSET="US-ASCII"']),
  'blank before the colon': plain('Gr\xfc\xdfe\r\n', [MIME, 'Content-Type : text/plain; charset=iso-8859-1']),
  'Content-Type without MIME-Version': plain('<p>a</p>\r\n', ['Content-Type: text/html']),
  'empty Content-Type': plain('a\r\n', [MIME, 'Content-Type:']),
  'comments in a text type': plain('a\r\n', [MIME, 'Content-Type: text/plain (really); charset=us-ascii (yes)']),
  'two equal Content-Types': { ...plain('a\r\n', [MIME, TEXT, TEXT]), refusal: MALFORMED_ROOT },
  'two Content-Types': { ...plain('a\r\n', [MIME, TEXT, 'Content-Type: text/html']), refusal: MALFORMED_ROOT },
  'two boundaries': mixed([part([TEXT], 'a')], {
    fields: [MIME, 'Content-Type: multipart/mixed; boundary=b0; boundary=b1'],
    refusal: MALFORMED_ROOT,
  }),
  'two equal encodings': plain('a=3D\r\n', [MIME, TEXT, QP, QP]),
  'two encodings': { ...plain('a=3D\r\n', [MIME, TEXT, QP, EIGHT]), refusal: MALFORMED },
  'other Content fields': plain('Gr\xfc\xdfe \r\n', [
    MIME,
    'Content-Language: de',
    LATIN,
    'Content-ID: <a@b>',
    'Content-Description: \xfcber',
    EIGHT,
    'Content-Odd:  x  ',
  ]),
  'file names of every kind': mixed([
    part(
      [
        "Content-Type: application/pdf; name*=utf-8''%C3%A4.pdf",
        BASE64,
        'Content-Disposition: attachment;\r\n filename*0*=utf-8\'\'%C3%A4;\r\n filename*1=".pdf"',
      ],
      base64(noise(3, 2000)),
    ),
    part(['Content-Type: application/pdf; name="=?utf-8?B?w6QucGRm?="', BASE64], base64(noise(4, 2000))),
    part(
      [
        'Content-Type: application/pdf; name=two words.pdf',
        BASE64,
        'Content-Disposition: attachment; filename="C:\\a.pdf"',
      ],
      base64(noise(5, 200)),
    ),
  ]),
  'raw 8-bit file name': mixed([
    part(['Content-Type: application/pdf; name="\xe4.pdf"', BASE64], base64(noise(3, 200))),
  ]),
  'raw 8-bit subject': plain('a\r\n', ['Subject: Gr\xfc\xdfe', MIME, TEXT]),
  'fields of 60 KB': plain('a\r\n', [`References: ${'<a.b.c.d.e.f@g.example>\r\n '.repeat(2400)}<z@y>`, MIME, TEXT]),
  '900 fields': plain('a\r\n', [...Array.from({ length: 900 }, (_, i) => `X-F${i}: ${i}`), MIME, TEXT]),
  '1,100 fields': {
    ...plain('a\r\n', [...Array.from({ length: 1100 }, (_, i) => `X-F${i}: ${i}`), MIME, TEXT]),
    refusal: { code: 'message.limits', when: 'always' },
  },
  'header of 1.2 MB': {
    ...plain('a\r\n', [...Array.from({ length: 20 }, (_, i) => `X-F${i}: ${'x'.repeat(60_000)}`), MIME, TEXT]),
    refusal: { code: 'message.limits', when: 'always' },
  },
  // what mail programs send
  invitation: {
    fields: [MIME, 'Content-Type: multipart/alternative; boundary="i"'],
    body: multipart('i', [
      part([TEXT, EIGHT], 'Tr\xc3\xa9s\r\n'),
      part(
        ['Content-Type: text/calendar; method=REQUEST; charset=utf-8', EIGHT],
        'BEGIN:VCALENDAR\r\nSUMMARY:\xc3\xbc\r\nEND:VCALENDAR\r\n',
      ),
    ]),
  },
  newsletter: {
    fields: [MIME, 'Content-Type: multipart/related; type="multipart/alternative"; boundary="r"'],
    body: multipart('r', [
      part(
        ['Content-Type: multipart/alternative; boundary="a"'],
        multipart('a', [
          part([TEXT, QP], 'a =E2=82=AC'),
          part(['Content-Type: text/html; charset=utf-8', EIGHT], `<img src="cid:p">${'\xe2\x82\xac'.repeat(30_000)}`),
        ]),
      ),
      part(
        ['Content-Type: image/png; name=p.png', BASE64, 'Content-ID: <p>', 'Content-Disposition: inline'],
        base64(noise(6, 200_000)),
      ),
    ]),
  },
  report: {
    fields: [MIME, 'Content-Type: multipart/report; report-type=delivery-status; boundary="r"'],
    body: multipart('r', [
      part([TEXT], 'it failed'),
      part(
        ['Content-Type: message/delivery-status'],
        'Reporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; a@b\r\nAction: failed\r\nStatus: 5.1.1\r\n',
      ),
      part(['Content-Type: text/rfc822-headers'], 'Subject: \xfcber\r\n'),
    ]),
  },
  'winmail.dat': mixed([
    part([TEXT], 'a'),
    part(['Content-Type: application/ms-tnef; name="winmail.dat"', BASE64], base64(noise(7, 50_000))),
  ]),
};
