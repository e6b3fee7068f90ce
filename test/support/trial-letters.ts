/**
 * Who writes to whom in the Postfix trial, and what the gateway's rules make of it: which form each recipient must get,
 * or why the letter is refused. Written down apart from the gateway's own policy, in the simplest terms.
 */
import type { ErrorCode } from '../../src/errors.ts';
import { type Claim, claimOf, type HardMail, type Letter, writeLetter } from './hard-mail.ts';
import type { Refusal } from './made-mail.ts';
import { base64, lines, multipart, noise, part } from './mail-parts.ts';

export type Form = 'signed and encrypted' | 'encrypted' | 'signed' | 'as it came';

/** What must become of one recipient. */
export type Expected =
  | { readonly kind: 'arrives'; readonly form: Form }
  | { readonly kind: 'refused'; readonly code: Refusal['code'] };

export interface TrialLetter extends Letter {
  readonly name: string;
  readonly claim: Claim;
  readonly recipients: ReadonlyMap<string, Expected>;
  readonly message: Buffer;
}

/** Login, which is the local part, to whether there is an identity to sign with. */
export const SENDERS = { anna: true, ben: true, nina: false } as const;

export const PARTNERS = {
  'rita@partner.example': 'rsa-2048',
  'erik@partner.example': 'p-256',
  'hans@partner.example': 'rsa-3072',
  'elke@partner.example': 'p-384',
  'bert@partner.example': 'rsa-2048',
  'cora@crypt.example': 'rsa-2048',
  'carl@crypt.example': 'p-256',
} as const;

/** Has a certificate that ran out. */
export const EXPIRED = 'otto@partner.example';

export const RULES = [
  'crypt.example: { sign: never, encrypt: required }',
  'signed.example: { encrypt: never }',
  'plain.example: { sign: never, encrypt: never }',
  'bank.example: { encrypt: required }',
  'strict.example: { sign: required, encrypt: never }',
];

interface Audience {
  readonly from: keyof typeof SENDERS;
  readonly to: readonly string[];
  readonly cc?: readonly string[];
  readonly bcc?: readonly string[];
}

/** The first four for every hard mail, all for the others. */
export const AUDIENCES: readonly Audience[] = [
  { from: 'anna', to: ['rita@partner.example'] },
  { from: 'ben', to: ['sam@signed.example'] },
  { from: 'anna', to: ['paul@plain.example'] },
  { from: 'ben', to: ['erik@partner.example'], cc: ['hans@partner.example'], bcc: ['bert@partner.example'] },
  { from: 'anna', to: ['elke@partner.example', 'rita@partner.example'] },
  { from: 'ben', to: ['rita@partner.example'], cc: ['sam@signed.example', 'paul@plain.example'] },
  { from: 'anna', to: ['cora@crypt.example'] },
  { from: 'ben', to: ['cora@crypt.example', 'carl@crypt.example'], cc: ['erik@partner.example'] },
  { from: 'anna', to: ['bea@bank.example'] },
  { from: 'anna', to: ['rita@partner.example', 'bea@bank.example'] },
  { from: 'ben', to: [EXPIRED] },
  { from: 'nina', to: ['stan@strict.example'] },
  { from: 'nina', to: ['erik@partner.example', 'sam@signed.example'] },
  {
    from: 'anna',
    to: ['rita@partner.example', 'erik@partner.example', 'hans@partner.example'],
    cc: ['elke@partner.example', 'sam@signed.example', 'sue@signed.example'],
    bcc: ['bert@partner.example', 'carl@crypt.example'],
  },
  { from: 'ben', to: ['hans@partner.example'], bcc: ['bert@partner.example', 'sam@signed.example'] },
];

/** One mail to one audience. */
export function trialLetter(number: number, mail: HardMail, audience: Audience): TrialLetter {
  const letter: Letter = {
    number,
    from: `${audience.from}@example.org`,
    to: audience.to,
    cc: audience.cc ?? [],
    bcc: audience.bcc ?? [],
  };
  const message = writeLetter(mail, letter);
  const claim = claimOf(message);
  const addresses = [...letter.to, ...letter.cc, ...letter.bcc];
  const single = new Map(addresses.map((address) => [address, expectedAtRcpt(address, audience.from, claim)] as const));
  const whole = wholeRefusal(mail.refusal, [...single], claim);
  const recipients = new Map<string, Expected>();
  for (const [address, expected] of single) {
    recipients.set(
      address,
      whole !== null && expected.kind === 'arrives' ? { kind: 'refused', code: whole } : expected,
    );
  }
  return { ...letter, name: mail.name, claim, recipients, message };
}

function expectedAtRcpt(address: string, from: Audience['from'], claim: Claim): Expected {
  const domain = address.slice(address.indexOf('@') + 1);
  if (domain === 'bank.example') return { kind: 'refused', code: 'policy.no-certificate' };
  if (address === EXPIRED) return { kind: 'refused', code: 'policy.unusable-certificate' };
  if (domain === 'strict.example' && !SENDERS[from]) return { kind: 'refused', code: 'policy.cannot-sign' };
  const encrypts = Object.hasOwn(PARTNERS, address) && claim !== 'encrypted';
  const signs = SENDERS[from] && !['plain.example', 'crypt.example'].includes(domain) && claim === 'none';
  if (encrypts) return { kind: 'arrives', form: signs ? 'signed and encrypted' : 'encrypted' };
  return { kind: 'arrives', form: signs ? 'signed' : 'as it came' };
}

/** Refused after the end of data: then nobody gets it. */
function wholeRefusal(
  refusal: Refusal | null,
  recipients: readonly (readonly [string, Expected])[],
  claim: Claim,
): ErrorCode | null {
  const forms = recipients.flatMap(([, expected]) => (expected.kind === 'arrives' ? [expected.form] : []));
  if (forms.length === 0) return null;
  if (refusal?.when === 'always') return refusal.code;
  if (claim === 'encrypted' && recipients.some(([address]) => address.endsWith('@crypt.example'))) {
    return 'policy.already-encrypted';
  }
  // what came protected is not looked into
  if (refusal === null || claim !== 'none') return null;
  const wanted: readonly Form[] =
    refusal.when === 'signed' ? ['signed'] : ['signed', 'encrypted', 'signed and encrypted'];
  return forms.some((form) => wanted.includes(form)) ? refusal.code : null;
}

/** Daily mail of about `octets`, of seven kinds by `seed`. */
export function dailyMail(seed: number, octets: number): HardMail {
  const kind = seed % 7;
  const text = lines(seed, Math.min(octets, 3000));
  const eight = `${lines(seed, octets).replaceAll('ae', '\xc3\xa4')}\r\n`;
  const file = base64(noise(seed, Math.max(0, Math.floor((octets - 3000) * 0.73))));
  const attached = ['Content-Type: application/pdf; name="a.pdf"', 'Content-Transfer-Encoding: base64'];
  const utf8 = 'Content-Type: text/plain; charset=utf-8';
  const mixed = (parts: readonly string[]): [string[], string] => [
    ['Content-Type: multipart/mixed; boundary="=_daily"'],
    multipart('=_daily', parts),
  ];
  const [fields, body] = (
    [
      [[utf8], `${lines(seed, octets)}\r\n`],
      [[utf8, 'Content-Transfer-Encoding: 8bit'], eight],
      mixed([part([utf8], text), part(attached, file)]),
      mixed([part([utf8, 'Content-Transfer-Encoding: 8bit'], 'Gr\xc3\xbc\xc3\x9fe'), part(attached, file)]),
      [['Content-Type: text/html; charset=utf-8', 'Content-Transfer-Encoding: 8bit'], `<p>${eight}</p>\r\n`],
      mixed([
        part(
          ['Content-Type: multipart/alternative; boundary="=_inner"'],
          multipart('=_inner', [part([utf8], text), part(['Content-Type: text/html'], `<p>${text}</p>`)]),
        ),
        part(attached, file),
        part(['Content-Type: message/rfc822'], part(['Subject: forwarded', 'MIME-Version: 1.0', utf8], text)),
      ]),
      [['Content-Type: text/plain; format=flowed'], `${lines(seed, octets).replaceAll('\r\n', ' \r\n')}\r\n`],
    ] as const
  )[kind] ?? [[], ''];
  const head = ['Subject: Daily', 'MIME-Version: 1.0', ...fields].map((field) => `${field}\r\n`).join('');
  return {
    name: `daily ${kind}`,
    fields: Buffer.from(head, 'latin1'),
    body: Buffer.from(body, 'latin1'),
    refusal: null,
  };
}
