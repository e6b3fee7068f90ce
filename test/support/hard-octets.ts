/**
 * Messages whose octets, lines or encodings are hard for whoever must sign them (RFC 2045 §6, RFC 5322 §2.1, RFC 8551
 * §3.1; catalogue S2, S9).
 */
import { BASE64, BINARY, EIGHT, LATIN, MALFORMED, type MadeMail, MIME, plain, QP, SEVEN, TEXT } from './made-mail.ts';
import { base64, lines, noise } from './mail-parts.ts';

/** By name. Sizes from nothing to 1 MB. */
export const HARD_OCTETS: Readonly<Record<string, MadeMail>> = {
  // lines and octets
  'line of 998': plain(`${'a'.repeat(998)}\r\nb\r\n`),
  'line of 999': plain(`${'a'.repeat(999)}\r\nb\r\n`),
  'lines round what Postfix reads at once': plain(
    `${[2046, 2047, 2048, 2049, 4096].map((n) => 'c'.repeat(n)).join('\r\n')}\r\n`,
  ),
  'one line of 1 MB': plain(`${'d'.repeat(1_000_000)}\r\n`),
  'one line of 8-bit, 200 KB': plain(`${'\xc3\xa4'.repeat(100_000)}\r\n`),
  'html in one line': plain(`<html><body>${'<p>x</p>'.repeat(20_000)}</body></html>\r\n`, [
    MIME,
    'Content-Type: text/html',
  ]),
  dots: plain('.\r\n..\r\n...\r\n.a\r\n\r\n.\r\n', [MIME, TEXT, SEVEN]),
  'trailing blanks': plain('a \r\nb\t\r\n \r\n\t\t\r\nc  \t \r\n', [MIME, TEXT, SEVEN]),
  'format=flowed': plain('-- \r\nflows \r\non and \r\n  > quoted \r\nend\r\n', [
    MIME,
    'Content-Type: text/plain; charset=us-ascii; format=flowed; delsp=yes',
  ]),
  'From at line starts': plain('From here\r\n>From there\r\nFrom\r\nFrom: me\r\n', [MIME, TEXT, SEVEN]),
  'no body': { fields: [MIME, TEXT], body: '' },
  'body of empty lines': plain('\r\n\r\n\r\n', [MIME, TEXT, SEVEN]),
  '8-bit labelled 7bit': plain('Gr\xfc\xdfe aus K\xf6ln\r\n', [MIME, LATIN, SEVEN]),
  '8-bit without a label': plain('Gr\xfc\xdfe\r\n', [MIME, LATIN]),
  '8-bit without any MIME field': plain('Gr\xfc\xdfe\r\n', []),
  '7-bit without any MIME field': plain(`${lines(1, 5000)}\r\n`, []),
  'every octet that mail allows': plain(
    `${Array.from({ length: 255 }, (_, i) => String.fromCharCode(i + 1))
      .join('')
      .replace(/[\r\n]/g, '')}\r\n`,
    [MIME, BINARY, 'Content-Transfer-Encoding: binary'],
  ),
  'ISO-2022-JP': plain('\x1b$B$3$s$K$A$O\x1b(B\r\n', [MIME, 'Content-Type: text/plain; charset=iso-2022-jp', SEVEN]),
  'form feeds and tabs': plain('a\x0cb\tc\x0b\r\n\x0c\r\n', [MIME, TEXT, SEVEN]),
  NUL: { ...plain('a\0b\r\n'), refusal: { code: 'smtp.bare-newline', when: 'always' } },
  // the 64 KiB that are looked at before an encoding is chosen
  'text of 65,535': plain(`${lines(2, 70_000).slice(0, 65_533)}\r\n`, [MIME, TEXT, SEVEN]),
  'text of 65,536': plain(`${lines(2, 70_000).slice(0, 65_534)}\r\n`, [MIME, TEXT, SEVEN]),
  'text of 65,537': plain(`${lines(2, 70_000).slice(0, 65_535)}\r\n`, [MIME, TEXT, SEVEN]),
  '8-bit text of 900 KB': plain(`${lines(3, 900_000).replaceAll('e', '\xe9')}\r\n`, [MIME, LATIN, EIGHT]),
  '7-bit data of 300 KB': plain(`${lines(4, 300_000)}\r\n`, [MIME, 'Content-Type: application/sql', SEVEN]),
  'base64 of 1 MB': plain(`${base64(noise(5, 740_000))}\r\n`, [MIME, BINARY, BASE64]),
  'quoted-printable of 500 KB': plain(`${'=C3=A4=C3=B6 and=\r\n'.repeat(25_000)}\r\n`, [MIME, TEXT, QP]),
  // encodings done badly
  'base64 in lines of 1': plain(`${base64(noise(6, 60)).replace(/(.)/g, '$1\r\n')}\r\n`, [MIME, BINARY, BASE64]),
  'base64 in one line': plain(`${noise(7, 3000).toString('base64')}\r\n`, [MIME, BINARY, BASE64]),
  '8-bit under base64': { ...plain('Gr\xfc\xdfe\r\n', [MIME, LATIN, BASE64]), refusal: MALFORMED },
  'base64 with a signature line behind it': plain(`${base64(noise(8, 500))}\r\n-- \r\nsent by x\r\n`, [
    MIME,
    BINARY,
    BASE64,
  ]),
  'base64 without padding': plain(`${base64(noise(8, 500)).replaceAll('=', '')}\r\n`, [MIME, BINARY, BASE64]),
  'base64 in capitals with a comment': plain('QUJD\r\n', [MIME, BINARY, 'Content-Transfer-Encoding: BASE64 (as is)']),
  '8-bit under quoted-printable': plain('Gr\xfc\xdfe =E4\r\n', [MIME, LATIN, QP]),
  'quoted-printable in one line': plain(`${'=C3=A4'.repeat(2000)}\r\n`, [MIME, TEXT, QP]),
  'bad quoted-printable': plain('100 = percent, =zz, =\r\n=3D =\t\r\nend=', [MIME, TEXT, QP]),
  'x-uuencode': plain('begin 644 x\r\n#0V%T\r\n`\r\nend\r\n', [MIME, BINARY, 'Content-Transfer-Encoding: x-uuencode']),
  'uuencode in a text': plain('see below\r\n\r\nbegin 644 cat.txt\r\n#0V%T\r\n`\r\nend\r\n', [MIME, TEXT, SEVEN]),
};
