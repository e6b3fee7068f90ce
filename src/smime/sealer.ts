/**
 * Seals a message in one pass (RFC 8551 §3.1, §3.3, §3.5): the entity is made canonical once, hashed once, signed once,
 * and every form that was asked for is written while it streams by. Types and promises are in seal.ts.
 *
 * Protected are the Content-* fields and the body; all other header fields stay outside, MIME-Version too. 64 KiB are
 * held, so that a small message is sealed in one go. What may not be re-encoded and is not 7-bit data stays as it is
 * under encryption; a form that is only signed becomes opaque where the entity fitted the 64 KiB, else the message is
 * refused (message.not-convertible). After any error the content keys are wiped and nothing more is taken.
 */
import { createHash } from 'node:crypto';
import { signedAttributes, signedDataDetached, signedDataOpaque } from '../cms/signed-data-writer.ts';
import type { Signer } from '../cms/signer.ts';
import { gatewayError } from '../errors.ts';
import { CanonicalEntity } from '../mime/canonical-entity.ts';
import { BlockGatherer } from './block-gatherer.ts';
import { entityFields, fieldsAsTheyCame } from './content-fields.ts';
import { ClearWriter, type Ending, EnvelopedWriter, type FormWriter, SignedWriter } from './form-writer.ts';
import type { FormResult, Sealing, SealRequest } from './seal.ts';
import { foldBase64, SignedFrame } from './signed-frame.ts';
import { UntouchedEntity } from './untouched-entity.ts';

/**
 * Begins a pass.
 * @param request `header` is attacker-chosen; certificates and profile were decided by the caller
 * @throws GatewayError message.malformed, message.limits, message.partial for the header; crypto.failed for a request
 *   that signs without a signer; cms.unsupported
 */
export function startSealing(request: SealRequest): Sealing {
  return new EntitySealing(request);
}

class EntitySealing implements Sealing {
  readonly #request: SealRequest;
  readonly #writers: FormWriter[] = [];
  /** Null when no form protects anything. */
  readonly #entity: CanonicalEntity | UntouchedEntity | null;
  readonly #frame: SignedFrame | null;
  readonly #hash = createHash('sha256');
  readonly #entityBlocks = new BlockGatherer();
  readonly #bodyBlocks = new BlockGatherer();
  readonly #wantsBody: boolean;
  /** True once the entity is known to be longer than the 64 KiB held. */
  #large = false;
  #open = true;

  constructor(request: SealRequest) {
    this.#request = request;
    const forms = request.forms.map(({ form }) => form);
    const signs = forms.some((form) => form.kind === 'signed' || (form.kind === 'enveloped' && form.signed));
    if (signs && request.signer === null) throw gatewayError('crypto.failed', 'a signature is due without a signer');
    const fields = entityFields(request.header);
    const protects = forms.some((form) => form.kind !== 'as-it-came');
    const Entity = request.leaveUntouched ? UntouchedEntity : CanonicalEntity;
    this.#entity = protects ? new Entity(fields) : null;
    this.#frame = signs ? new SignedFrame(request.entropy) : null;
    this.#wantsBody = forms.some((form) => form.kind === 'as-it-came');
    try {
      for (const formRequest of request.forms) this.#writers.push(this.#writerOf(formRequest));
    } catch (error) {
      this.abort();
      throw error;
    }
  }

  async write(chunk: Buffer): Promise<void> {
    await this.#guarded(async () => {
      if (this.#wantsBody) await this.#passBody(this.#bodyBlocks.add([chunk]));
      if (this.#entity !== null) await this.#passEntity(this.#entityBlocks.add(this.#entity.write(chunk)));
    });
  }

  async end(): Promise<readonly FormResult[]> {
    return await this.#guarded(async () => {
      if (this.#wantsBody) await this.#passBody([this.#bodyBlocks.rest()]);
      const ending = this.#entity === null ? NO_ENDING : await this.#endEntity(this.#entity);
      const results = await allOrFirstFailure(this.#writers.map((writer) => writer.end(ending)));
      this.#open = false;
      return results;
    });
  }

  abort(): void {
    this.#open = false;
    for (const writer of this.#writers) writer.abort();
  }

  #writerOf(request: SealRequest['forms'][number]): FormWriter {
    const { form } = request;
    if (form.kind === 'as-it-came') return new ClearWriter(request, fieldsAsTheyCame(this.#request.header));
    if (form.kind === 'enveloped') {
      return new EnvelopedWriter(request, form, form.signed ? this.#frame : null, this.#request.entropy);
    }
    if (this.#frame === null) throw gatewayError('crypto.failed', 'a signed form without a signature');
    return new SignedWriter(request, this.#frame);
  }

  async #passBody(blocks: readonly Buffer[]): Promise<void> {
    for (const block of blocks) {
      if (block.length > 0) await allOrFirstFailure(this.#writers.map((writer) => writer.body(block)));
    }
  }

  async #passEntity(blocks: readonly Buffer[]): Promise<void> {
    for (const block of blocks) {
      this.#large = true;
      if (this.#mustBeOpaque()) throw gatewayError('message.not-convertible', 'too large for opaque signing');
      if (this.#frame !== null) this.#hash.update(block);
      await allOrFirstFailure(this.#writers.map((writer) => writer.entity(block)));
    }
  }

  /** The last block, and the signature over all of them. */
  async #endEntity(entity: CanonicalEntity | UntouchedEntity): Promise<Ending> {
    await this.#passEntity(this.#entityBlocks.add(entity.end()));
    const last = this.#entityBlocks.rest();
    const opaque = this.#mustBeOpaque();
    if (opaque && this.#large) throw gatewayError('message.not-convertible', 'too large for opaque signing');
    const { signer } = this.#request;
    if (this.#frame === null || signer === null) {
      await allOrFirstFailure(this.#writers.map((writer) => writer.entity(last)));
      return NO_ENDING;
    }
    const signed = await this.#sign(signer, this.#hash.update(last).digest());
    // opaque: the signed form writes SignedData with everything inside, so it is not shown the entity
    const shown = opaque ? this.#writers.filter((writer) => !(writer instanceof SignedWriter)) : this.#writers;
    await allOrFirstFailure(shown.map((writer) => writer.entity(last)));
    return {
      closing: this.#frame.closing(signedDataDetached(signed)),
      opaque: opaque ? foldBase64(signedDataOpaque({ ...signed, content: last })) : null,
    };
  }

  async #sign(signer: Signer, digest: Buffer): Promise<{ signer: Signer; attributes: Buffer; signature: Buffer }> {
    const attributes = signedAttributes({ digest, signer, signingTime: this.#request.signingTime });
    return { signer, attributes, signature: await signer.sign(attributes) };
  }

  /** A form would show the entity signed but not encrypted, and the entity would not survive that. */
  #mustBeOpaque(): boolean {
    return (this.#entity?.untouchedEightBit ?? false) && this.#writers.some((writer) => writer instanceof SignedWriter);
  }

  async #guarded<T>(step: () => Promise<T>): Promise<T> {
    if (!this.#open) throw gatewayError('crypto.failed', 'sealing was ended already');
    try {
      return await step();
    } catch (error) {
      this.abort();
      throw error;
    }
  }
}

const NO_ENDING: Ending = { closing: null, opaque: null };

/** Waits for all, so that no sink is still writing when the caller learns of a failure. */
async function allOrFirstFailure<T>(steps: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(steps);
  return settled.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}
