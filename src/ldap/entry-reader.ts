/**
 * The answer to a reading of one entry (RFC 4511 §4.5), read as it streams: the values of one attribute are handed on,
 * everything else is passed over. Nothing of the answer is held but a few headers, so no length that a server
 * announces costs memory; nesting is that of the protocol and no deeper.
 *
 * Refused with LdapViolation: answers to another request, a second entry, lengths that exceed what holds them, more
 * than {@link ELEMENTS_MAX} elements, more octets than the feed allows. Referrals and continuation
 * references are told and never followed (catalogue C22).
 */
import { LdapViolation, TAG } from './ldap-ber.ts';
import { OPERATION } from './ldap-messages.ts';
import type { OctetFeed } from './octet-feed.ts';

/** Elements of the answer. One attribute is asked for, of few values; each element costs microseconds that others wait. */
const ELEMENTS_MAX = 1_000;
const REFERENCES_MAX = 20;
/** Attribute types and diagnostic texts that are read; longer ones are passed over. */
const TEXT_OCTETS_MAX = 256;

export interface LdapEntryAnswer {
  /** RFC 4511 §4.1.9. */
  readonly resultCode: number;
  /** Foreign text. */
  readonly diagnostic: string;
  /** Was there an entry? Without the attribute, `values` is 0. */
  readonly entry: boolean;
  readonly values: number;
  /** Was another server named? */
  readonly referred: boolean;
}

export interface WantedAttribute {
  readonly messageId: number;
  /** In lower case, without options; those of the answer do not count (RFC 4522: `;binary` or not). */
  readonly type: string;
  /** Values handed on; more are passed over. */
  readonly valuesMax: number;
}

/**
 * @param feed attacker-chosen
 * @param sink is given the octets of the values, one value after the other
 * @throws LdapViolation; what `sink` throws
 */
export function readLdapEntry(
  feed: OctetFeed,
  wanted: WantedAttribute,
  sink: (octets: Buffer) => Promise<void> | void,
): Promise<LdapEntryAnswer> {
  return new EntryReader(feed, wanted, sink).read();
}

interface Header {
  readonly tag: number;
  readonly end: number;
}

class EntryReader {
  private readonly feed: OctetFeed;
  private readonly wanted: WantedAttribute;
  private readonly sink: (octets: Buffer) => Promise<void> | void;
  private elements = 0;
  private entry = false;
  private values = 0;
  private references = 0;

  constructor(feed: OctetFeed, wanted: WantedAttribute, sink: (octets: Buffer) => Promise<void> | void) {
    this.feed = feed;
    this.wanted = wanted;
    this.sink = sink;
  }

  async read(): Promise<LdapEntryAnswer> {
    for (;;) {
      const message = await this.header(TAG.sequence, Number.POSITIVE_INFINITY);
      const id = await this.integer(TAG.integer, message.end);
      if (id !== this.wanted.messageId) throw new LdapViolation('answer to no request of ours');
      const operation = await this.header(null, message.end);
      switch (operation.tag) {
        case OPERATION.searchEntry:
          await this.readEntry(operation.end);
          break;
        case OPERATION.searchReference:
          if (++this.references > REFERENCES_MAX) throw new LdapViolation(`more than ${REFERENCES_MAX} references`);
          await this.skipTo(operation.end);
          break;
        case OPERATION.searchDone:
          return await this.readDone(operation.end);
        default:
          throw new LdapViolation(`unexpected operation 0x${operation.tag.toString(16)}`);
      }
      // controls, which say nothing that is needed
      await this.skipTo(message.end);
    }
  }

  private async readEntry(end: number): Promise<void> {
    if (this.entry) throw new LdapViolation('more than one entry where one was asked for');
    this.entry = true;
    await this.skipTo((await this.header(TAG.octetString, end)).end);
    const attributes = await this.header(TAG.sequence, end);
    if (attributes.end !== end) throw new LdapViolation('entry with trailing octets');
    while (this.feed.position < end) {
      const attribute = await this.header(TAG.sequence, end);
      const type = await this.text(await this.header(TAG.octetString, attribute.end));
      const values = await this.header(TAG.set, attribute.end);
      if (values.end !== attribute.end) throw new LdapViolation('attribute with trailing octets');
      const isWanted = type.split(';', 1)[0]?.toLowerCase() === this.wanted.type;
      while (this.feed.position < values.end) await this.readValue(values.end, isWanted);
    }
  }

  private async readValue(end: number, isWanted: boolean): Promise<void> {
    const value = await this.header(TAG.octetString, end);
    if (!isWanted || this.values >= this.wanted.valuesMax) return this.skipTo(value.end);
    this.values++;
    await this.feed.pass(value.end - this.feed.position, this.sink);
  }

  private async readDone(end: number): Promise<LdapEntryAnswer> {
    const resultCode = await this.integer(TAG.enumerated, end);
    await this.skipTo((await this.header(TAG.octetString, end)).end);
    const diagnostic = await this.text(await this.header(TAG.octetString, end));
    const referred = this.references > 0 || this.feed.position < end;
    const { entry, values } = this;
    return { resultCode, diagnostic, entry, values, referred };
  }

  /** @param tag null: any @param within where what holds it ends */
  private async header(tag: number | null, within: number): Promise<Header> {
    if (++this.elements > ELEMENTS_MAX) throw new LdapViolation(`more than ${ELEMENTS_MAX} elements`);
    const [found = 0, first = 0] = await this.feed.take(2);
    if (tag !== null && found !== tag) {
      throw new LdapViolation(`expected tag 0x${tag.toString(16)}, found 0x${found.toString(16)}`);
    }
    let length = first;
    if (first >= 0x80) {
      const octets = first & 0x7f;
      if (octets === 0 || octets > 4) throw new LdapViolation('length is indefinite or longer than four octets');
      length = (await this.feed.take(octets)).readUIntBE(0, octets);
    }
    const end = this.feed.position + length;
    if (end > within) throw new LdapViolation('inner length exceeds the message');
    this.feed.announce(length);
    return { tag: found, end };
  }

  /** Positive, of four octets at most. */
  private async integer(tag: number, within: number): Promise<number> {
    const { end } = await this.header(tag, within);
    const octets = end - this.feed.position;
    if (octets < 1 || octets > 4) throw new LdapViolation('integer of no length that is allowed here');
    return (await this.feed.take(octets)).readUIntBE(0, octets);
  }

  private async text({ end }: Header): Promise<string> {
    const octets = end - this.feed.position;
    if (octets > TEXT_OCTETS_MAX) {
      await this.skipTo(end);
      return '';
    }
    return (await this.feed.take(octets)).toString('latin1');
  }

  private async skipTo(end: number): Promise<void> {
    await this.feed.pass(end - this.feed.position, null);
  }
}
