/**
 * Opens EnvelopedData, AuthEnvelopedData and EncryptedData (RFC 5652 §6 and §8, RFC 5083) from a source that is read
 * twice: pass one decrypts everything, proves tag or padding and the whole structure, and keeps nothing; only its success
 * has `release`, which is pass two. Any length form, any nesting of segments, constant memory.
 *
 * Refused, each with its reason: not for a key held here, AEAD rules of catalogue C13, old ciphers without policy,
 * structure, limits. Key, padding and tag are one reason. CBC proves no origin: its result says `authenticated: false`.
 */
import type { BerPlace, BerStream } from '../asn1/ber-stream.ts';
import { TAG } from '../asn1/der-writer.ts';
import { finishReading, flowOf, type Reading } from '../asn1/pieces.ts';
import { gatewayError } from '../errors.ts';
import { type AlgorithmIdentifier, parseAlgorithm } from './ber-field-reader.ts';
import { type ChosenCipher, chooseCipher, type EnvelopeForm } from './content-cipher-reader.ts';
import { CiphertextMark, ContentDecryptor } from './content-decryptor.ts';
import { CONTENT_TYPE_OIDS, enterContent, readOid } from './content-info-reader.ts';
import { type EnvelopeTail, readEnvelopeTail } from './envelope-tail-reader.ts';
import { Inspection, type Inspector } from './proving-pass.ts';
import { type CmsFailure, failureOf, ReaderStop, statesFailure } from './reader-failure.ts';
import { READER_LIMITS } from './reader-limits.ts';
import { type ReaderPolicy, STRICT_POLICY } from './reader-policy.ts';
import { scanRecipientInfos } from './recipient-info-reader.ts';
import { berStreamOf, type ReopenableSource, readThrough } from './reopenable-source.ts';
import type { RecipientInfo, Unwrapper } from './unwrapper.ts';

export interface OpeningOptions<T> {
  readonly unwrapper: Unwrapper;
  readonly policy?: ReaderPolicy;
  /** Makes one that looks at the content in pass one; asked for another when that has to begin again. */
  readonly inspect?: () => Inspector<T>;
}

/** An envelope that was opened and proven. */
export interface OpenedEnvelope<T = undefined> {
  readonly ok: true;
  readonly form: EnvelopeForm;
  /** True for AuthEnvelopedData whose tag is right. Nobody is named by it: only a signature names its maker. */
  readonly authenticated: boolean;
  /** OID of what is inside. */
  readonly contentType: string;
  /** Such as `aes-256-cbc`. */
  readonly cipher: string;
  /** Which of our recipients it was opened by; null for EncryptedData. */
  readonly recipient: RecipientInfo | null;
  /** How many recipients it has. */
  readonly recipients: number;
  readonly inspected: T;
  /**
   * Pass two. May be called again. @throws GatewayError cms.source-changed at its end, when the source gave other
   * octets than in pass one: then what was handed out is void
   */
  release(): AsyncIterable<Buffer>;
  /** Wipes the content key; nothing can be released afterwards. */
  close(): void;
}

export type EnvelopeResult<T = undefined> = OpenedEnvelope<T> | { readonly ok: false; readonly failure: CmsFailure };

/**
 * @param source attacker-chosen octets
 * @throws what the source throws
 */
export async function openEnvelope<T = undefined>(
  source: ReopenableSource,
  options: OpeningOptions<T>,
): Promise<EnvelopeResult<T>> {
  try {
    return await new EnvelopeOpening(source, options).open();
  } catch (thrown) {
    return { ok: false, failure: failureOf(thrown) };
  }
}

/** What stands before the ciphertext. */
interface EnvelopeHead {
  readonly form: EnvelopeForm;
  readonly mine: readonly RecipientInfo[];
  readonly recipients: number;
  readonly contentType: string;
  readonly algorithm: AlgorithmIdentifier;
}

/** What pass one learned and pass two needs. */
interface Proof {
  readonly head: EnvelopeHead;
  /** Where the ciphertext begins. */
  place: BerPlace | null;
  readonly cipher: ChosenCipher;
  readonly key: Buffer;
  aad: Buffer | null;
  mark: Buffer | null;
}

class EnvelopeOpening<T> {
  private readonly source: ReopenableSource;
  private readonly unwrapper: Unwrapper;
  private readonly policy: ReaderPolicy;
  private readonly inspect: (() => Inspector<T>) | null;
  private key: Buffer | null = null;

  constructor(source: ReopenableSource, options: OpeningOptions<T>) {
    this.source = source;
    this.unwrapper = options.unwrapper;
    this.policy = options.policy ?? STRICT_POLICY;
    this.inspect = options.inspect ?? null;
  }

  async open(): Promise<OpenedEnvelope<T>> {
    const identity = (await this.source.identity?.()) ?? null;
    const stream = berStreamOf(this.source);
    try {
      const head = await finishReading(readHead(stream, (info) => this.unwrapper.holds(info)));
      const cipher = chooseCipher(head.algorithm, head.form, this.policy);
      const { recipient, key } = await this.unwrap(head, cipher.keyOctets);
      this.key = key;
      const proof: Proof = { head, place: null, cipher, key, aad: null, mark: null };
      const inspected = await this.prove(stream, proof, identity === null);
      return {
        ok: true,
        form: head.form,
        authenticated: head.form === 'authEnveloped',
        contentType: head.contentType,
        cipher: cipher.name,
        recipient,
        recipients: head.recipients,
        inspected,
        release: () => this.release(proof, identity),
        close: () => this.close(),
      };
    } catch (thrown) {
      this.close();
      throw thrown;
    } finally {
      await stream.close();
    }
  }

  private close(): void {
    this.key?.fill(0);
    this.key = null;
  }

  /** RSAES-PKCS1-v1_5 last: it always gives some key, so nothing behind it would be tried. */
  private async unwrap(head: EnvelopeHead, keyOctets: number): Promise<{ recipient: RecipientInfo; key: Buffer }> {
    if (head.mine.length === 0)
      throw new ReaderStop('not-for-me', `none of ${head.recipients} recipients is held here`);
    const last = (info: RecipientInfo): number => (info.kind === 'key-transport' ? 1 : 0);
    for (const recipient of [...head.mine].sort((a, b) => last(a) - last(b))) {
      const key = await this.unwrapper.unwrap(recipient, keyOctets);
      if (key !== null && key.length === keyOctets) return { recipient, key };
    }
    throw new ReaderStop('cannot-decrypt', 'the content does not decrypt');
  }

  /** Decrypts once; and once more where authenticated attributes, which come last, belong to the tag. */
  private async prove(stream: BerStream, proof: Proof, marked: boolean): Promise<T> {
    const found: { tail: EnvelopeTail | null } = { tail: null };
    const inspection = new Inspection(this.inspect?.() ?? null);
    try {
      await finishReading(this.proving(stream, proof, marked, found, inspection));
    } catch (thrown) {
      const aad = found.tail?.aad ?? null;
      if (aad === null || proof.head.form !== 'authEnveloped') throw thrown;
      proof.aad = aad;
      return await this.proveAgain(proof, marked);
    }
    return inspection.result();
  }

  private async proveAgain(proof: Proof, marked: boolean): Promise<T> {
    const inspection = new Inspection(this.inspect?.() ?? null);
    const proving = (stream: BerStream) => this.proving(stream, proof, marked, { tail: null }, inspection);
    await readThrough(this.source, function* (stream) {
      yield* readHead(stream, null);
      yield* proving(stream);
    });
    return inspection.result();
  }

  /** Pass one: shows the content, which is proven only when this has ended without throwing. */
  private *proving(
    stream: BerStream,
    proof: Proof,
    marked: boolean,
    found: { tail: EnvelopeTail | null },
    inspection: Inspection<T>,
  ): Reading<void> {
    const decryptor = new ContentDecryptor(proof.cipher, proof.key, proof.aad);
    const { contentType, form } = proof.head;
    const mark = marked && form !== 'authEnveloped' ? new CiphertextMark(proof.key) : null;
    yield* stream.openString(0x80, true);
    proof.place = stream.place();
    for (let part = yield* stream.nextOctets(); part !== null; part = yield* stream.nextOctets()) {
      mark?.add(part);
      const clear = decryptor.update(part);
      if (clear.length > 0) inspection.show(clear);
    }
    found.tail = yield* readEnvelopeTail(stream, form, contentType, this.policy);
    if (found.tail.aad !== null && proof.aad === null)
      throw new ReaderStop('cannot-decrypt', 'attributes not seen yet');
    const last = decryptor.final(found.tail.tag);
    proof.mark = mark?.value() ?? null;
    if (last.length > 0) inspection.show(last);
  }

  private async *release(proof: Proof, identity: string | null): AsyncGenerator<Buffer, void, undefined> {
    if (this.key === null) throw gatewayError('crypto.failed', 'envelope was closed');
    const stream = berStreamOf(this.source);
    try {
      const last = yield* flowOf(this.decrypting(stream, proof, identity !== null));
      if (identity !== null && (await this.source.identity?.()) !== identity) throw changed();
      if (last.length > 0) yield last;
    } catch (thrown) {
      // the same octets were sound in pass one
      throw statesFailure(thrown) ? changed(thrown) : thrown;
    } finally {
      await stream.close();
    }
  }

  /**
   * Pass two.
   * @param same true: the source vouches for its octets, so what stands before the ciphertext is not looked at again
   * @returns what the end gives
   */
  private *decrypting(stream: BerStream, proof: Proof, same: boolean): Reading<Buffer, Buffer> {
    let { head } = proof;
    if (same && proof.place !== null) yield* stream.goTo(proof.place);
    else {
      head = yield* readHead(stream, null);
      yield* stream.openString(0x80, true);
    }
    const decryptor = new ContentDecryptor(proof.cipher, proof.key, proof.aad);
    const mark = proof.mark === null ? null : new CiphertextMark(proof.key);
    for (let part = yield* stream.nextOctets(); part !== null; part = yield* stream.nextOctets()) {
      mark?.add(part);
      const clear = decryptor.update(part);
      if (clear.length > 0) yield clear;
    }
    const { tag } = yield* readEnvelopeTail(stream, head.form, head.contentType, this.policy);
    const last = decryptor.final(tag);
    if (mark !== null && proof.mark?.equals(mark.value()) !== true) throw changed();
    return last;
  }
}

/** @param isWanted null passes over the recipients, which pass one has read */
function* readHead(stream: BerStream, isWanted: ((info: RecipientInfo) => boolean) | null): Reading<EnvelopeHead> {
  const type = yield* enterContent(stream, ['envelopedData', 'authEnvelopedData', 'encryptedData']);
  const form = type === 'envelopedData' ? 'enveloped' : type === 'authEnvelopedData' ? 'authEnveloped' : 'encrypted';
  yield* stream.read(TAG.integer, READER_LIMITS.fieldOctets);
  let mine: readonly RecipientInfo[] = [];
  let recipients = 0;
  if (form !== 'encrypted') {
    // originatorInfo: certificates that prove nothing here
    if ((yield* stream.peekTag()) === 0xa0) yield* stream.skip();
    if (isWanted === null) yield* stream.skip();
    else {
      const scan = yield* scanRecipientInfos(stream, isWanted);
      mine = scan.wanted;
      recipients = scan.count;
    }
  } else if (isWanted?.(ENCRYPTED_DATA_KEY) === true) mine = [ENCRYPTED_DATA_KEY];
  yield* stream.enter(TAG.sequence);
  const contentType = yield* readOid(stream);
  const algorithm = parseAlgorithm(yield* stream.read(TAG.sequence, READER_LIMITS.fieldOctets));
  if (yield* stream.atEnd()) throw new ReaderStop('unsupported', 'the ciphertext is not in the object');
  return { form, mine, recipients, contentType, algorithm };
}

/** EncryptedData names no key (RFC 5652 §8): an unwrapper that holds this one gives the key by other means. */
export const ENCRYPTED_DATA_KEY: RecipientInfo = { kind: 'other', oid: CONTENT_TYPE_OIDS.encryptedData };

function changed(cause?: unknown): Error {
  return gatewayError('cms.source-changed', 'pass two read other octets than pass one', cause);
}
