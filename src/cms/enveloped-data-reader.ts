/**
 * Opens EnvelopedData, AuthEnvelopedData and EncryptedData (RFC 5652 §6 and §8, RFC 5083) from a source that is read
 * twice: pass one decrypts everything, proves tag or padding and the whole structure, and keeps nothing; only its success
 * has `release`, which is pass two. Any length form, any nesting of segments, constant memory.
 *
 * Refused, each with its reason: not for a key held here, AEAD rules of catalogue C13, old ciphers without policy,
 * structure, limits. Key, padding and tag are one reason. CBC proves no origin: its result says `authenticated: false`.
 */
import type { BerStream } from '../asn1/ber-stream.ts';
import { TAG } from '../asn1/der-writer.ts';
import { gatewayError } from '../errors.ts';
import { type AlgorithmIdentifier, parseAlgorithm } from './ber-field-reader.ts';
import { type ChosenCipher, chooseCipher, type EnvelopeForm } from './content-cipher-reader.ts';
import { CiphertextMark, ContentDecryptor } from './content-decryptor.ts';
import { CONTENT_TYPE_OIDS, enterContent, readOid } from './content-info-reader.ts';
import { type EnvelopeTail, readEnvelopeTail } from './envelope-tail-reader.ts';
import { type Inspector, inspectAndProve, inspectNothing } from './proving-pass.ts';
import { type CmsFailure, failureOf, ReaderStop, statesFailure } from './reader-failure.ts';
import { READER_LIMITS } from './reader-limits.ts';
import { type ReaderPolicy, STRICT_POLICY } from './reader-policy.ts';
import { scanRecipientInfos } from './recipient-info-reader.ts';
import { berStreamOf, type ReopenableSource } from './reopenable-source.ts';
import type { RecipientInfo, Unwrapper } from './unwrapper.ts';

export interface OpeningOptions<T> {
  readonly unwrapper: Unwrapper;
  readonly policy?: ReaderPolicy;
  /** Looks at the content in pass one. */
  readonly inspect?: Inspector<T>;
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
  readonly cipher: ChosenCipher;
  readonly key: Buffer;
  aad: Buffer | null;
  mark: Buffer | null;
}

class EnvelopeOpening<T> {
  private readonly source: ReopenableSource;
  private readonly unwrapper: Unwrapper;
  private readonly policy: ReaderPolicy;
  private readonly inspect: Inspector<T>;
  private key: Buffer | null = null;

  constructor(source: ReopenableSource, options: OpeningOptions<T>) {
    this.source = source;
    this.unwrapper = options.unwrapper;
    this.policy = options.policy ?? STRICT_POLICY;
    // without an inspector T is undefined, which is what inspectNothing gives
    this.inspect = options.inspect ?? (inspectNothing as unknown as Inspector<T>);
  }

  async open(): Promise<OpenedEnvelope<T>> {
    const identity = (await this.source.identity?.()) ?? null;
    const stream = berStreamOf(this.source);
    try {
      const head = await readHead(stream, (info) => this.unwrapper.holds(info));
      const cipher = chooseCipher(head.algorithm, head.form, this.policy);
      const { recipient, key } = await this.unwrap(head, cipher.keyOctets);
      this.key = key;
      const proof: Proof = { cipher, key, aad: null, mark: null };
      const inspected = await this.prove(stream, head, proof, identity === null);
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
  private async prove(stream: BerStream, head: EnvelopeHead, proof: Proof, marked: boolean): Promise<T> {
    const tail: { value: EnvelopeTail | null } = { value: null };
    const first = await settle(inspectAndProve(this.unproven(stream, head, proof, marked, tail), this.inspect));
    const aad = tail.value?.aad ?? null;
    if (aad === null || head.form !== 'authEnveloped') return unsettle(first);
    proof.aad = aad;
    const again = berStreamOf(this.source);
    try {
      await readHead(again, null);
      return await inspectAndProve(this.unproven(again, head, proof, marked, tail), this.inspect);
    } finally {
      await again.close();
    }
  }

  /** Pass one: the content, unproven until the generator has ended without throwing. */
  private async *unproven(
    stream: BerStream,
    head: EnvelopeHead,
    proof: Proof,
    marked: boolean,
    tail: { value: EnvelopeTail | null },
  ): AsyncGenerator<Buffer, void, undefined> {
    const decryptor = new ContentDecryptor(proof.cipher, proof.key, proof.aad);
    const mark = marked && head.form !== 'authEnveloped' ? new CiphertextMark(proof.key) : null;
    for await (const part of stream.octets(0x80, true)) {
      mark?.add(part);
      const clear = decryptor.update(part);
      if (clear.length > 0) yield clear;
    }
    tail.value = await readEnvelopeTail(stream, head.form, head.contentType, this.policy);
    if (tail.value.aad !== null && proof.aad === null)
      throw new ReaderStop('cannot-decrypt', 'attributes not seen yet');
    const last = decryptor.final(tail.value.tag);
    proof.mark = mark?.value() ?? null;
    if (last.length > 0) yield last;
  }

  private async *release(proof: Proof, identity: string | null): AsyncGenerator<Buffer, void, undefined> {
    if (this.key === null) throw gatewayError('crypto.failed', 'envelope was closed');
    const stream = berStreamOf(this.source);
    try {
      const head = await readHead(stream, null);
      const decryptor = new ContentDecryptor(proof.cipher, proof.key, proof.aad);
      const mark = proof.mark === null ? null : new CiphertextMark(proof.key);
      for await (const part of stream.octets(0x80, true)) {
        mark?.add(part);
        const clear = decryptor.update(part);
        if (clear.length > 0) yield clear;
      }
      const { tag } = await readEnvelopeTail(stream, head.form, head.contentType, this.policy);
      const last = decryptor.final(tag);
      if (mark !== null && proof.mark?.equals(mark.value()) !== true) throw changed();
      if (identity !== null && (await this.source.identity?.()) !== identity) throw changed();
      if (last.length > 0) yield last;
    } catch (thrown) {
      // the same octets were sound in pass one
      throw statesFailure(thrown) ? changed(thrown) : thrown;
    } finally {
      await stream.close();
    }
  }
}

/** @param isWanted null passes over the recipients, which pass one has read */
async function readHead(stream: BerStream, isWanted: ((info: RecipientInfo) => boolean) | null): Promise<EnvelopeHead> {
  const type = await enterContent(stream, ['envelopedData', 'authEnvelopedData', 'encryptedData']);
  const form = type === 'envelopedData' ? 'enveloped' : type === 'authEnvelopedData' ? 'authEnveloped' : 'encrypted';
  await stream.read(TAG.integer, READER_LIMITS.fieldOctets);
  let mine: readonly RecipientInfo[] = [];
  let recipients = 0;
  if (form !== 'encrypted') {
    // originatorInfo: certificates that prove nothing here
    if ((await stream.peekTag()) === 0xa0) await stream.skip();
    if (isWanted === null) await stream.skip();
    else {
      const scan = await scanRecipientInfos(stream, isWanted);
      mine = scan.wanted;
      recipients = scan.count;
    }
  } else if (isWanted?.(ENCRYPTED_DATA_KEY) === true) mine = [ENCRYPTED_DATA_KEY];
  await stream.enter(TAG.sequence);
  const contentType = await readOid(stream);
  const algorithm = parseAlgorithm(await stream.read(TAG.sequence, READER_LIMITS.fieldOctets));
  if (await stream.atEnd()) throw new ReaderStop('unsupported', 'the ciphertext is not in the object');
  return { form, mine, recipients, contentType, algorithm };
}

/** EncryptedData names no key (RFC 5652 §8): an unwrapper that holds this one gives the key by other means. */
export const ENCRYPTED_DATA_KEY: RecipientInfo = { kind: 'other', oid: CONTENT_TYPE_OIDS.encryptedData };

function changed(cause?: unknown): Error {
  return gatewayError('cms.source-changed', 'pass two read other octets than pass one', cause);
}

type Settled<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly thrown: unknown };

async function settle<T>(promise: Promise<T>): Promise<Settled<T>> {
  return promise.then(
    (value) => ({ ok: true as const, value }),
    (thrown: unknown) => ({ ok: false as const, thrown }),
  );
}

function unsettle<T>(settled: Settled<T>): T {
  if (!settled.ok) throw settled.thrown;
  return settled.value;
}
