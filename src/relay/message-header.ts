/**
 * The first octets of a message: its header section is read whole and judged before any octet of the body is asked
 * for, because that is the last moment at which refusing costs nothing (design: the path, step 3).
 */
import { gatewayError } from '../errors.ts';
import { parseMailboxes } from '../mime/address-list.ts';
import type { HeaderBlock } from '../mime/header-block.ts';
import { type HeaderRead, HeaderReader } from '../mime/header-reader.ts';
import type { ContentProtection } from '../policy/decide-recipient.ts';
import { recogniseProtection } from '../smime/recognise.ts';
import { isLooping } from './outgoing-header.ts';

/** A message whose header has been read and whose body has not. */
export interface OpenedMessage {
  readonly header: HeaderBlock;
  /** Body octets in order, from the first after the empty line. To be read once. */
  readonly body: AsyncIterable<Buffer>;
  /** Ends reading early: the door then drains what is left. Harmless when all was read. */
  close(): Promise<void>;
}

/** Reads up to the empty line. @throws GatewayError message.limits, message.malformed, or the stream's own */
export async function openMessage(stream: AsyncIterable<Buffer>): Promise<OpenedMessage> {
  const source = stream[Symbol.asyncIterator]();
  const close = async (): Promise<void> => {
    await source.return?.();
  };
  try {
    const { header, rest } = await readHeader(source);
    return { header, body: bodyAfter(rest, source), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function readHeader(source: AsyncIterator<Buffer>): Promise<HeaderRead> {
  const reader = new HeaderReader();
  for (;;) {
    const step = await source.next();
    if (step.done === true) return { header: reader.end(), rest: Buffer.alloc(0) };
    const read = reader.write(step.value);
    if (read !== null) return read;
  }
}

async function* bodyAfter(rest: Buffer, source: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (rest.length > 0) yield rest;
  for (;;) {
    const step = await source.next();
    if (step.done === true) return;
    yield step.value;
  }
}

/**
 * Refuses what no rule may let through: loops (S14) and headers that two readers would read differently (M3).
 * @returns the protection that the body claims to have
 * @throws GatewayError smtp.loop, message.two-from, message.malformed
 */
export function checkHeader(header: HeaderBlock, hostname: string): ContentProtection {
  if (isLooping(header, hostname)) throw gatewayError('smtp.loop', `${header.all('received').length} Received fields`);
  if (header.all('from').length > 1) throw gatewayError('message.two-from', `${header.all('from').length} From fields`);
  const protection = recogniseProtection(header);
  if (protection === 'ambiguous') throw gatewayError('message.malformed', 'the Content-Type can be read in two ways');
  return protection;
}

/** Characters of To and Cc that are read, all fields together (catalogue M1): one message must not hold up all others. */
const ADDRESS_FIELDS_MAX = 102_400;

/**
 * Keys of the mailboxes that To and Cc name: whoever is not among them is hidden.
 * A field that cannot be read, or is one too many, names nobody: hiding one recipient too many costs a copy, one too few
 * costs a secret.
 */
export function visibleRecipients(header: HeaderBlock): ReadonlySet<string> {
  const visible = new Set<string>();
  let left = ADDRESS_FIELDS_MAX;
  for (const name of ['to', 'cc', 'resent-to', 'resent-cc']) {
    for (const value of header.all(name)) {
      left -= value.length;
      if (left < 0) return visible;
      for (const mailbox of parseMailboxes(value) ?? []) visible.add(mailbox.key);
    }
  }
  return visible;
}
