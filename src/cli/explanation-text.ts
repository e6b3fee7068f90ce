/**
 * An assessment as text (docs/configuration.md, "What explain answers"). The first line alone answers the question;
 * every other line says what, why and where; what would give another outcome ends it.
 *
 * Names in certificates, file names and reasons come from others: every such value is made printable.
 */
import type { CryptoProfile } from '../cms/profile.ts';
import { ERROR_TABLE } from '../errors.ts';
import { printable } from '../log/logger.ts';
import { LOSS_TEXTS } from '../policy/choose-certificate.ts';
import type { Origin } from '../policy/rules.ts';
import type { Assessment, JudgedCandidate } from '../relay/assessment.ts';
import type { TrustVerdict } from '../trust/trust.ts';
import { remediesFor, remedyForCandidate } from './explanation-remedies.ts';

/** Hexadecimal digits of a certificate's name that people compare. */
const SHORT_NAME = 12;

/** @returns lines without a final newline */
export function formatExplanation(assessment: Assessment): string {
  return [
    formatOutcome(assessment),
    ...settingLines(assessment),
    ...signerLines(assessment),
    ...certificateLines(assessment),
    ...profileLines(assessment),
    ...remediesFor(assessment),
  ].join('\n');
}

/** `anna@example.org -> bob@bank.example: signed and encrypted`. */
export function formatOutcome(assessment: Assessment): string {
  const { from, to, decision } = assessment;
  const pair = `${printable(from?.text ?? '<>')} -> ${printable(to.text)}`;
  if (decision.kind === 'treat') return `${pair}: ${outcomeWords(decision.sign, decision.encrypt)}`;
  const { reply, enhanced, publicText } = ERROR_TABLE[decision.error];
  return `${pair}: refused, ${reply} ${enhanced} ${publicText}`;
}

function outcomeWords(sign: boolean, encrypt: boolean): string {
  if (sign && encrypt) return 'signed and encrypted';
  if (sign) return 'signed, not encrypted';
  return encrypt ? 'encrypted, not signed' : 'neither signed nor encrypted';
}

function settingLines({ settings, decision, certificate }: Assessment): string[] {
  const wanted: (readonly [string, { readonly value: string; readonly origin: Origin }])[] = [
    ['sign', settings.sign],
    ['encrypt', settings.encrypt],
  ];
  if (settings.encrypt.value === 'if-possible' && decision.why.encrypt !== 'already-encrypted') {
    if (certificate.kind === 'none') wanted.push(['without-certificate', settings.withoutCertificate]);
    if (certificate.kind === 'unusable') wanted.push(['unusable', settings.unusable]);
  }
  const { trust } = settings;
  if (trust.value !== null && settings.encrypt.value !== 'never') {
    wanted.push(['trust', { value: trust.value.join(', '), origin: trust.origin }]);
  }
  const width = Math.max(...wanted.map(([name]) => name.length));
  return wanted.map(([name, { value, origin }]) => {
    const label = width > 8 ? name.padEnd(width) : name.padEnd(8);
    return `  ${label} ${value.padEnd(12)} ${formatOrigin(origin)}`;
  });
}

/** `rules.to.bank.example (sealgate.yaml:22)`. */
function formatOrigin(origin: Origin): string {
  if (origin.file === null || origin.line === null) return printable(origin.path);
  return `${printable(origin.path)} (${printable(origin.file)}:${origin.line})`;
}

function signerLines({ signer, decision, content }: Assessment): string[] {
  if (decision.why.sign === 'never') return [];
  if (decision.why.sign === 'already-signed') return [line('signer', 'none: the message came signed')];
  if (decision.why.sign === 'already-encrypted') return [line('signer', 'none: the message came encrypted')];
  const { certificate, signing, validUntil, problem, assumed } = signer;
  if (signing.kind === 'no') return [line('signer', `none: ${printable(problem ?? signing.reason)}`)];
  if (signing.kind === 'unknown' || certificate === null) return [line('signer', 'known when the header is')];
  const until = validUntil === null ? '' : `, until ${day(validUntil)}`;
  const lines = [line('signer', `${signing.address.text}, ${printable(certificate.issuerName)}${until}`)];
  if (assumed && content === 'none') {
    lines.push(`${' '.repeat(11)}if From is ${signing.address.text} and the client vouches for it`);
  }
  return lines;
}

function certificateLines(assessment: Assessment): string[] {
  const { answer, chosen, judged, certificate } = assessment;
  if (answer === null) return [];
  const lines = chosen === null ? [] : takenLines(chosen, assessment);
  const others = judged.filter((entry) => entry !== chosen);
  others.forEach((entry, index) => {
    lines.push(line(index === 0 ? 'not' : '', notLine(entry)));
    const remedy = remedyForCandidate(entry, assessment.settings);
    if (remedy !== null) lines.push(`${' '.repeat(13)}to use it: ${remedy}`);
  });
  answer.failures.forEach((failure, index) => {
    const reason = `${printable(failure.source)}: ${printable(failure.reason)}`;
    lines.push(line(index === 0 ? 'failed' : '', reason));
  });
  if (certificate.kind === 'none') lines.push(line('none', 'every source answered, and none has a certificate'));
  return lines;
}

function takenLines({ candidate, verdict }: JudgedCandidate, { revocation, collectionOrigin }: Assessment): string[] {
  const { certificate, source, seenAt } = candidate;
  if (certificate === null || verdict === null || !verdict.ok) return [];
  const addresses = [...certificate.rfc822Names, ...certificate.smtpUtf8Mailboxes].map(printable).join(' ');
  const name = addresses === '' ? printable(certificate.subjectName) : addresses;
  return [
    line('taken', `${shortName(certificate.sha256)}  ${name}, from ${printable(source)}, seen ${day(seenAt)}`),
    line(
      '',
      `path ${pathText(verdict)}, collection ${printable(verdict.collection)}${chosenBy(collectionOrigin)}, revocation: ${revocation}`,
    ),
    ...(verdict.fetched ?? []).map((one) =>
      line('', `issuer ${printable(`${one.certificate.subjectName}, fetched from ${one.from}`)}`),
    ),
  ];
}

/** Nothing where nobody wrote anything: then the default collection answered for itself. */
function chosenBy(origin: Origin | null): string {
  return origin === null || origin.line === null ? '' : ` by ${formatOrigin(origin)}`;
}

/** Anchor first, without the certificate itself. */
function pathText(verdict: TrustVerdict & { readonly ok: true }): string {
  const [leaf, ...issuers] = verdict.path.certificates;
  if (issuers.length === 0) return `${printable(leaf.subjectName)}, trusted itself`;
  return issuers
    .toReversed()
    .map((certificate) => printable(certificate.subjectName))
    .join(' > ');
}

function notLine({ candidate, verdict, lost }: JudgedCandidate): string {
  const name = candidate.certificate === null ? '-'.padEnd(SHORT_NAME) : shortName(candidate.certificate.sha256);
  return `${name}  ${printable(reasonAgainst({ candidate, verdict, lost }))}, from ${printable(candidate.source)}`;
}

/** Why this one was not taken. */
export function reasonAgainst({ candidate, verdict, lost }: JudgedCandidate): string {
  if (lost !== null) return LOSS_TEXTS[lost];
  if (verdict === null) return `no certificate: ${candidate.problem ?? 'malformed'}`;
  return verdict.ok ? 'usable' : verdict.failure.text;
}

function profileLines({ profile, decision }: Assessment): string[] {
  if (decision.kind === 'refuse' || !(decision.sign || decision.encrypt)) return [];
  return [line('profile', `${profile.name}: ${profileText(profile, decision)}`)];
}

const KEY_TRANSPORT_NAMES: Readonly<Record<CryptoProfile['keyTransport'], string>> = {
  'rsa-pkcs1': 'RSA PKCS #1 v1.5',
  'rsa-oaep': 'RSA OAEP',
};

function profileText(profile: CryptoProfile, { encrypt }: { readonly encrypt: boolean }): string {
  const digest = profile.digest.replace('sha', 'SHA-');
  const signature = profile.signature === 'rsa-pss' ? `${digest} with RSASSA-PSS` : digest;
  if (!encrypt) return signature;
  return [...keyEncryptionNames(profile), signature, contentName(profile)].join(', ');
}

function contentName({ content, contentDerivation }: CryptoProfile): string {
  const name = content.replace('chacha20-poly1305', 'ChaCha20-Poly1305').replace('aes', 'AES');
  const cipher = name.replace(/cbc|gcm/, (mode) => mode.toUpperCase());
  return contentDerivation === 'direct' ? cipher : `${cipher} with CEK-HKDF`;
}

function keyEncryptionNames({ recipients, keyTransport, content }: CryptoProfile): string[] {
  const names: string[] = [];
  if (recipients.includes('rsa')) names.push(KEY_TRANSPORT_NAMES[keyTransport]);
  const bits = /\d{3}/.exec(content)?.[0] ?? '256';
  if (recipients.includes('ec')) names.push(`${names.length > 0 ? 'or ' : ''}ECDH with AES-${bits} key wrap`);
  if (names.length === 0) names.push(recipients.map((kind) => kind.toUpperCase()).join(' or '));
  return names;
}

function line(label: string, text: string): string {
  return `  ${label.padEnd(8)} ${text}`;
}

function shortName(sha256: string): string {
  return sha256.slice(0, SHORT_NAME);
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}
