/**
 * The six operations of S/MIME as the product does them, each over one message from its file or from memory, to a sink
 * that counts: sign, encrypt and seal (sign and encrypt) with the writers, decrypt, verify and open (decrypt and verify)
 * with the readers, both passes. Keys and certificates are parsed once, as in a gateway.
 */
import { createPrivateKey, sign, X509Certificate } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import path from 'node:path';
import { octetsPassed } from '../src/buffer-reclaim.ts';
import { ContentEncryptor } from '../src/cms/content-encryptor.ts';
import { openEnvelope } from '../src/cms/enveloped-data-reader.ts';
import { type CryptoProfile, PROFILES } from '../src/cms/profile.ts';
import type { Signer } from '../src/cms/signer.ts';
import type { Unwrapper } from '../src/cms/unwrapper.ts';
import { type SignedResult, verifySignedData } from '../src/cms/verification.ts';
import type { CertificateJudge } from '../src/cms/verification-signer.ts';
import { KeyUnwrapper } from '../src/keys/key-unwrapper.ts';
import { systemEntropy } from '../src/keys/system-entropy.ts';
import { Base64Encoder, foldBase64 } from '../src/mime/base64-encoder.ts';
import { BLOCK_OCTETS } from '../src/smime/block-gatherer.ts';
import { AUTH_ENVELOPED_FIELDS, ENVELOPED_FIELDS } from '../src/smime/content-fields.ts';
import { findCms } from '../src/smime/open-cms.ts';
import { type OpenedEntity, openEntity, openHeldEntity } from '../src/smime/open-entity.ts';
import { openSealed } from '../src/smime/open-sealed.ts';
import { envelopedContent, isHeld, type OutgoingContent, signedContent } from '../src/smime/outgoing-content.ts';
import type { RangedSource } from '../src/smime/ranged-source.ts';
import { SigningUnit } from '../src/smime/signing-unit.ts';
import type { Certificate } from '../src/x509/certificate.ts';
import { parseCertificate } from '../src/x509/certificate-reader.ts';
import { validatePath } from '../src/x509/path-validator.ts';

export type Operation = 'sign' | 'encrypt' | 'seal' | 'decrypt' | 'verify' | 'open';

const CHUNK = 65_536;

export interface Parties {
  readonly signer: Signer;
  readonly recipient: Certificate;
  readonly profile: CryptoProfile;
  readonly unwrapper: Unwrapper;
  readonly judge: CertificateJudge;
}

/** @param folder holds ca.pem, and of alice (signs) and bob (receives) .pem and .key */
export function readParties(folder: string, cipher: string): Parties {
  const load = (name: string) => parseCertificate(new X509Certificate(readFileSync(path.join(folder, name))).raw);
  const key = createPrivateKey(readFileSync(path.join(folder, 'alice.key')));
  const algorithm = key.asymmetricKeyType === 'ec' ? 'ecdsa-sha256' : 'rsa-pkcs1-sha256';
  const recipient = load('bob.pem');
  const opener = createPrivateKey(readFileSync(path.join(folder, 'bob.key')));
  const anchors = [load('ca.pem')];
  const profile = { ...PROFILES['default'], content: cipher } as CryptoProfile;
  return {
    signer: {
      certificate: load('alice.pem'),
      chain: [],
      algorithm,
      // in this thread, so that CPU time is comparable with peers of one thread
      sign: async (attributes) => sign('sha256', attributes, key),
    },
    recipient,
    profile,
    unwrapper: new KeyUnwrapper([{ certificate: recipient, key: opener }]),
    judge: async (leaf, companions) => {
      const intermediates = [...companions];
      const result = validatePath({ leaf, anchors, intermediates, at: new Date(), purpose: 'sign', address: null });
      return result.ok ? { ok: true } : { ok: false, detail: result.failure.text };
    },
  };
}

/** Octets in memory, in chunks as a file gives them. */
export async function* chunksOf(octets: Buffer): AsyncGenerator<Buffer, void, undefined> {
  for (let at = 0; at < octets.length; at += CHUNK) {
    const chunk = octets.subarray(at, at + CHUNK);
    octetsPassed(chunk.length);
    yield chunk;
  }
}

/** Octets of a file, read in this thread as the command line reads them. */
export function fileSource(descriptor: number): RangedSource {
  return {
    async *open(from = 0, to = Number.MAX_SAFE_INTEGER, scratch = false) {
      const reused = scratch ? Buffer.allocUnsafeSlow(CHUNK) : null;
      for (let at = from; at < to; ) {
        const chunk = reused ?? Buffer.allocUnsafeSlow(Math.min(CHUNK, to - at));
        const octets = readSync(descriptor, chunk, 0, Math.min(CHUNK, to - at), at);
        if (octets === 0) return;
        at += octets;
        octetsPassed(octets);
        yield octets === chunk.length ? chunk : chunk.subarray(0, octets);
      }
    },
    readInto: (target, from, remade = false) => {
      const octets = readSync(descriptor, target, 0, target.length, from);
      octetsPassed(octets, remade);
      return octets;
    },
    identity: async () => {
      const { dev, ino, size, mtimeNs, ctimeNs } = fstatSync(descriptor, { bigint: true });
      return [dev, ino, size, mtimeNs, ctimeNs].join();
    },
  };
}

/** A file opened for as long as it is used. */
export async function withFile<T>(file: string, use: (source: RangedSource) => Promise<T>): Promise<T> {
  const descriptor = openSync(file, 'r');
  try {
    return await use(fileSource(descriptor));
  } finally {
    closeSync(descriptor);
  }
}

/** Both passes over a message in S/MIME form. @returns octets released @throws Error when it is not proven */
export async function readMessage(
  operation: 'decrypt' | 'verify' | 'open',
  message: RangedSource,
  { unwrapper, judge }: Parties,
): Promise<number> {
  const { object, content, seen } = await findCms(message, 'smime');
  if (operation === 'verify') return release(proven(await verifySignedData(object, { content, seen, judge })));
  if (operation === 'open') {
    const opened = await openSealed(object, { unwrapper, judge });
    if (!opened.ok || opened.signed === null) throw new Error('not opened');
    const octets = await release(proven(opened.signed));
    opened.envelope.close();
    return octets;
  }
  const opened = await openEnvelope(object, { unwrapper });
  if (!opened.ok) throw new Error(opened.failure.detail);
  const octets = await release(opened);
  opened.close();
  return octets;
}

function proven(result: SignedResult): { release(lent?: boolean): AsyncIterable<Buffer> } {
  if (!result.ok) throw new Error(result.failure.detail);
  if (!result.valid) throw new Error(result.detail);
  return result;
}

async function release(proof: { release(lent?: boolean): AsyncIterable<Buffer> }): Promise<number> {
  let octets = 0;
  // each piece is used up at once, as the command line writes it
  for await (const part of proof.release(true)) octets += part.length;
  return octets;
}

/** A whole message in S/MIME form, used up at once. @returns octets written */
export async function writeMessage(
  operation: WritingOperation,
  message: Buffer | AsyncIterable<Buffer>,
  parties: Parties,
): Promise<number> {
  const written = await sealedEntity(operation, await entityOf(message), parties);
  let octets = 0;
  if (isHeld(written)) for (const part of written) octets += part.length;
  else for await (const part of written) octets += part.length;
  return octets;
}

/** The octets of the same; a piece is void when the next is asked for. */
export async function* sealedMessage(
  operation: WritingOperation,
  message: AsyncIterable<Buffer>,
  parties: Parties,
): AsyncGenerator<Buffer, void, undefined> {
  yield* await sealedEntity(operation, await entityOf(message), parties);
}

export type WritingOperation = 'sign' | 'encrypt' | 'seal';

function entityOf(message: Buffer | AsyncIterable<Buffer>): OpenedEntity | Promise<OpenedEntity> {
  if (!Buffer.isBuffer(message)) return openEntity(message);
  return message.length <= BLOCK_OCTETS ? openHeldEntity(message) : openEntity(chunksOf(message));
}

async function sealedEntity(
  operation: WritingOperation,
  entity: OpenedEntity,
  { signer, recipient, profile }: Parties,
): Promise<OutgoingContent> {
  const unit = operation === 'encrypt' ? null : new SigningUnit(signer, profile, systemEntropy);
  if (operation === 'sign' && unit !== null) {
    const lead = Buffer.concat([unit.frame.messageFields, CRLF]);
    return await signedContent(unit, entity.content(true), lead, new Date());
  }
  const encryptor = new ContentEncryptor(profile, systemEntropy);
  const infos = encryptor.recipientInfos([recipient]);
  const content =
    unit === null
      ? entity.content(false)
      : await signedContent(unit, entity.content(true), unit.frame.innerHeader, new Date());
  const object = envelopedContent(encryptor, infos, content);
  const fields = encryptor.envelope === 'authEnveloped' ? AUTH_ENVELOPED_FIELDS : ENVELOPED_FIELDS;
  return isHeld(object) ? [fields, CRLF, foldBase64(object)] : inLines(fields, object);
}

async function* inLines(fields: Buffer, object: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  yield Buffer.concat([fields, CRLF]);
  const encoder = new Base64Encoder();
  for await (const part of object) yield encoder.lend(part);
  yield encoder.final();
}

const CRLF = Buffer.from('\r\n');
