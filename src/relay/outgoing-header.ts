/**
 * The header section of what leaves (RFC 5322 §3.6, RFC 5321 §4.4). Fields keep their octets; only whole fields are
 * taken out or added.
 */
import type { Envelope } from '../envelope.ts';
import type { HeaderBlock, HeaderField } from '../mime/header-block.ts';
import type { BodyForm } from '../smime/seal.ts';

/** Our mark in a Received field: how we know our own output again (catalogue S14). */
const PRODUCT = 'Sealgate';

/** RFC 5321 §6.3 asks for at least 100; Postfix counts to 50, and so do we. */
const RECEIVED_MAX = 50;
/** A message we relayed may rightly come by once more, after a forward; twice is a circle. */
const OWN_RECEIVED_MAX = 2;

/** True when this message has been here or anywhere too often. */
export function isLooping(header: HeaderBlock, hostname: string): boolean {
  const received = header.all('received');
  if (received.length >= RECEIVED_MAX) return true;
  const own = `by ${hostname} (${PRODUCT})`;
  return received.filter((value) => value.includes(own)).length >= OWN_RECEIVED_MAX;
}

/**
 * Takes out what must not leave: Bcc (RFC 5322 §3.6.3), Return-Path (RFC 5321 §4.4: only final delivery writes it), and
 * every field that proves internal origin, since outsiders must never see, and so never learn to send, its value.
 */
export function withoutInternalFields(header: HeaderBlock, vouchHeaders: ReadonlySet<string>): HeaderBlock {
  return header.without(
    ({ name }) => name === 'bcc' || name === 'resent-bcc' || name === 'return-path' || vouchHeaders.has(name),
  );
}

/**
 * The outer header of one copy.
 * @param header after {@link withoutInternalFields}
 * @param contentFields what the sealed body says of itself; ignored for a body that leaves as it came
 */
export function outgoingHeader(
  header: HeaderBlock,
  form: BodyForm,
  contentFields: Buffer,
  received: Buffer,
  ours: readonly string[],
): Buffer {
  if (form.kind === 'as-it-came') return header.withTop(received).raw;
  return header
    .without((field) => isStructural(field) || isOwnDkim(field, ours))
    .withTop(received)
    .withEnd(contentFields).raw;
}

function isStructural({ name }: HeaderField): boolean {
  return name === 'mime-version' || name.startsWith('content-');
}

/** Sealing breaks the body hash, so a signature of our own domains would only say "forged" (RFC 6376 §6.1). */
function isOwnDkim({ name, value }: HeaderField, ours: readonly string[]): boolean {
  if (name !== 'dkim-signature') return false;
  const domain = /(?:^|;)\s*d\s*=\s*([^;\s]+)/i.exec(value)?.[1]?.toLowerCase();
  return domain !== undefined && ours.some((own) => domain === own || domain.endsWith(`.${own}`));
}

/** Our trace field (RFC 5321 §4.4). No `for` clause: it would tell one recipient of another. */
export function receivedField(envelope: Envelope, hostname: string, at: Date): Buffer {
  const { submitter, traceId } = envelope;
  const helo = submitter.helo.replace(/[^A-Za-z0-9.:_[\]-]/g, '?').slice(0, 255) || '?';
  const protocol = `ESMTP${submitter.tls ? 'S' : ''}${submitter.login === null ? '' : 'A'}`;
  const ip = submitter.ip.includes(':') ? `IPv6:${submitter.ip}` : submitter.ip;
  return Buffer.from(
    `Received: from ${helo} ([${ip}])\r\n\tby ${hostname} (${PRODUCT}) with ${protocol} id ${traceId};\r\n\t${formatDate(at)}\r\n`,
    'latin1',
  );
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** RFC 5322 §3.3 date-time in UTC. */
function formatDate(at: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const time = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`;
  return `${DAYS[at.getUTCDay()]}, ${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()} ${time} +0000`;
}

/** Fields a report may repeat: who, when, which message; nobody else's address and no content. */
const REPORTED = new Set(['from', 'date', 'message-id', 'subject']);
const REPORTED_OCTETS_MAX = 8192;

/**
 * Header fields for a delivery status notification.
 * @param masked true when any copy is encrypted: then the subject is nobody's business either (catalogue O6)
 */
export function reportHeader(header: HeaderBlock, masked: boolean): Buffer {
  const kept = header.without(({ name, raw }) => {
    return !REPORTED.has(name) || raw.length > REPORTED_OCTETS_MAX || (masked && name === 'subject');
  });
  return masked && header.has('subject') ? kept.withEnd(Buffer.from('Subject: [...]\r\n')).raw : kept.raw;
}
