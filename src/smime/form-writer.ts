/**
 * One writer for each form of the body that a pass makes (RFC 8551 §3.3, §3.5): all are fed the same octets once, each
 * writes its own form to its own sink.
 *
 * An enveloped form has a content key of its own and serves all its groups; two forms never share a key.
 */
import { isAscii } from 'node:buffer';
import { setImmediate } from 'node:timers/promises';
import { ContentEncryptor, RECIPIENTS_A_TURN } from '../cms/content-encryptor.ts';
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
    const first = !this.#started && this.#frame !== null;
    const lead = first && this.#frame !== null ? [this.#frame.innerHeader, this.#frame.opening] : [];
    this.#started = true;
    await this.#write(this.#encryptor.update(lead.length === 0 ? block : Buffer.concat([...lead, block])));
  }

  async end(ending: Ending): Promise<FormResult> {
    const tail = this.#frame === null || ending.closing === null ? [] : [this.#encryptor.update(ending.closing)];
    await this.#write(Buffer.concat([...tail, this.#encryptor.final()]));
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
    this.#encryptor.destroy();
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

  async #write(ciphertext: Buffer): Promise<void> {
    if (ciphertext.length === 0) return;
    this.#ciphertextBytes += ciphertext.length;
    await this.#request.write(ciphertext);
  }
}
