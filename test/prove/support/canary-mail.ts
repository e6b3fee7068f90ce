/** Messages with the canary wherever mail can hold something: header, text, attachment, file name; a few of each fate. */
import { randomBytes, randomInt } from 'node:crypto';
import { stuffed } from './submitting-client.ts';

/** What becomes of a message: the next hop says 451 to everybody, 550 to `gone` and `lost`. */
export interface Fate {
  readonly name: string;
  readonly to: readonly string[];
  /** Reply that the message gets in the end, of RCPT or of the data. */
  readonly reply: '250' | '550' | '451';
  readonly contentType?: string;
  /** Lines before the Content-* fields. */
  readonly fields?: readonly string[];
  /** Behind the body. */
  readonly tail?: Buffer;
}

const ENCRYPTED_ALREADY = 'application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m';

export const FATES: readonly Fate[] = [
  { name: 'untouched', to: ['plain@partner.example'], reply: '250' },
  { name: 'signed', to: ['nora@partner.example'], reply: '250' },
  { name: 'encrypted (RSA)', to: ['rita@partner.example'], reply: '250' },
  { name: 'encrypted (EC)', to: ['erik@partner.example'], reply: '250' },
  {
    name: 'all at once',
    to: ['rita@partner.example', 'plain@partner.example', 'nora@partner.example'],
    reply: '250',
  },
  { name: 'report, was clear', to: ['gone@partner.example'], reply: '250' },
  { name: 'report, was encrypted', to: ['lost@partner.example'], reply: '250' },
  { name: 'refused at RCPT', to: ['bea@bank.example'], reply: '550' },
  { name: 'refused after DATA', to: ['ceo@bank.example'], reply: '550', contentType: ENCRYPTED_ALREADY },
  {
    name: 'refused for two authors',
    to: ['rita@partner.example'],
    reply: '550',
    fields: ['From: <ben@example.org>'],
  },
  {
    // found only at its end, when most of it is stored
    name: 'refused at its end',
    to: ['rita@partner.example', 'nora@partner.example'],
    reply: '550',
    tail: Buffer.from('\xff\xfe\r\n', 'latin1'),
  },
];

/** Those whose certificate the house must have beside its usual partners. */
export const CERTIFIED = ['rita@partner.example', 'erik@partner.example', 'lost@partner.example', 'ceo@bank.example'];

/** @param octets of the attachment */
export function canaryMail(token: string, fate: Fate, octets: number): Buffer {
  const boundary = `=_${randomBytes(9).toString('hex')}`;
  const header = [
    `From: "${token}" <anna@example.org>`,
    ...(fate.fields ?? []),
    `To: ${fate.to.map((to) => `<${to}>`).join(', ')}`,
    `Subject: ${token} and =?utf-8?B?${Buffer.from(` ${token}`).toString('base64')}?=`,
    `X-Note: ${token}`,
    `Comments: folded\r\n ${token}`,
    `Message-ID: <${token}.${randomBytes(6).toString('hex')}@example.org>`,
    'MIME-Version: 1.0',
  ];
  if (fate.contentType !== undefined) {
    header.push(`Content-Type: ${fate.contentType}`, 'Content-Transfer-Encoding: base64');
    return stuffed(`${header.join('\r\n')}\r\n\r\n${attachment(token, octets)}`);
  }
  const parts = [
    `Content-Type: text/plain\r\n\r\nThe secret is ${token}.\r\n${token}\r\n`,
    `Content-Type: application/octet-stream; name="${token}.bin"\r\nContent-Transfer-Encoding: base64\r\n\r\n${attachment(token, octets)}${fate.tail?.toString('latin1') ?? ''}`,
  ];
  const body = parts.map((part) => `--${boundary}\r\n${part}`).join('\r\n');
  return stuffed(
    `${header.join('\r\n')}\r\nContent-Type: multipart/mixed; boundary="${boundary}"\r\n\r\n${body}\r\n--${boundary}--\r\n`,
  );
}

/** base64 lines of random octets with the canary in between, at every alignment. */
function attachment(token: string, octets: number): string {
  const pieces: Buffer[] = [];
  for (let size = 0; size < (octets * 3) / 4; ) {
    const piece = Buffer.concat([randomBytes(randomInt(64, 512)), Buffer.from(token)]);
    pieces.push(piece);
    size += piece.length;
  }
  return Buffer.concat(pieces)
    .toString('base64')
    .replace(/.{1,76}/g, '$&\r\n');
}
