/** SignedData of the second implementation (RFC 5652 §5), with signed attributes always. */
import {
  algorithm,
  at,
  type Block,
  context,
  decode,
  encode,
  encoded,
  integer,
  octetString,
  oid,
  oidOf,
  retagged,
  sequence,
  set,
  type Value,
} from './asn1.ts';
import type { PartyCertificate, PrivateKey } from './keys.ts';
import { readCertificate } from './keys.ts';
import { digestWith, HASH_OID, OID } from './primitives.ts';
import { contentDigest, signWith, verifies } from './signature-schemes.ts';

const CONTENT_TYPE = '1.2.840.113549.1.9.3';
const MESSAGE_DIGEST = '1.2.840.113549.1.9.4';

export interface SigningWay {
  readonly detached: boolean;
  readonly padding?: 'rsa-pkcs1' | 'rsa-pss' | null;
  /** OID of the digest of the content, where it is not the usual one. */
  readonly digest?: string;
}

export function signedData(content: Buffer, signer: PartyCertificate, key: PrivateKey, way: SigningWay): Buffer {
  const digest = way.digest ?? contentDigest(key);
  const digestAlgorithm = (): Block =>
    digest === HASH_OID.shake256Len ? algorithm(digest, integer(512)) : algorithm(digest);
  const attributes = encode(
    set(
      sequence(oid(CONTENT_TYPE), set(oid(OID.data))),
      sequence(oid(MESSAGE_DIGEST), set(octetString(digestWith(digest, content)))),
    ),
  );
  const { identifier, value } = signWith(key, attributes, way.padding ?? null);
  const signerInfo = sequence(
    integer(1),
    sequence(encoded(signer.issuer), encoded(signer.serial)),
    digestAlgorithm(),
    encoded(retagged(attributes, 0xa0)),
    identifier,
    octetString(value),
  );
  const body = sequence(
    integer(1),
    set(digestAlgorithm()),
    sequence(oid(OID.data), ...(way.detached ? [] : [context(0, octetString(content))])),
    context(0, encoded(signer.der)),
    set(signerInfo),
  );
  return encode(sequence(oid(OID.signedData), context(0, body)));
}

/** The content, after every signature was verified and its certificate found to be issued by `root`. */
export function verifySignedData(object: Buffer, beside: Buffer | null, root: PartyCertificate): Buffer {
  const info = decode(object);
  if (oidOf(at(info, 0)) !== OID.signedData) throw new Error('no SignedData');
  const body = at(at(info, 1), 0);
  const encapsulated = at(body, 2);
  const inside = encapsulated.children[1];
  if ((inside === undefined) !== (beside !== null)) throw new Error('content is not where it should be');
  const content = beside ?? at(inside as Value, 0).content;
  const certificates = body.children
    .filter(({ tag }) => tag === 0xa0)
    .flatMap(({ children }) => children.map(({ whole }) => readCertificate(whole)));
  const signers = body.children.at(-1)?.children ?? [];
  if (signers.length === 0) throw new Error('no signer');
  for (const signer of signers) verifySigner(signer, content, oidOf(at(encapsulated, 0)), certificates, root);
  return content;
}

function verifySigner(
  signer: Value,
  content: Buffer,
  contentType: string,
  certificates: readonly PartyCertificate[],
  root: PartyCertificate,
): void {
  const [, sid, digestAlgorithm, attributes, signatureAlgorithm, signature] = signer.children;
  if (!sid || !digestAlgorithm || attributes?.tag !== 0xa0 || !signatureAlgorithm || !signature) {
    throw new Error('SignerInfo too short, or without signed attributes');
  }
  const certificate = certificates.find(({ issuer, serial, keyIdentifier }) =>
    sid.tag === 0x30
      ? at(sid, 0).whole.equals(issuer) && at(sid, 1).whole.equals(serial)
      : keyIdentifier !== null && sid.content.equals(keyIdentifier),
  );
  if (certificate === undefined) throw new Error('no certificate of the signer');
  const value = (name: string): Value => {
    const found = attributes.children.filter((attribute) => oidOf(at(attribute, 0)) === name);
    if (found.length !== 1) throw new Error(`attribute ${name} is there ${found.length} times`);
    return at(at(found[0] as Value, 1), 0);
  };
  if (oidOf(value(CONTENT_TYPE)) !== contentType) throw new Error('other content type');
  const digest = digestWith(oidOf(at(digestAlgorithm, 0)), content);
  if (!value(MESSAGE_DIGEST).content.equals(digest)) throw new Error('other content');
  const signed = retagged(attributes.whole, 0x31);
  if (!encode(set(...attributes.children.map(({ whole }) => encoded(whole)))).equals(signed)) {
    throw new Error('signed attributes are not DER');
  }
  if (!verifies(signatureAlgorithm, certificate.key, signed, signature.content)) throw new Error('wrong signature');
  if (!certificate.issuer.equals(root.subject)) throw new Error('issued by somebody else');
  if (!verifies(certificate.signatureAlgorithm, root.key, certificate.tbs, certificate.signature)) {
    throw new Error('certificate is not signed by the root');
  }
}
