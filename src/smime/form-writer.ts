/**
 * One writer for each form of the body that a pass makes (RFC 8551 §3.3, §3.5): all are fed the same octets once, each
 * writes its own form to its own sink.
 *
 * An enveloped form has a content key of its own and serves all its groups; two forms never share a key.
 */
import { isAscii } from 'node:buffer';
import { setImmediate } from 'node:timers/promises';
import { ContentEncryptor, JOINED_OCTETS_MAX, joinShort, RECIPIENTS_A_TURN } from '../cms/content-encryptor.ts';
import type { CryptoProfile } from '../cms/profile.ts';
import { recipientIdentifier } from '../cms/recipient-identifiers.ts';
import type { Entropy } from '../cms/signer.ts';
import { AUTH_ENVELOPED_FIELDS, ENVELOPED_FIELDS, OPAQUE_FIELDS } from './content-fields.ts';
import type { FormRequest, FormResult } from './seal.ts';
import type { SignedFrame } from './signed-frame.ts';
import type { Ending } from './signing-unit.ts';

export interface FormWriter {
  /** Octets of the body as it came. */
  body(block: Buffer): Promise<void>;
  /** Octets of the entity to be protected. */
  entity(block: Buffer): Promise<void>;
  end(ending: Ending): Promise<FormResult>;
  /** Wipes what must not stay in memory. Never throws. */
  abort(): void;
}

/** `as-it-came`. */
export class ClearWriter implements FormWriter {
  readonly #request: FormRequest;
  readonly #contentFields: Buffer;
  #eightBit = false;

  constructor(request: FormRequest, contentFields: Buffer) {
    this.#request = request;
    this.#contentFields = contentFields;
  }

  async body(block: Buffer): Promise<void> {
    this.#eightBit ||= !isAscii(block);
    await this.#request.write(block);
  }

  async entity(): Promise<void> {}

  async end(): Promise<FormResult> {
    return { kind: 'clear', contentFields: this.#contentFields, eightBit: this.#eightBit };
  }

  abort(): void {}
}

/** `signed`, alone. */
export class SignedWriter implements FormWriter {
  readonly #request: FormRequest;
  readonly #frame: SignedFrame;
  #started = false;

  constructor(request: FormRequest, frame: SignedFrame) {
    this.#request = request;
    this.#frame = frame;
  }

  async body(): Promise<void> {}

  async entity(block: Buffer): Promise<void> {
    const octets = this.#started ? block : Buffer.concat([this.#frame.opening, block]);
    this.#started = true;
    if (octets.length > 0) await this.#request.write(octets);
  }

  async end(ending: Ending): Promise<FormResult> {
    if (ending.opaque !== null) {
      await this.#request.write(ending.opaque);
      return { kind: 'clear', contentFields: OPAQUE_FIELDS, eightBit: false };
    }
    if (ending.closing !== null) await this.#request.write(ending.closing);
    return { kind: 'clear', contentFields: this.#frame.messageFields, eightBit: false };
  }

  abort(): void {}
}

const GROUPS_A_TURN = 16;

/** `enveloped`, over the bare entity or over our multipart/signed. */
export class EnvelopedWriter implements FormWriter {
  readonly #request: FormRequest;
  readonly #encryptor: ContentEncryptor;
  readonly #profile: CryptoProfile;
  /** Null when this form does not sign. */
  readonly #frame: SignedFrame | null;
  #started = false;
  /** The first block with what goes before it: a message of one block is encrypted in one go. Null once it is. */
  #first: Buffer[] | null = null;
  #ciphertextBytes = 0;

  /** @param form the `enveloped` form of `request` */
  constructor(
    request: FormRequest,
    form: FormRequest['form'] & { readonly kind: 'enveloped' },
    frame: SignedFrame | null,
    entropy: Entropy,
  ) {
    this.#request = request;
    this.#profile = form.profile;
    this.#encryptor = new ContentEncryptor(form.profile, entropy);
    this.#frame = frame;
  }

  async body(): Promise<void> {}

  async entity(block: Buffer): Promise<void> {
    if (!this.#started) {
      this.#started = true;
      this.#first = this.#frame === null ? [block] : [this.#frame.innerHeader, this.#frame.opening, block];
      return;
    }
    await this.#write(this.#encrypted(block));
  }

  async end(ending: Ending): Promise<FormResult> {
    const closing = this.#frame === null ? null : ending.closing;
    await this.#write([...this.#encrypted(closing), this.#encryptor.final()]);
    const recipientInfos = await this.#recipientInfos();
    this.#encryptor.destroy();
    const { envelope } = this.#encryptor;
    return {
      kind: 'enveloped',
      contentFields: envelope === 'authEnveloped' ? AUTH_ENVELOPED_FIELDS : ENVELOPED_FIELDS,
      envelope,
      tag: this.#encryptor.tag(),
      contentEncryption: this.#encryptor.algorithm,
      recipientInfos,
      recipientIdentifiers: this.#request.groups.map((group) =>
        group.map((certificate) => recipientIdentifier(certificate, this.#profile).der),
      ),
      ciphertextBytes: this.#ciphertextBytes,
    };
  }

  abort(): void {
    this.#first = null;
    this.#encryptor.destroy();
  }

  /** Ciphertext of what was held and of the next octets. */
  #encrypted(next: Buffer | null): Buffer[] {
    const first = this.#first;
    this.#first = null;
    const rest = next === null ? [] : [next];
    if (first === null) return this.#encryptor.updateAll(rest);
    // what goes before the first block leaves with it, however long that is
    const long = (first.at(-1)?.length ?? 0) > JOINED_OCTETS_MAX / 2;
    return this.#encryptor.updateAll(long ? [Buffer.concat(first), ...rest] : [...first, ...rest]);
  }

  /** One set a group; a thousand hidden recipients are a thousand key agreements, between which others have their turn. */
  async #recipientInfos(): Promise<Buffer[]> {
    const sets: Buffer[] = [];
    for (const group of this.#request.groups) {
      if (sets.length % GROUPS_A_TURN === GROUPS_A_TURN - 1) await setImmediate();
      sets.push(
        group.length > RECIPIENTS_A_TURN
          ? await this.#encryptor.recipientInfosInTurns(group)
          : this.#encryptor.recipientInfos(group),
      );
    }
    return sets;
  }

  async #write(ciphertext: readonly Buffer[]): Promise<void> {
    for (const piece of joinShort(ciphertext)) {
      this.#ciphertextBytes += piece.length;
      await this.#request.write(piece);
    }
  }
}
