/**
 * DER of a CertificateList (RFC 5280 §5.1) to a {@link RevocationList}, as it streams: what is held is the index, one
 * piece of input and at most one field, however large the list. Its signature is checked on the way with every key that
 * could be the signer's, because the octets are gone afterwards.
 *
 * Refused with asn1.malformed: what is not DER, fields larger than a signer would write, anything after the end. With
 * asn1.limits: lists of more than {@link CRL_OCTETS_MAX} octets. A critical extension that is not known makes the list
 * one of which nothing may be concluded (§5.2, §5.3), and is told in `fault`.
 */
import { type Header, parseHeader } from '../asn1/ber-header.ts';
import { DerReader } from '../asn1/der-reader.ts';
import { parseWholeBitString } from '../asn1/der-values.ts';
import { TAG } from '../asn1/der-writer.ts';
import { gatewayError } from '../errors.ts';
import type { Certificate } from './certificate.ts';
import type { RevocationList } from './crl.ts';
import { RevokedEntriesBuilder } from './crl-entries-builder.ts';
import { readEntry, readPlainEntries } from './crl-entry-reader.ts';
import { type CrlExtensions, noCrlExtensions, parseCrlExtensions } from './crl-extensions.ts';
import { type CrlHead, parseCrlAlgorithm, parseCrlHead } from './crl-head.ts';
import { CrlSignature } from './crl-signature.ts';
import { commonName } from './name.ts';
import { withRoom } from './octet-room.ts';

/** Largest CRL read (catalogue C20). */
export const CRL_OCTETS_MAX = 64 * 1024 * 1024;
/** Largest field that is held whole: the fields before the entries, one entry, the extensions. */
const FIELD_OCTETS_MAX = 64 * 1024;

const EMPTY = Buffer.alloc(0);

type Phase = 'outer' | 'tbs' | 'head' | 'entries' | 'extensions' | 'algorithm' | 'signature' | 'end';

/** Takes the octets in pieces of any size, in order; {@link end} gives the list. */
export class CrlReader {
  private readonly signersOf: (issuer: Buffer) => readonly Certificate[];
  private phase: Phase = 'outer';
  /** What is not understood yet, and what was read last: the beginning of `room`. */
  private buffer: Buffer = EMPTY;
  /** Used again for every piece. Whoever keeps something of it makes a copy. */
  private room: Buffer = EMPTY;
  private at = 0;
  /** Octets of the list before `buffer`. */
  private before = 0;
  private outerEnd = 0;
  private tbsEnd = 0;
  private entriesEnd = -1;
  /** Octets of tbsCertList already given to the verifications. */
  private hashedTo = 0;
  private checked: CrlSignature | null = null;
  private head: CrlHead | null = null;
  private builder: RevokedEntriesBuilder | null = null;
  private extensions: CrlExtensions = noCrlExtensions();
  private entryFault: string | null = null;
  private signature: Buffer = EMPTY;

  /** @param signersOf certificates whose key may have signed a list of that issuer: the name is attacker-chosen */
  constructor(signersOf: (issuer: Buffer) => readonly Certificate[]) {
    this.signersOf = signersOf;
  }

  /** @param piece not kept @throws GatewayError asn1.malformed, asn1.limits */
  write(piece: Buffer): void {
    // until the signature algorithm is known, what it covers is kept
    const from = this.checked === null && this.tbsEnd > 0 ? this.hashedTo - this.before : this.at;
    const kept = this.buffer.length - from;
    this.room = withRoom(this.room, kept + piece.length, this.buffer.subarray(from));
    piece.copy(this.room, kept);
    this.buffer = this.room.subarray(0, kept + piece.length);
    this.before += from;
    this.at -= from;
    if (this.before + this.buffer.length > CRL_OCTETS_MAX) {
      throw gatewayError('asn1.limits', `CRL of more than ${CRL_OCTETS_MAX} octets`);
    }
    while (this.step());
    this.feed();
  }

  /** All of {@link finish} at once. @throws GatewayError asn1.malformed, asn1.limits */
  end(): RevocationList {
    const steps = this.finish();
    for (;;) {
      const step = steps.next();
      if (step.done === true) return step.value;
    }
  }

  /**
   * After the last piece: the list, made in steps of a millisecond or two.
   * @throws GatewayError asn1.malformed, asn1.limits
   */
  *finish(): Generator<void, RevocationList> {
    const { head, builder, extensions, checked } = this;
    if (this.phase !== 'end' || head === null || builder === null || checked === null) throw malformed('CRL cut short');
    if (this.at !== this.buffer.length) throw malformed('octets after the CRL');
    const signedBy = yield* checked.verify(this.signature);
    const { fault, ...read } = extensions;
    return {
      issuer: head.issuer,
      issuerName: commonName(head.issuer),
      thisUpdate: head.thisUpdate,
      nextUpdate: head.nextUpdate,
      ...read,
      fault: fault ?? this.entryFault,
      entries: yield* builder.build(),
      signedBy,
      tried: checked.tried,
      octets: this.before + this.at,
    };
  }

  private get position(): number {
    return this.before + this.at;
  }

  /** Reads one thing. @returns false when more octets are needed */
  private step(): boolean {
    switch (this.phase) {
      case 'outer':
        return this.enter((header, end) => {
          if (end > CRL_OCTETS_MAX) throw gatewayError('asn1.limits', `CRL of ${header.length} octets`);
          this.outerEnd = end;
          this.phase = 'tbs';
        });
      case 'tbs':
        this.hashedTo = this.position;
        return this.enter((_, end) => {
          if (end > this.outerEnd) throw malformed('tbsCertList longer than the CRL');
          this.tbsEnd = end;
          this.phase = 'head';
        });
      case 'head':
        return this.readHead();
      case 'entries':
        return this.readEntries();
      case 'extensions':
        return this.readExtensions();
      case 'algorithm':
        return this.readAlgorithm();
      case 'signature':
        return this.readSignature();
      case 'end':
        if (this.at < this.buffer.length) throw malformed('octets after the CRL');
        return false;
    }
  }

  /** Goes into the SEQUENCE that begins here. */
  private enter(entered: (header: Header, end: number) => void): boolean {
    const header = this.headerHere(TAG.sequence);
    if (header === null) return false;
    this.at += header.octets;
    entered(header, this.position + header.length);
    return true;
  }

  private headerHere(tag: number | null): Header | null {
    const header = parseHeader(this.buffer, this.at);
    if (header === null) return null;
    if (header.length < 0) throw malformed('indefinite length');
    if (tag !== null && header.tag !== tag) throw malformed(`CRL with tag ${header.tag} out of place`);
    const least = header.octets === 2 ? 0 : Math.max(0x80, 256 ** (header.octets - 3));
    if (header.length < least) throw malformed('length not minimal');
    return header;
  }

  /** The whole value that begins here; null when more octets are needed. Consumes it. */
  private wholeHere(tag: number | null): Buffer | null {
    const header = this.headerHere(tag);
    if (header === null) return null;
    const octets = header.octets + header.length;
    if (octets > FIELD_OCTETS_MAX) throw malformed(`field of ${octets} octets in a CRL`);
    if (this.position + octets > this.outerEnd) throw malformed('value longer than the CRL');
    if (this.buffer.length - this.at < octets) return null;
    this.at += octets;
    return this.buffer.subarray(this.at - octets, this.at);
  }

  /** All fields before the entries at once: they are read again from the start while any is missing. */
  private readHead(): boolean {
    const start = this.at;
    const fields: Buffer[] = [];
    let algorithm = -1;
    for (;;) {
      if (this.position >= this.tbsEnd) break;
      const header = this.headerHere(null);
      if (header === null) return this.rewind(start);
      // after the two names and times comes what ends the head
      const done = algorithm >= 0 && fields.length >= algorithm + 3 && !isTime(header.tag);
      if (done) break;
      const whole = this.wholeHere(null);
      if (whole === null) return this.rewind(start);
      if (algorithm < 0 && whole[0] === TAG.sequence) algorithm = fields.length;
      fields.push(whole);
      if (fields.length > 5) throw malformed('CRL with a field too many');
    }
    this.takeHead(parseCrlHead(Buffer.from(Buffer.concat(fields))));
    return true;
  }

  private rewind(start: number): false {
    this.at = start;
    if (this.buffer.length - start > FIELD_OCTETS_MAX) throw malformed('CRL whose first fields do not end');
    return false;
  }

  private takeHead(head: CrlHead): void {
    this.head = head;
    this.builder = new RevokedEntriesBuilder(head.issuer);
    this.checked = new CrlSignature(parseCrlAlgorithm(head.algorithm), this.signersOf(head.issuer));
    this.phase = 'entries';
  }

  private readEntries(): boolean {
    if (this.entriesEnd < 0) {
      if (this.position >= this.tbsEnd) return this.leaveEntries();
      const header = this.headerHere(null);
      if (header === null) return false;
      if (header.tag !== TAG.sequence) return this.leaveEntries();
      this.at += header.octets;
      this.entriesEnd = this.position + header.length;
      if (this.entriesEnd > this.tbsEnd) throw malformed('revokedCertificates longer than tbsCertList');
      return true;
    }
    // set before: readHead comes first
    const { builder } = this;
    if (builder !== null) {
      const end = Math.min(this.buffer.length, this.entriesEnd - this.before);
      this.at = readPlainEntries(this.buffer, this.at, end, builder);
    }
    if (this.position >= this.entriesEnd) return this.leaveEntries();
    const header = this.headerHere(TAG.sequence);
    if (header === null) return false;
    const octets = header.octets + header.length;
    if (octets > FIELD_OCTETS_MAX) throw malformed(`entry of ${octets} octets in a CRL`);
    if (this.position + octets > this.entriesEnd) throw malformed('entry longer than revokedCertificates');
    if (this.buffer.length - this.at < octets) return false;
    if (builder !== null) {
      this.entryFault = readEntry(this.buffer, this.at + header.octets, this.at + octets, builder) ?? this.entryFault;
    }
    this.at += octets;
    return true;
  }

  private leaveEntries(): true {
    this.phase = 'extensions';
    return true;
  }

  private readExtensions(): boolean {
    if (this.position < this.tbsEnd) {
      const whole = this.wholeHere(0xa0);
      if (whole === null) return false;
      if (this.position !== this.tbsEnd) throw malformed('octets after the extensions of a CRL');
      if (this.head?.version !== 2) throw malformed('extensions in a CRL of version 1');
      this.extensions = parseCrlExtensions(Buffer.from(whole), this.head.issuer);
    }
    this.phase = 'algorithm';
    return true;
  }

  private readAlgorithm(): boolean {
    const whole = this.wholeHere(TAG.sequence);
    if (whole === null) return false;
    // RFC 5280 §5.1.1.2: the one that is signed is the inner one
    if (this.head?.algorithm.equals(whole) !== true) throw malformed('two signature algorithms that differ');
    this.phase = 'signature';
    return true;
  }

  private readSignature(): boolean {
    const whole = this.wholeHere(TAG.bitString);
    if (whole === null) return false;
    const reader = DerReader.over(Buffer.from(whole));
    this.signature = parseWholeBitString(reader.read(TAG.bitString));
    if (this.position !== this.outerEnd) throw malformed('octets after the signature of a CRL');
    this.phase = 'end';
    return true;
  }

  /** Gives the verifications what they have not seen of tbsCertList. */
  private feed(): void {
    if (this.checked === null || this.hashedTo >= this.tbsEnd) return;
    const end = Math.min(this.before + this.buffer.length, this.tbsEnd);
    if (end <= this.hashedTo) return;
    const octets = this.buffer.subarray(this.hashedTo - this.before, end - this.before);
    this.checked.update(octets);
    this.hashedTo = end;
  }
}

function isTime(tag: number): boolean {
  return tag === TAG.utcTime || tag === TAG.generalizedTime;
}

function malformed(detail: string): Error {
  return gatewayError('asn1.malformed', detail);
}
