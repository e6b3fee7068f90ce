/**
 * Opens what was signed and then encrypted (RFC 8551 §3.7) in two passes over the stored octets: pass one decrypts,
 * proves, and digests the signed part inside while it goes by; pass two decrypts once more and releases. Reading one
 * after the other would be three.
 *
 * For multipart/signed inside; anything else inside comes back as `signed` null. Refused as the parts refuse.
 */
import { type OpenedEnvelope, openEnvelope } from '../cms/enveloped-data-reader.ts';
import type { Inspector } from '../cms/proving-pass.ts';
import type { CmsFailure } from '../cms/reader-failure.ts';
import type { ReaderPolicy } from '../cms/reader-policy.ts';
import type { ReopenableSource } from '../cms/reopenable-source.ts';
import type { Unwrapper } from '../cms/unwrapper.ts';
import { type SignedResult, type VerificationOptions, verifySignedData } from '../cms/verification.ts';
import type { CertificateJudge } from '../cms/verification-signer.ts';
import { parseContentType } from '../mime/content-type.ts';
import { HeaderGatherer } from './open-header.ts';
import { type SignedParts, SignedPartsReader } from './open-signed.ts';

export interface SealedOptions {
  readonly unwrapper: Unwrapper;
  readonly judge: CertificateJudge;
  readonly policy?: ReaderPolicy;
  readonly parse?: VerificationOptions<undefined>['parse'];
}

export type SealedResult =
  | {
      readonly ok: true;
      /** Its `release` gives the whole entity inside; it is the caller's to close. */
      readonly envelope: OpenedEnvelope<SignedParts | null>;
      /** Its `release` gives the signed part; null when what is inside is no multipart/signed. */
      readonly signed: SignedResult | null;
    }
  | { readonly ok: false; readonly failure: CmsFailure };

/**
 * @param object attacker-chosen octets
 * @throws GatewayError message.malformed, message.limits for what is inside, once the envelope is proven; what the source
 *   and the judge throw
 */
export async function openSealed(object: ReopenableSource, options: SealedOptions): Promise<SealedResult> {
  const { unwrapper, judge, policy, parse } = options;
  const rules = policy === undefined ? {} : { policy };
  const envelope = await openEnvelope(object, { unwrapper, inspect: () => new InsideReader(), ...rules });
  if (!envelope.ok) return envelope;
  const parts = envelope.inspected;
  if (parts === null) return { ok: true, envelope, signed: null };
  try {
    const signed = await verifySignedData(parts.object, {
      content: { open: () => windowOf(envelope.release(), parts.from, parts.to), identity: async () => PROVEN },
      seen: { digests: parts.digests, identity: PROVEN },
      judge,
      ...rules,
      ...(parse === undefined ? {} : { parse }),
    });
    return { ok: true, envelope, signed };
  } catch (thrown) {
    envelope.close();
    throw thrown;
  }
}

/** The envelope's own release sees to it that both passes give the same octets. */
const PROVEN = 'proven by the envelope';

/** The parts of a multipart/signed; null for anything else that has a header. */
class InsideReader implements Inspector<SignedParts | null> {
  private header: HeaderGatherer | null = new HeaderGatherer();
  private parts: SignedPartsReader | null = null;

  write(unproven: Buffer): void {
    if (this.header === null) {
      this.parts?.write(unproven);
      return;
    }
    const found = this.header.add(unproven);
    if (found === null) return;
    this.header = null;
    const types = found.header.all('content-type');
    const type = parseContentType(types[0] ?? '');
    if (types.length !== 1 || type.ambiguous || type.mediaType !== 'multipart/signed') return;
    this.parts = new SignedPartsReader(found.bodyAt, type);
    this.parts.write(found.rest);
  }

  end(): SignedParts | null {
    if (this.header !== null) throw this.header.missing();
    return this.parts?.end() ?? null;
  }
}

/** Reads to the end whatever the window is, for only then it is known that nothing was changed. */
async function* windowOf(
  octets: AsyncIterable<Buffer>,
  from: number,
  to: number,
): AsyncGenerator<Buffer, void, undefined> {
  let at = 0;
  for await (const chunk of octets) {
    const part = chunk.subarray(Math.max(0, from - at), Math.max(0, to - at));
    at += chunk.length;
    if (part.length > 0) yield part;
  }
}
