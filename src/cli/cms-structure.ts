/**
 * The structure of a CMS object as facts (RFC 5652), for `sealgate cms show`: read to its end, nothing decrypted, nothing
 * verified, nothing believed. No keys are needed.
 */
import type { BerStream } from '../asn1/ber-stream.ts';
import { TAG } from '../asn1/der-writer.ts';
import type { Reading } from '../asn1/pieces.ts';
import { parseAlgorithm } from '../cms/ber-field-reader.ts';
import { type ContentTypeName, enterContent, readOid, recogniseContent } from '../cms/content-info-reader.ts';
import { readEnvelopeTail } from '../cms/envelope-tail-reader.ts';
import { type CmsFailure, failureOf } from '../cms/reader-failure.ts';
import { READER_LIMITS } from '../cms/reader-limits.ts';
import { STRICT_POLICY } from '../cms/reader-policy.ts';
import { scanRecipientInfos } from '../cms/recipient-info-reader.ts';
import { type ReopenableSource, readThrough } from '../cms/reopenable-source.ts';
import { parseSignedAttributes } from '../cms/signed-attributes-reader.ts';
import { SignedDataPass } from '../cms/signed-data-reader.ts';
import type { SignerInfo } from '../cms/signer-info-reader.ts';
import type { RecipientInfo } from '../cms/unwrapper.ts';
import { certificateFacts } from './cert-command.ts';
import { algorithmName, identifierText, typeName } from './cms-names.ts';

/** Stable names, for `--json`. */
export type CmsStructure = Readonly<Record<string, unknown>> & { readonly type: string };

export type StructureResult =
  | { readonly ok: true; readonly structure: CmsStructure }
  | { readonly ok: false; readonly failure: CmsFailure };

const ENVELOPES: readonly ContentTypeName[] = ['envelopedData', 'authEnvelopedData', 'encryptedData'];

/** @param object attacker-chosen @throws what the source throws */
export async function readStructure(object: ReopenableSource): Promise<StructureResult> {
  try {
    const kind = await recogniseContent(object);
    if (!kind.ok) return kind;
    if (kind.type === 'signedData') return { ok: true, structure: await signedStructure(object) };
    if (kind.type === 'compressedData') {
      return { ok: true, structure: await readThrough(object, compressedStructure) };
    }
    const { type } = kind;
    if (type !== null && ENVELOPES.includes(type)) {
      return { ok: true, structure: await readThrough(object, (stream) => envelopeStructure(stream, type)) };
    }
    return { ok: true, structure: { type: typeName(kind.oid) } };
  } catch (thrown) {
    return { ok: false, failure: failureOf(thrown) };
  }
}

async function signedStructure(object: ReopenableSource): Promise<CmsStructure> {
  const pass = new SignedDataPass(object, { trailingOctets: false, chooseDigests: () => [] });
  let octets = 0;
  await pass.run((part) => {
    octets += part.length;
  });
  const { parts } = pass;
  if (parts === null) throw new Error('SignedData did not end');
  return {
    type: 'signedData',
    content: { type: typeName(parts.contentType), inside: !parts.detached, octets: parts.detached ? null : octets },
    signers: parts.signers.map(signerStructure),
    certificates: parts.certificates.map(certificateFacts),
    unreadableCertificates: parts.badCertificates,
  };
}

function signerStructure(signer: SignerInfo): object {
  const parsed = signer.signedAttributes === null ? null : parseSignedAttributes(signer.signedAttributes);
  const attributes = parsed?.ok === true ? parsed.attributes : null;
  const time = attributes?.signingTime ?? null;
  return {
    identifier: identifierText(signer.identifier),
    digestAlgorithm: algorithmName(signer.digestAlgorithm.oid),
    signatureAlgorithm: algorithmName(signer.signatureAlgorithm.oid),
    signatureOctets: signer.signature.length,
    signedAttributes: parsed === null ? null : parsed.ok ? parsed.attributes.types : parsed.fault.reason,
    signingTime: time === null || Number.isNaN(time.getTime()) ? null : time.toISOString(),
  };
}

function* countOctets(stream: BerStream, tag: number): Reading<number> {
  let octets = 0;
  yield* stream.openString(tag, true);
  for (let part = yield* stream.nextOctets(); part !== null; part = yield* stream.nextOctets()) octets += part.length;
  return octets;
}

function* envelopeStructure(stream: BerStream, type: ContentTypeName): Reading<CmsStructure> {
  yield* enterContent(stream, ENVELOPES);
  yield* stream.read(TAG.integer, READER_LIMITS.fieldOctets);
  const recipients: object[] = [];
  if (type !== 'encryptedData') {
    if ((yield* stream.peekTag()) === 0xa0) yield* stream.skip();
    const scan = yield* scanRecipientInfos(stream, () => true, RECIPIENTS_SHOWN);
    recipients.push(...scan.wanted.map(recipientStructure));
    if (scan.count > recipients.length) recipients.push({ further: scan.count - recipients.length });
  }
  yield* stream.enter(TAG.sequence);
  const contentType = yield* readOid(stream);
  const algorithm = parseAlgorithm(yield* stream.read(TAG.sequence, READER_LIMITS.fieldOctets));
  const octets = (yield* stream.atEnd()) ? 0 : yield* countOctets(stream, 0x80);
  const form = type === 'authEnvelopedData' ? 'authEnveloped' : 'enveloped';
  const { tag, aad } = yield* readEnvelopeTail(stream, form, contentType, STRICT_POLICY);
  const authentication = form === 'enveloped' ? {} : { tagOctets: tag?.length ?? 0, attributes: aad !== null };
  const content = { type: typeName(contentType), cipher: algorithmName(algorithm.oid), octets, ...authentication };
  return { type, content, recipients };
}

const RECIPIENTS_SHOWN = 1000;

function recipientStructure(info: RecipientInfo): object {
  switch (info.kind) {
    case 'key-transport':
    case 'key-agreement':
      return {
        kind: info.kind,
        identifier: identifierText(info.recipient),
        algorithm: algorithmName(info.algorithm.oid),
        ...(info.kind === 'key-transport' ? {} : { wrap: wrapOf(info.algorithm.parameters) }),
      };
    case 'key-encapsulation':
      return {
        kind: info.kind,
        identifier: identifierText(info.recipient),
        algorithm: algorithmName(info.algorithm.oid),
        derivation: algorithmName(info.derivation.oid),
        wrap: algorithmName(info.wrap.oid),
      };
    case 'key-encryption-key':
      return {
        kind: info.kind,
        identifier: info.keyIdentifier.toString('hex'),
        algorithm: algorithmName(info.algorithm.oid),
      };
    case 'password':
      return { kind: info.kind, algorithm: algorithmName(info.algorithm.oid) };
    default:
      return { kind: info.kind, oid: info.oid };
  }
}

function wrapOf(parameters: Buffer | null): string | null {
  try {
    return parameters === null ? null : algorithmName(parseAlgorithm(parameters).oid);
  } catch {
    // shown as far as it can be read
    return null;
  }
}

function* compressedStructure(stream: BerStream): Reading<CmsStructure> {
  yield* enterContent(stream, ['compressedData']);
  yield* stream.read(TAG.integer, READER_LIMITS.fieldOctets);
  const { oid } = parseAlgorithm(yield* stream.read(TAG.sequence, READER_LIMITS.fieldOctets));
  yield* stream.enter(TAG.sequence);
  const contentType = yield* readOid(stream);
  yield* stream.enter(0xa0);
  const octets = yield* countOctets(stream, TAG.octetString);
  const content = { type: typeName(contentType), algorithm: algorithmName(oid), compressedOctets: octets };
  return { type: 'compressedData', content };
}
