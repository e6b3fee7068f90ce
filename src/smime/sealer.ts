/**
 * Seals a message in one pass (RFC 8551 §3.1, §3.3, §3.5): the entity is made canonical once, hashed once, signed once
 * for each style of signature,
 * and every form that was asked for is written while it streams by. Types and promises are in seal.ts.
 *
 * Protected are the Content-* fields and the body; all other header fields stay outside, MIME-Version too. 64 KiB are
 * held, so that a small message is sealed in one go. What may not be re-encoded and is not 7-bit data stays as it is
 * under encryption; a form that is only signed becomes opaque where the entity fitted the 64 KiB, else the message is
 * refused (message.not-convertible). After any error the content keys are wiped and nothing more is taken.
 */
import type { Hash } from 'node:crypto';
import { type DigestName, startDigest } from '../cms/algorithms/digests.ts';
import { DEFAULT_PROFILE } from '../cms/profile.ts';
import { gatewayError } from '../errors.ts';
import { CanonicalEntity } from '../mime/canonical-entity.ts';
import { BLOCK_OCTETS, BlockGatherer } from './block-gatherer.ts';
import { entityFields, fieldsAsTheyCame } from './content-fields.ts';
import { ClearWriter, EnvelopedWriter, type FormWriter, SignedWriter } from './form-writer.ts';
import type { FormRequest, FormResult, Sealing, SealRequest } from './seal.ts';
import { type Ending, SigningUnit } from './signing-unit.ts';
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
  readonly #units: SigningUnit[] = [];
  /** The unit whose signature each writer writes. */
  readonly #unitOf = new Map<FormWriter, SigningUnit>();
  readonly #hashes = new Map<DigestName, Hash>();
  /** Null when no form protects anything. */
  readonly #entity: CanonicalEntity | UntouchedEntity | null;
  readonly #entityBlocks = new BlockGatherer();
  readonly #bodyBlocks = new BlockGatherer();
  readonly #wantsBody: boolean;
  /** The body so far, while it fits 64 KiB: then it is made canonical at one look. Null once it does not. */
  #early: Buffer[] | null = [];
  #earlyOctets = 0;
  /** True once the entity is known to be longer than the 64 KiB held. */
  #large = false;
  #open = true;

  constructor(request: SealRequest) {
    this.#request = request;
    const forms = request.forms.map(({ form }) => form);
    const fields = entityFields(request.header);
    const protects = forms.some((form) => form.kind !== 'as-it-came');
    const Entity = request.leaveUntouched ? UntouchedEntity : CanonicalEntity;
    this.#entity = protects ? new Entity(fields) : null;
    this.#wantsBody = forms.some((form) => form.kind === 'as-it-came');
    try {
      for (const formRequest of request.forms) this.#writers.push(this.#writerOf(formRequest));
    } catch (error) {
      this.abort();
      throw error;
    }
  }

  async write(chunk: Buffer): Promise<void> {
    this.#checkOpen();
    try {
      if (this.#wantsBody) await this.#passBody(this.#bodyBlocks.add([chunk]));
      if (this.#entity === null || this.#holds(chunk)) return;
      const early = this.#early ?? [];
      this.#early = null;
      for (const held of early) await this.#passEntity(this.#entityBlocks.add(this.#entity.write(held)));
      await this.#passEntity(this.#entityBlocks.add(this.#entity.write(chunk)));
    } catch (error) {
      this.abort();
      throw error;
    }
  }

  async end(): Promise<readonly FormResult[]> {
    this.#checkOpen();
    try {
      if (this.#wantsBody) await this.#passBody([this.#bodyBlocks.rest()]);
      const endings = this.#entity === null ? null : await this.#endEntity(this.#entity);
      const results = await allOrFirstFailure(
        this.#writers.map((writer) => {
          const unit = this.#unitOf.get(writer);
          return writer.end((unit === undefined ? undefined : endings?.get(unit)) ?? NO_ENDING);
        }),
      );
      this.#open = false;
      return results;
    } catch (error) {
      this.abort();
      throw error;
    }
  }

  /** @throws GatewayError crypto.failed */
  #checkOpen(): void {
    if (!this.#open) throw gatewayError('crypto.failed', 'sealing was ended already');
  }

  /** Keeps a chunk of a short body. @returns false when the body is not short */
  #holds(chunk: Buffer): boolean {
    if (this.#early === null || this.#earlyOctets + chunk.length > BLOCK_OCTETS) return false;
    this.#early.push(chunk);
    this.#earlyOctets += chunk.length;
    // many tiny chunks would cost more than what they hold
    if (this.#early.length >= 4096) this.#early = [Buffer.concat(this.#early)];
    return true;
  }

  abort(): void {
    this.#open = false;
    for (const writer of this.#writers) writer.abort();
  }

  #writerOf(request: FormRequest): FormWriter {
    const { form } = request;
    if (form.kind === 'as-it-came') return new ClearWriter(request, fieldsAsTheyCame(this.#request.header));
    const unit = form.kind === 'signed' || form.signed ? this.#unitFor(request) : null;
    const writer =
      form.kind === 'enveloped'
        ? new EnvelopedWriter(request, form, unit?.frame ?? null, this.#request.entropy)
        : new SignedWriter(request, this.#unitFor(request).frame);
    if (unit !== null) this.#unitOf.set(writer, unit);
    return writer;
  }

  /** @throws GatewayError crypto.failed without a signer */
  #unitFor({ form, signer = this.#request.signer }: FormRequest): SigningUnit {
    if (signer === null) throw gatewayError('crypto.failed', 'a signature is due without a signer');
    const profile = (form.kind === 'as-it-came' ? undefined : form.profile) ?? DEFAULT_PROFILE;
    const known = this.#units.find((unit) => unit.serves(signer, profile));
    if (known !== undefined) return known;
    const unit = new SigningUnit(signer, profile, this.#request.entropy);
    this.#units.push(unit);
    if (!this.#hashes.has(unit.digest)) this.#hashes.set(unit.digest, startDigest(unit.digest));
    return unit;
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
      for (const hash of this.#hashes.values()) hash.update(block);
      await allOrFirstFailure(this.#writers.map((writer) => writer.entity(block)));
    }
  }

  /** The last block, and the signatures over all of them. @returns the ending of each unit */
  async #endEntity(entity: CanonicalEntity | UntouchedEntity): Promise<ReadonlyMap<SigningUnit, Ending>> {
    await this.#passEntity(
      this.#entityBlocks.add(this.#early === null ? entity.end() : entity.whole(joined(this.#early))),
    );
    const last = this.#entityBlocks.rest();
    const opaque = this.#mustBeOpaque();
    if (opaque && this.#large) throw gatewayError('message.not-convertible', 'too large for opaque signing');
    const endings = await this.#sign(last, opaque);
    // opaque: the signed form writes SignedData with everything inside, so it is not shown the entity
    const shown = opaque ? this.#writers.filter((writer) => !(writer instanceof SignedWriter)) : this.#writers;
    await allOrFirstFailure(shown.map((writer) => writer.entity(last)));
    return endings;
  }

  async #sign(last: Buffer, opaque: boolean): Promise<ReadonlyMap<SigningUnit, Ending>> {
    const digests = new Map<DigestName, Buffer>();
    for (const [name, hash] of this.#hashes) digests.set(name, hash.update(last).digest());
    const { signingTime } = this.#request;
    const endings = await allOrFirstFailure(
      this.#units.map((unit) => unit.sign(digests.get(unit.digest) ?? NOTHING, signingTime, opaque ? last : null)),
    );
    return new Map(this.#units.map((unit, index) => [unit, endings[index] ?? NO_ENDING]));
  }

  /** A form would show the entity signed but not encrypted, and the entity would not survive that. */
  #mustBeOpaque(): boolean {
    return (this.#entity?.untouchedEightBit ?? false) && this.#writers.some((writer) => writer instanceof SignedWriter);
  }
}

const NO_ENDING: Ending = { closing: null, opaque: null };
const NOTHING = Buffer.alloc(0);

function joined(chunks: readonly Buffer[]): Buffer {
  const [only] = chunks;
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
}

/** Waits for all, so that no sink is still writing when the caller learns of a failure. */
async function allOrFirstFailure<T>(steps: readonly Promise<T>[]): Promise<T[]> {
  const [only] = steps;
  // almost every message has one form: nothing to wait for beside it
  if (steps.length === 1 && only !== undefined) return [await only];
  const settled = await Promise.allSettled(steps);
  return settled.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}
