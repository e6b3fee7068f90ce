/**
 * The two parts of a multipart/signed (RFC 1847 §2.1) as sources of their own, found and digested in one pass that keeps
 * nothing but the signature part (signed-splitter.ts says which octets are which).
 *
 * Refused with message.malformed: another number of parts than two, no end, a boundary that cannot be used, a second part
 * that is no signature of S/MIME; with message.limits: a signature part over 2 MB.
 */
import { DIGESTS, type DigestName } from '../cms/algorithms/digests.ts';
import { ContentDigests } from '../cms/content-digests.ts';
import type { ReopenableSource } from '../cms/reopenable-source.ts';
import type { SeenContent } from '../cms/verification.ts';
import { type ContentType, parseContentType } from '../mime/content-type.ts';
import { decodedBody } from './open-body.ts';
import { splitEntity } from './open-header.ts';
import { lentPieces, partOf, type RangedSource, rangedBuffer } from './ranged-source.ts';
import { malformed, SignedSplitter } from './signed-splitter.ts';

const SIGNATURE_TYPES = new Set(['application/pkcs7-signature', 'application/x-pkcs7-signature']);

/** What one pass over the body of a multipart/signed found. */
export interface SignedParts {
  /** The first octet of the signed part, and behind its last. */
  readonly from: number;
  readonly to: number;
  /** The SignedData; attacker-chosen. */
  readonly object: ReopenableSource;
  /** Of the signed part, by what `micalg` says: a guess that verification checks. */
  readonly digests: ContentDigests;
}

/** Takes the body of a multipart/signed apart while it goes by. */
export class SignedPartsReader {
  readonly #digests: ContentDigests;
  readonly #splitter: SignedSplitter;

  /** @param bodyAt where the body begins in what is read @throws GatewayError message.malformed */
  constructor(bodyAt: number, type: ContentType) {
    const digests = new ContentDigests([announcedDigest(type)]);
    this.#digests = digests;
    this.#splitter = new SignedSplitter(type.parameters.get('boundary') ?? '', bodyAt, (part) => digests.add(part));
  }

  /** @param chunk attacker-chosen; void when this returns @throws GatewayError message.limits */
  write(chunk: Buffer): void {
    this.#splitter.write(chunk);
  }

  /** The body ended. @throws GatewayError message.malformed, message.limits */
  end(): SignedParts {
    const { from, to, signature } = this.#splitter.end();
    return { from, to, object: signatureOf(signature), digests: this.#digests };
  }
}

/**
 * @param bodyAt where the body of the multipart begins in `source`
 * @throws GatewayError message.malformed, message.limits
 */
export async function splitMultipartSigned(
  source: RangedSource,
  bodyAt: number,
  type: ContentType,
): Promise<{ object: ReopenableSource; content: ReopenableSource; seen: SeenContent }> {
  const identity = (await source.identity?.()) ?? null;
  const reader = new SignedPartsReader(bodyAt, type);
  const body = lentPieces(source, bodyAt);
  try {
    for (;;) {
      const asked = body.next();
      const piece = asked instanceof Promise ? await asked : asked;
      if (piece === null) break;
      reader.write(piece);
    }
  } finally {
    await body.close();
  }
  const { from, to, object, digests } = reader.end();
  return { content: partOf(source, from, to), object, seen: { digests, identity } };
}

/** One digest; RFC 8551 §3.5.3.2 allows a list, which nobody writes. */
function announcedDigest(type: ContentType): DigestName {
  const micalg = type.parameters.get('micalg')?.toLowerCase().replaceAll('-', '');
  const names = Object.keys(DIGESTS) as DigestName[];
  const named = names.find((name) => DIGESTS[name].micalg.replaceAll('-', '') === micalg && !DIGESTS[name].broken);
  return named ?? 'sha256';
}

function signatureOf(part: Buffer): ReopenableSource {
  const { header, bodyAt } = splitEntity(part);
  const types = header.all('content-type');
  const type = parseContentType(types[0] ?? '');
  if (types.length !== 1 || type.ambiguous || !SIGNATURE_TYPES.has(type.mediaType)) {
    throw malformed(`its second part is ${type.mediaType}, no signature of S/MIME`);
  }
  return decodedBody(rangedBuffer(part.subarray(bodyAt)), header);
}
