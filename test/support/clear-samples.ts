/**
 * Messages that carry one word in every way that a body can carry it, for searching what leaves (catalogue C19).
 * The word stands where sealing covers it: in the body and in the fields that describe the body, never in the Subject.
 */

export interface ClearSample {
  readonly name: string;
  /** Header fields and body, CRLF, not dot-stuffed. */
  readonly text: string;
}

const SHAPES: readonly (readonly [name: string, content: (word: string) => string])[] = [
  ['plain text', (word) => `Content-Type: text/plain\r\n\r\nThe secret:\r\n.${word}\r\n`],
  ['no MIME at all', (word) => `\r\n${word}\r\n`],
  [
    'base64',
    (word) => `Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n${base64(`x${word}`)}\r\n`,
  ],
  [
    'quoted-printable',
    (word) =>
      `Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n${word.slice(0, 9)}=\r\n${word.slice(9).replaceAll('-', '=2D')}\r\n`,
  ],
  [
    '8 bit',
    (word) =>
      `Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xc3\xbc${word}\xc3\xbc\r\n`,
  ],
  [
    'an attachment and its name',
    (word) =>
      [
        'Content-Type: multipart/mixed; boundary=b',
        '',
        '--b',
        'Content-Type: text/plain',
        '',
        'see there',
        '--b',
        `Content-Type: application/octet-stream; name="${word}.bin"`,
        'Content-Transfer-Encoding: base64',
        '',
        base64(`xx${word}`),
        '--b--',
        '',
      ].join('\r\n'),
  ],
  [
    'the name of the body',
    (word) => `Content-Type: text/plain; name="${word}.txt"\r\nContent-Description: ${word}\r\n\r\nx\r\n`,
  ],
  [
    'a signature of its own',
    (word) =>
      `Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary=s\r\n\r\n--s\r\n\r\n${word}\r\n--s\r\nContent-Type: application/pkcs7-signature\r\n\r\nAAAA\r\n--s--\r\n`,
  ],
  ['a large body', (word) => `Content-Type: text/plain\r\n\r\n${`${'x'.repeat(60)}\r\n`.repeat(3000)}${word}\r\n`],
];

/** @param index which of them; beyond the last they begin anew */
export function clearSample(index: number, word: string, from: string, to: string): ClearSample {
  const [name, content] = SHAPES[index % SHAPES.length] ?? ['', () => ''];
  const header = [
    'Date: Tue, 24 Nov 2026 09:00:00 +0000',
    `From: <${from}>`,
    `To: <${to}>`,
    `Message-ID: <${index}@example.org>`,
    `Subject: message ${index}`,
    'MIME-Version: 1.0',
  ];
  return { name, text: `${header.join('\r\n')}\r\n${content(word)}` };
}

export const CLEAR_SAMPLES = SHAPES.length;

function base64(text: string): string {
  return (
    Buffer.from(text)
      .toString('base64')
      .match(/.{1,20}/g) ?? []
  ).join('\r\n');
}
