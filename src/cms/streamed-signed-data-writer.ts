/**
 * SignedData with its content inside (RFC 5652 §5.1, RFC 8551 §3.5.2) written while the content comes in, for content of
 * any length. What fits what is held goes out in DER, as signed-data-writer.ts writes it; longer content with indefinite
 * lengths (BER) in segments of 64 KiB.
 */
import { BerReader } from '../asn1/ber-reader.ts';
import { derSetOf, TAG } from '../asn1/der-writer.ts';
import { CONTENT_TYPE } from './algorithm-identifiers.ts';
import { DIGESTS, startDigest } from './algorithms/digests.ts';
import { SIGNATURES } from './algorithms/signatures.ts';
import type { CryptoProfile } from './profile.ts';
import { signedAttributes, signedDataDetached, signedDataOpaque } from './signed-data-writer.ts';
import type { Signer } from './signer.ts';
import { segments } from './streamed-envelope-writer.ts';

/** Content held back for the sake of definite lengths. */
const HELD_OCTETS_MAX = 1024 * 1024;

const INDEFINITE_SEQUENCE = Buffer.of(TAG.sequence, 0x80);
const INDEFINITE_CONTEXT = Buffer.of(0xa0, 0x80);
const INDEFINITE_STRING = Buffer.of(TAG.octetString | 0x20, 0x80);
const END = Buffer.of(0, 0);

export interface StreamedSigning {
  readonly signer: Signer;
  readonly profile: CryptoProfile;
  readonly signingTime: Date;
}

/** ContentInfo, whole. @throws GatewayError keys.unusable */
export async function* streamSignedData(
  { signer, profile, signingTime }: StreamedSigning,
  content: AsyncIterable<Buffer> | Iterable<Buffer>,
): AsyncGenerator<Buffer, void, undefined> {
  const { digest } = SIGNATURES[signer.algorithm];
  const hash = startDigest(digest);
  const held: Buffer[] = [];
  let octets = 0;
  for await (const chunk of content) {
    hash.update(chunk);
    if (octets > HELD_OCTETS_MAX) {
      yield* segments(chunk);
      continue;
    }
    held.push(chunk);
    octets += chunk.length;
    if (octets <= HELD_OCTETS_MAX) continue;
    yield opening(profile, signer, DIGESTS[digest].identifier);
    for (const part of held.splice(0)) yield* segments(part);
  }
  const attributes = signedAttributes({ digest: hash.digest(), signer, signingTime, profile });
  const parts = { signer, attributes, signature: await signer.sign(attributes), profile };
  if (octets <= HELD_OCTETS_MAX) {
    yield signedDataOpaque([parts], Buffer.concat(held));
    return;
  }
  const { certificates, signerInfos } = takeApart(signedDataDetached(parts));
  yield Buffer.concat([END, END, END, certificates, signerInfos, END, END, END]);
}

function opening(profile: CryptoProfile, signer: Signer, digest: Buffer): Buffer {
  const named = profile.keyIdentifier && signer.certificate.subjectKeyIdentifier !== null;
  const version = Buffer.of(TAG.integer, 1, named ? 3 : 1);
  const outer = [INDEFINITE_SEQUENCE, CONTENT_TYPE.signedData, INDEFINITE_CONTEXT, INDEFINITE_SEQUENCE];
  const inner = [INDEFINITE_SEQUENCE, CONTENT_TYPE.data, INDEFINITE_CONTEXT, INDEFINITE_STRING];
  return Buffer.concat([...outer, version, derSetOf([digest]), ...inner]);
}

/** What stands behind the content is the same whether it is inside or not. */
function takeApart(detached: Buffer): { certificates: Buffer; signerInfos: Buffer } {
  const info = BerReader.over(detached).enter(TAG.sequence);
  info.readElement();
  const fields = info.enter(0xa0).enter(TAG.sequence);
  for (let skipped = 0; skipped < 3; skipped++) fields.readElement();
  const certificates = fields.peekTag() === 0xa0 ? fields.readElement().whole : Buffer.alloc(0);
  return { certificates, signerInfos: fields.readElement().whole };
}
