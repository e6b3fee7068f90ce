/**
 * Verifies SignedData in the order of standards 2.3 from a source that is read twice: pass one digests, judges every
 * signer and releases nothing; only a valid result has `release`, which is pass two and checks that it gives the same
 * content. Detached content is given by the caller, encapsulated content comes from the object; never from both.
 */
import { chunksOf } from '../asn1/pieces.ts';
import { gatewayError } from '../errors.ts';
import type { Certificate } from '../x509/certificate.ts';
import { DIGESTS, type DigestName } from './algorithms/digests.ts';
import { ContentDigests } from './content-digests.ts';
import { CONTENT_TYPE_OIDS } from './content-info-reader.ts';
import { Inspection, type Inspector } from './proving-pass.ts';
import { type CmsFailure, failureOf, statesFailure } from './reader-failure.ts';
import { READER_LIMITS } from './reader-limits.ts';
import { type ReaderPolicy, STRICT_POLICY } from './reader-policy.ts';
import type { ReopenableSource } from './reopenable-source.ts';
import { type SignedDataParts, SignedDataPass } from './signed-data-reader.ts';
import { signerDigest } from './verification-rules.ts';
import { type CertificateJudge, judgeSigner, type SignedContext } from './verification-signer.ts';
import { judgeSigners, type SignedReason, type SignerVerdict } from './verification-verdict.ts';

export interface VerificationOptions<T> {
  /** What application/pkcs7-signature is a signature of: the exact octets of the first part. Null: it must be inside. */
  readonly content?: ReopenableSource | null;
  /**
   * What a pass over exactly `content` has found already: then it is not read again before the release, unless a signer
   * asks for another digest. Not together with `inspect`.
   */
  readonly seen?: SeenContent | null;
  readonly judge: CertificateJudge;
  readonly policy?: ReaderPolicy;
  /** eContentTypes that are wanted; id-data alone by default (RFC 8551 §2.4.1). */
  readonly contentTypes?: readonly string[];
  /** Certificates beside those in the object, where the signer may be found. */
  readonly certificates?: readonly Certificate[];
  /** Makes one that looks at the content in pass one. */
  readonly inspect?: () => Inspector<T>;
  /** Makes certificates of DER; a cache may stand behind it. */
  readonly parse?: (der: Buffer) => Certificate;
}

/** A pass over content that somebody else made, such as the one that looked for its end. */
export interface SeenContent {
  readonly digests: ContentDigests;
  /** Of the source, asked before that pass; null where it has none. */
  readonly identity: string | null;
}

interface SignedFacts<T> {
  readonly ok: true;
  readonly contentType: string;
  readonly detached: boolean;
  readonly signers: readonly SignerVerdict[];
  /** Of the object, in their order; nothing is proven by being there. */
  readonly certificates: readonly Certificate[];
  /** Null when the content was not looked at. */
  readonly inspected: T | null;
}

/** Valid: what {@link release} gives is what the valid signers signed. */
export interface ValidSigned<T = undefined> extends SignedFacts<T> {
  readonly valid: true;
  readonly inspected: T;
  /**
   * Pass two. May be called again.
   * @param lent true: a piece is void when the next is asked for, which spares memory
   * @throws GatewayError cms.source-changed at its end: then what came out is void
   */
  release(lent?: boolean): AsyncIterable<Buffer>;
}

export interface InvalidSigned<T = undefined> extends SignedFacts<T> {
  readonly valid: false;
  readonly reason: SignedReason;
  readonly detail: string;
}

export type SignedResult<T = undefined> =
  | ValidSigned<T>
  | InvalidSigned<T>
  | { readonly ok: false; readonly failure: CmsFailure };

/**
 * @param source attacker-chosen octets of a ContentInfo
 * @throws what a source or the judge throws
 */
export async function verifySignedData<T = undefined>(
  source: ReopenableSource,
  options: VerificationOptions<T>,
): Promise<SignedResult<T>> {
  try {
    return await new Verification(source, options).run();
  } catch (thrown) {
    return { ok: false, failure: failureOf(thrown) };
  }
}

class Verification<T> {
  private readonly source: ReopenableSource;
  private readonly content: ReopenableSource | null;
  private readonly options: VerificationOptions<T>;
  private readonly policy: ReaderPolicy;

  constructor(source: ReopenableSource, options: VerificationOptions<T>) {
    this.source = source;
    this.content = options.content ?? null;
    this.options = options;
    this.policy = options.policy ?? STRICT_POLICY;
  }

  async run(): Promise<SignedResult<T>> {
    // of what was digested: a source that changed since then must not pass
    const identity = this.options.seen ? this.options.seen.identity : await this.identity();
    const { parts, inspected } = await this.readObject();
    const misplaced = this.checkPlace(parts);
    if (misplaced !== null) return this.invalid(parts, [], misplaced, null);
    const detached = this.content === null ? null : await this.readDetached(this.content, parts);
    const seen = detached === null ? inspected : detached.inspected;
    const context = await this.contextOf(parts, detached?.digests ?? null);
    const signers: SignerVerdict[] = [];
    for (const signer of parts.signers) signers.push(await judgeSigner(signer, context));
    const reason = judgeSigners(signers);
    if (reason !== null) return this.invalid(parts, signers, reason, seen);
    return {
      ...this.facts(parts, signers),
      valid: true,
      inspected: seen,
      release: (lent = false) => this.release(context.digests, identity, lent),
    };
  }

  /** Pass one over the object. What is inside is looked at here unless content was given beside it. */
  private async readObject(): Promise<{ parts: SignedDataParts; inspected: T }> {
    const pass = this.startPass((announced) => (this.content === null ? this.choose(announced) : []));
    // content beside the object: whatever is inside is refused later, and nobody looks at it
    const inspection = new Inspection(this.content === null ? this.startInspector() : null);
    await pass.run((part) => inspection.show(part));
    if (pass.parts === null) throw gatewayError('cms.malformed', 'SignedData did not end');
    return { parts: pass.parts, inspected: inspection.result() };
  }

  private startInspector(): Inspector<T> | null {
    return this.options.inspect?.() ?? null;
  }

  private startPass(chooseDigests: (announced: readonly DigestName[]) => readonly DigestName[]): SignedDataPass {
    const { parse } = this.options;
    const { trailingOctets } = this.policy;
    return new SignedDataPass(this.source, {
      trailingOctets,
      chooseDigests,
      ...(parse === undefined ? {} : { parse }),
    });
  }

  /** Broken digests are not worth a pass unless the policy takes them. An empty set is legal: then the usual one. */
  private choose(announced: readonly DigestName[]): readonly DigestName[] {
    const wanted = announced.filter((name) => this.policy.weakSignatures || !DIGESTS[name].broken);
    return wanted.length === 0 ? ['sha256'] : wanted.slice(0, READER_LIMITS.digestsAtOnce);
  }

  private checkPlace(parts: SignedDataParts): SignedReason | null {
    // certs-only objects have neither content nor signers; what they lack first is a signer
    if (parts.signers.length === 0) return 'unsigned';
    if (this.content !== null && !parts.detached) return 'content-twice';
    if (this.content === null && parts.detached) return 'content-missing';
    const wanted = this.options.contentTypes ?? [CONTENT_TYPE_OIDS.data];
    return wanted.includes(parts.contentType) ? null : 'content-type';
  }

  private async readDetached(
    content: ReopenableSource,
    parts: SignedDataParts,
  ): Promise<{ digests: ContentDigests; inspected: T }> {
    const seen = this.options.seen ?? null;
    // without an inspector T is undefined
    if (seen !== null && this.options.inspect === undefined)
      return { digests: seen.digests, inspected: undefined as T };
    const names = parts.signers.map(signerDigest).filter((name) => name !== null);
    const digests = new ContentDigests(this.choose([...new Set(names)]));
    const inspection = new Inspection(this.startInspector());
    for await (const part of content.open()) {
      digests.add(part);
      inspection.show(part);
    }
    return { digests, inspected: inspection.result() };
  }

  private async contextOf(parts: SignedDataParts, detached: ContentDigests | null): Promise<SignedContext> {
    const shortContent = detached === null ? parts.shortContent : detached.shortContent();
    const digests = new Map(detached === null ? parts.digests : detached.values());
    const open = (): AsyncIterable<Buffer> => this.openContent();
    const missing = new Set(parts.signers.map(signerDigest).filter((name) => name !== null && !digests.has(name)));
    for (const name of missing) {
      if (name === null || (DIGESTS[name].broken && !this.policy.weakSignatures)) continue;
      const one = new ContentDigests([name]);
      for await (const part of open()) one.add(part);
      for (const [added, value] of one.values()) digests.set(added, value);
    }
    return {
      contentType: parts.contentType,
      digests,
      shortContent,
      content: open,
      certificates: [...parts.certificates, ...(this.options.certificates ?? [])],
      policy: this.policy,
      judge: this.options.judge,
    };
  }

  private openContent(lent = false): AsyncIterable<Buffer> {
    if (this.content === null) return this.startPass(() => []).content();
    return lent && this.content.openLent !== undefined ? chunksOf(this.content.openLent()) : this.content.open();
  }

  private async *release(
    digests: ReadonlyMap<DigestName, Buffer>,
    identity: string | null,
    lent: boolean,
  ): AsyncGenerator<Buffer, void, undefined> {
    // one digest is enough to notice a change; where the source vouches for itself, none is needed
    const [name, expected] = [...digests].find(([known]) => !DIGESTS[known].broken) ?? [...digests][0] ?? [];
    const check = new ContentDigests(identity !== null || name === undefined ? [] : [name]);
    try {
      for await (const part of this.openContent(lent)) {
        check.add(part);
        yield part;
      }
    } catch (thrown) {
      throw statesFailure(thrown) ? changed(thrown) : thrown;
    }
    if (identity !== null) {
      if ((await this.identity()) !== identity) throw changed();
    } else if (name === undefined || expected?.equals(check.values().get(name) ?? Buffer.alloc(0)) !== true) {
      throw changed();
    }
  }

  /** Of the source that the content comes from. */
  private async identity(): Promise<string | null> {
    return (await (this.content ?? this.source).identity?.()) ?? null;
  }

  private facts(parts: SignedDataParts, signers: readonly SignerVerdict[]): Omit<SignedFacts<T>, 'inspected'> {
    const { contentType, detached, certificates } = parts;
    return { ok: true, contentType, detached, signers, certificates };
  }

  private invalid(
    parts: SignedDataParts,
    signers: readonly SignerVerdict[],
    reason: SignedReason,
    inspected: T | null,
  ): InvalidSigned<T> {
    const fault = signers.find(({ valid }) => !valid);
    const detail = fault === undefined ? reason : `${fault.reason ?? ''}: ${fault.detail}`;
    return { ...this.facts(parts, signers), valid: false, reason, detail, inspected };
  }
}

function changed(cause?: unknown): Error {
  return gatewayError('cms.source-changed', 'pass two read other content than pass one', cause);
}
