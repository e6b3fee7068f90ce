/**
 * SignedData with any number of signers, and certs-only (RFC 5652 §5, RFC 8551 §3.5, §3.8).
 *
 * Signers are named by issuerAndSerialNumber (version 1) or, where the profile says so and the certificate has one, by key
 * identifier (version 3). Everything is DER. For small things: only the opaque form holds content, and its caller bounds
 * it. What goes before the signature is constant for a signer and made once.
 */
import { derContext, derHeader, derInteger, derOctetString, derSequence, derSetOf, TAG } from '../asn1/der-writer.ts';
import { gatewayError } from '../errors.ts';
import type { Certificate } from '../x509/certificate.ts';
import { CONTENT_TYPE } from './algorithm-identifiers.ts';
import { DIGESTS } from './algorithms/digests.ts';
import { SIGNATURES } from './algorithms/signatures.ts';
import { type ChainMode, type CryptoProfile, DEFAULT_PROFILE } from './profile.ts';
import { recipientIdentifier } from './recipient-identifiers.ts';
import type { Signer } from './signer.ts';

export { type SignedAttributesRequest, signedAttributes } from './signed-attributes.ts';

/** A signature and what it was made over. */
export interface SignedDataParts {
  readonly signer: Signer;
  /** What {@link signedAttributes} returned. */
  readonly attributes: Buffer;
  /** What {@link Signer.sign} returned for them. */
  readonly signature: Buffer;
  /** As in {@link SignedAttributesRequest}; goes into `certificates`. */
  readonly encryptionCertificate?: Certificate;
  /** For chain and identifier; `default` when left out. */
  readonly profile?: CryptoProfile;
}

/** `[0] IMPLICIT` as signedAttrs stand in SignerInfo, in place of the SET they are signed as. */
const SIGNED_ATTRS = Buffer.of(0xa0);
/** The same in front of certificates. */
const CERTIFICATES = 0xa0;

const VERSION_1 = derInteger(1);
const VERSION_3 = derInteger(3);
const DETACHED = derSequence(CONTENT_TYPE.data);
const NOTHING = Buffer.alloc(0);

/** The constant octets of one signer under one profile. */
interface PreparedSigner {
  /** version and sid. */
  readonly head: Buffer;
  readonly version: Buffer;
  /** `certificates`, whole DER; empty when the profile includes none. */
  readonly certificates: Buffer;
  /** digestAlgorithms when this signer is alone. */
  readonly digestAlgorithms: Buffer;
  readonly frames: Map<string, DetachedFrame>;
}

const prepared = new WeakMap<Signer, WeakMap<CryptoProfile, PreparedSigner>>();

/**
 * ContentInfo with SignedData, eContent absent: what application/pkcs7-signature holds (RFC 8551 §3.5.3).
 * @param parts one signer, or at least one in a list; all signed the same content
 */
export function signedDataDetached(parts: SignedDataParts | readonly SignedDataParts[]): Buffer {
  return isList(parts) || parts.encryptionCertificate !== undefined
    ? signedData(parts, DETACHED)
    : detachedAlone(parts);
}

/** Octets round the attributes and the signature of one signer, whatever these are; by how long they are. */
interface DetachedFrame {
  readonly head: Buffer;
  readonly middle: Buffer;
}

const FRAMES_MAX = 32;

/** Nine octets in ten of it are the same in every message of a signer. */
function detachedAlone(parts: SignedDataParts): Buffer {
  const { attributes, signature } = parts;
  const { frames } = prepare(parts);
  const key = `${attributes.length} ${signature.length}`;
  let frame = frames.get(key);
  if (frame === undefined) {
    const whole = signedData(parts, DETACHED);
    // from the end, where the only SignerInfo stands, its signature last
    const signatureAt = whole.length - signature.length;
    const middle =
      SIGNATURES[parts.signer.algorithm].identifier.length + derHeader(TAG.octetString, signature.length).length;
    frame = {
      head: whole.subarray(0, signatureAt - middle - attributes.length + 1),
      middle: whole.subarray(signatureAt - middle, signatureAt),
    };
    if (frames.size >= FRAMES_MAX) frames.clear();
    frames.set(key, frame);
    return whole;
  }
  if (attributes[0] !== TAG.set) throw notASet();
  return Buffer.concat([frame.head, attributes.subarray(1), frame.middle, signature]);
}

/**
 * ContentInfo with SignedData that holds its content (RFC 8551 §3.5.2), whole in memory.
 * @param content the octets whose digest was signed
 */
export function signedDataOpaque(
  parts: (SignedDataParts & { readonly content: Buffer }) | readonly SignedDataParts[],
  content: Buffer = 'content' in parts ? parts.content : NOTHING,
): Buffer {
  return signedData(parts, derSequence(CONTENT_TYPE.data, derContext(0, derOctetString(content))));
}

/** ContentInfo with SignedData that has certificates and no signers: certs-only (RFC 8551 §3.8). */
export function certsOnly(certificates: readonly Certificate[]): Buffer {
  const parts = [VERSION_1, derSetOf([]), DETACHED, certificateSet(certificates), derSetOf([])];
  return derSequence(CONTENT_TYPE.signedData, derContext(0, derSequence(...parts)));
}

function signedData(parts: SignedDataParts | readonly SignedDataParts[], encapsulated: Buffer): Buffer {
  const list = isList(parts) ? parts : [parts];
  const [first] = list;
  if (first === undefined) throw gatewayError('crypto.failed', 'SignedData without a signer');
  const infos = list.map(signerInfo);
  const alone = list.length === 1 ? prepare(first) : null;
  const version = list.some((part) => prepare(part).version === VERSION_3) ? VERSION_3 : VERSION_1;
  const certificates =
    alone !== null && first.encryptionCertificate === undefined ? alone.certificates : certificatesOf(list);
  const digestAlgorithms = alone?.digestAlgorithms ?? digestSet(list);
  return derSequence(
    CONTENT_TYPE.signedData,
    derContext(0, derSequence(version, digestAlgorithms, encapsulated, certificates, derSetOf(infos))),
  );
}

function isList(parts: SignedDataParts | readonly SignedDataParts[]): parts is readonly SignedDataParts[] {
  return Array.isArray(parts);
}

function signerInfo(part: SignedDataParts): Buffer {
  const { signer, attributes, signature } = part;
  if (attributes[0] !== TAG.set) throw notASet();
  const { identifier, digest } = SIGNATURES[signer.algorithm];
  return derSequence(
    prepare(part).head,
    DIGESTS[digest].identifier,
    SIGNED_ATTRS,
    attributes.subarray(1),
    identifier,
    derOctetString(signature),
  );
}

function notASet(): Error {
  return gatewayError('crypto.failed', 'signed attributes are not a SET');
}

function prepare({ signer, profile = DEFAULT_PROFILE }: SignedDataParts): PreparedSigner {
  let byProfile = prepared.get(signer);
  if (byProfile === undefined) {
    byProfile = new WeakMap();
    prepared.set(signer, byProfile);
  }
  let known = byProfile.get(profile);
  if (known === undefined) {
    const sid = recipientIdentifier(signer.certificate, profile);
    const version = sid.byKeyIdentifier ? VERSION_3 : VERSION_1;
    known = {
      head: Buffer.concat([version, sid.der]),
      version,
      certificates: certificateSet(includedCertificates(signer, profile.chain)),
      digestAlgorithms: digestSet([{ signer }]),
      frames: new Map(),
    };
    byProfile.set(profile, known);
  }
  return known;
}

/** Each digest once (RFC 5652 §5.1). */
function digestSet(parts: readonly { readonly signer: Signer }[]): Buffer {
  const names = new Set(parts.map(({ signer }) => SIGNATURES[signer.algorithm].digest));
  return derSetOf([...names].map((name) => DIGESTS[name].identifier));
}

function certificatesOf(parts: readonly SignedDataParts[]): Buffer {
  return certificateSet(
    parts.flatMap(({ signer, encryptionCertificate, profile = DEFAULT_PROFILE }) => [
      ...includedCertificates(signer, profile.chain),
      ...(encryptionCertificate === undefined ? [] : [encryptionCertificate]),
    ]),
  );
}

function includedCertificates(signer: Signer, chain: ChainMode): Certificate[] {
  if (chain === 'none') return [];
  if (chain === 'leaf') return [signer.certificate];
  const root = chain === 'with-root' ? signer.root : null;
  return [signer.certificate, ...signer.chain, ...(root === undefined || root === null ? [] : [root])];
}

/** `certificates [0] IMPLICIT SET OF`, each once; nothing when there is none, for the field is optional. */
function certificateSet(certificates: readonly Certificate[]): Buffer {
  if (certificates.length === 0) return NOTHING;
  const distinct = new Map(certificates.map(({ sha256, der: octets }) => [sha256, octets]));
  return derSetOf([...distinct.values()], CERTIFICATES);
}
