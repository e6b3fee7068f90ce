/** What the readers say of an object, as one short text: for tables of expectations. */

import { openCompressedData } from '../../src/cms/compressed-data-reader.ts';
import { CONTENT_TYPE_OIDS, recogniseContent } from '../../src/cms/content-info-reader.ts';
import { openEnvelope } from '../../src/cms/enveloped-data-reader.ts';
import type { CmsFailure } from '../../src/cms/reader-failure.ts';
import { type ReaderPolicy, STRICT_POLICY } from '../../src/cms/reader-policy.ts';
import type { ReopenableSource } from '../../src/cms/reopenable-source.ts';
import type { Unwrapper } from '../../src/cms/unwrapper.ts';
import { verifySignedData } from '../../src/cms/verification.ts';
import type { Certificate } from '../../src/x509/certificate.ts';

export const EVERY_TOLERANCE: ReaderPolicy = {
  weakSignatures: true,
  oldCiphers: true,
  shortTags: true,
  aeadInEnvelopedData: true,
  signaturesWithoutAttributes: true,
  anyDigestWithEdDsa: true,
  trailingOctets: true,
};

export interface Surroundings {
  readonly unwrapper: Unwrapper;
  readonly certificates: readonly Certificate[];
  readonly policy?: ReaderPolicy;
}

/** Octets that come out of a stream, none kept. */
export async function countOctets(chunks: AsyncIterable<Buffer>): Promise<number> {
  let octets = 0;
  for await (const chunk of chunks) octets += chunk.length;
  return octets;
}

/**
 * Opens or verifies by the content type and releases what can be released.
 * @returns such as `valid 28`, `opened aes-256-cbc 28`, `inflated 500`, or a reason
 */
export async function outcomeOf(
  source: ReopenableSource,
  content: ReopenableSource | null,
  surroundings: Surroundings,
): Promise<string> {
  const policy = surroundings.policy ?? STRICT_POLICY;
  const recognised = await recogniseContent(source);
  if (!recognised.ok) return said(recognised.failure);
  switch (recognised.type) {
    case 'signedData': {
      const { certificates } = surroundings;
      const contentTypes = Object.values(CONTENT_TYPE_OIDS);
      const judge = async (): Promise<{ ok: true }> => ({ ok: true });
      const result = await verifySignedData(source, { content, policy, certificates, contentTypes, judge });
      if (!result.ok) return said(result.failure);
      if (result.valid) return `valid ${await countOctets(result.release())}`;
      if (result.signers.length > 0) return result.signers.map(({ reason }) => reason ?? 'valid').join(' ');
      return result.reason === 'unsigned' ? `unsigned, ${result.certificates.length} certificates` : result.reason;
    }
    case 'envelopedData':
    case 'authEnvelopedData':
    case 'encryptedData': {
      const result = await openEnvelope(source, { unwrapper: surroundings.unwrapper, policy });
      if (!result.ok) return said(result.failure);
      return `opened ${result.cipher} ${await countOctets(result.release())}`;
    }
    case 'compressedData': {
      const result = await openCompressedData(source, { octetsMax: 10_000_000, policy });
      return result.ok ? `inflated ${await countOctets(result.release())}` : said(result.failure);
    }
    default:
      return `content type ${recognised.type ?? recognised.oid}`;
  }
}

function said({ reason, detail }: CmsFailure): string {
  return reason === 'unsupported' ? `unsupported: ${detail}` : reason;
}
