/**
 * The interop matrix: every algorithm that S/MIME uses here, with every peer, in both directions. A cell is `ok`, or what
 * the peer cannot in its own words, or FAIL. What a peer cannot is listed in known-limits.ts: a refusal that is not there
 * is ours to explain, and an entry that is no longer true fails too.
 */

import { judgeOf } from '../../../src/cli/cms-trust.ts';
import { openCompressedData } from '../../../src/cms/compressed-data-reader.ts';
import { compressedData } from '../../../src/cms/compressed-data-writer.ts';
import { openEnvelope } from '../../../src/cms/enveloped-data-reader.ts';
import type { CryptoProfile } from '../../../src/cms/profile.ts';
import { STRICT_POLICY } from '../../../src/cms/reader-policy.ts';
import { bufferSource, collect } from '../../../src/cms/reopenable-source.ts';
import { verifySignedData } from '../../../src/cms/verification.ts';
import { algorithmSupport } from '../../../src/keys/algorithm-support.ts';
import { KeyUnwrapper } from '../../../src/keys/key-unwrapper.ts';
import { systemEntropy } from '../../../src/keys/system-entropy.ts';
import {
  type KeyKind,
  type MadeCertificate,
  makeAuthority,
  makeCertificate,
} from '../../support/certificate-builder.ts';
import { encryptContent, profileOf, signContent } from '../../support/cms-maker.ts';
import { isFirm, isKnown } from './known-limits.ts';
import { type Answer, type EncryptionWay, type Peer, refused, type SignatureWay } from './peer.ts';

/** Bytes of all values, and no canonical text: whoever changes line ends is noticed. */
export const CONTENT = Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 31 + (i >> 8)) & 0xff));

export type Direction = 'reads ours' | 'we read';
export const DIRECTIONS: readonly Direction[] = ['reads ours', 'we read'];

export interface Cell {
  readonly row: string;
  readonly peer: string;
  readonly direction: Direction;
  readonly outcome: 'ok' | 'peer cannot' | 'FAIL' | 'not on this Node';
  /** The words of whoever refused; empty for ok. */
  readonly words: string;
}

interface SignatureRow extends SignatureWay {
  readonly key: KeyKind;
  readonly profile: CryptoProfile;
}

interface EncryptionRow extends EncryptionWay {
  readonly key: KeyKind;
  readonly profile: CryptoProfile;
}

const PLAIN = profileOf('default', { capabilities: [] });

const SIGNATURES: readonly SignatureRow[] = [
  { name: 'RSA PKCS #1 v1.5, SHA-256', key: 'rsa-2048', padding: 'rsa-pkcs1', profile: PLAIN },
  { name: 'RSASSA-PSS, SHA-256', key: 'rsa-2048', padding: 'rsa-pss', profile: profileOf('modern') },
  { name: 'ECDSA P-256', key: 'p-256', padding: null, profile: PLAIN },
  { name: 'ECDSA P-384', key: 'p-384', padding: null, profile: PLAIN },
  { name: 'ECDSA P-521', key: 'p-521', padding: null, profile: PLAIN },
  { name: 'ECDSA brainpoolP256r1', key: 'brainpoolP256r1', padding: null, profile: PLAIN },
  { name: 'Ed25519', key: 'ed25519', padding: null, profile: PLAIN },
  { name: 'Ed448', key: 'ed448', padding: null, profile: PLAIN },
  { name: 'ML-DSA-44', key: 'ml-dsa-44', padding: null, profile: PLAIN },
  { name: 'ML-DSA-65', key: 'ml-dsa-65', padding: null, profile: PLAIN },
  { name: 'ML-DSA-87', key: 'ml-dsa-87', padding: null, profile: PLAIN },
  { name: 'SLH-DSA-SHA2-128f', key: 'slh-dsa-sha2-128f', padding: null, profile: PLAIN },
];

const RSA = { key: 'rsa-2048', transport: 'rsa-pkcs1' } as const;
const EC = { cipher: 'aes-256-cbc', transport: null, profile: PLAIN } as const;

const ENCRYPTIONS: readonly EncryptionRow[] = [
  { name: 'AES-128-CBC', ...RSA, cipher: 'aes-128-cbc', profile: profileOf('default', { content: 'aes-128-cbc' }) },
  { name: 'AES-256-CBC', ...RSA, cipher: 'aes-256-cbc', profile: PLAIN },
  { name: 'AES-128-GCM', ...RSA, cipher: 'aes-128-gcm', profile: profileOf('default', { content: 'aes-128-gcm' }) },
  { name: 'AES-256-GCM', ...RSA, cipher: 'aes-256-gcm', profile: profileOf('default', { content: 'aes-256-gcm' }) },
  {
    ...{ name: 'ChaCha20-Poly1305', ...RSA, cipher: 'chacha20-poly1305' },
    profile: profileOf('default', { content: 'chacha20-poly1305' }),
  },
  {
    ...{ name: 'CEK-HKDF, AES-256-CBC', ...RSA, cipher: 'aes-256-cbc', bound: true },
    profile: profileOf('default', { contentDerivation: 'hkdf-sha256' }),
  },
  {
    ...{ name: 'CEK-HKDF, AES-256-GCM', ...RSA, cipher: 'aes-256-gcm', bound: true },
    profile: profileOf('default', { content: 'aes-256-gcm', contentDerivation: 'hkdf-sha256' }),
  },
  {
    ...{ name: 'RSAES-OAEP, SHA-256', key: 'rsa-2048', transport: 'rsa-oaep', cipher: 'aes-256-cbc' },
    profile: profileOf('default', { keyTransport: 'rsa-oaep' }),
  },
  { name: 'ECDH P-256', key: 'p-256', ...EC },
  { name: 'ECDH P-384', key: 'p-384', ...EC },
  { name: 'ECDH P-521', key: 'p-521', ...EC },
  { name: 'ECDH brainpoolP256r1', key: 'brainpoolP256r1', ...EC },
  { name: 'X25519', key: 'x25519', ...EC },
  { name: 'X448', key: 'x448', ...EC },
  {
    ...{ name: 'ML-KEM-512', key: 'ml-kem-512', cipher: 'aes-128-gcm', transport: null },
    profile: profileOf('default', { content: 'aes-128-gcm' }),
  },
  { name: 'ML-KEM-768', key: 'ml-kem-768', cipher: 'aes-256-gcm', transport: null, profile: profileOf('pq') },
  { name: 'ML-KEM-1024', key: 'ml-kem-1024', cipher: 'aes-256-gcm', transport: null, profile: profileOf('pq') },
];

/** The people of one run. */
export class MatrixCast {
  readonly root = makeAuthority({ name: 'Interop Root', key: 'rsa-2048' });
  private readonly people = new Map<KeyKind, MadeCertificate>();

  /** Null where this Node has no such keys. */
  person(key: KeyKind): MadeCertificate | null {
    if (/^(ml|slh)-/.test(key) && !algorithmSupport.has(key)) return null;
    const known =
      this.people.get(key) ?? makeCertificate(this.root, { key, emails: [`${key}@example.org`], name: key });
    this.people.set(key, known);
    return known;
  }

  /** For peers that are given their keys before they start. */
  recipients(): MadeCertificate[] {
    const kinds = [...new Set(ENCRYPTIONS.map(({ key }) => key))];
    return kinds.map((kind) => this.person(kind)).filter((made) => made !== null);
  }
}

/**
 * All cells of one peer.
 * @param control makes the same object where the peer refuses ours: a peer that reads that one has no excuse
 */
export async function runPeer(peer: Peer, cast: MatrixCast, control: Peer): Promise<Cell[]> {
  const cells: Cell[] = [];
  const add = (row: string, direction: Direction, answer: Answer | null, reads = false): void => {
    cells.push(cellOf(row, peer.name, direction, answer, reads));
  };
  for (const way of SIGNATURES) {
    const signer = cast.person(way.key);
    for (const detached of [true, false]) {
      const row = `${way.name}, ${detached ? 'detached' : 'opaque'}`;
      const answer = signer && (await readsSignature(peer, cast, signer, way, detached));
      const other = async (): Promise<Answer | null> => {
        const made = await control.sign?.(CONTENT, signer ?? cast.root, way, detached);
        return made?.ok === true ? verifyWith(peer, made.octets, detached, cast) : null;
      };
      add(row, 'reads ours', answer, await readsOther(answer, other));
      add(row, 'we read', signer && (await weVerify(peer, cast, signer, way, detached)));
    }
  }
  for (const way of ENCRYPTIONS) {
    const recipient = cast.person(way.key);
    const answer = recipient && (await readsEncryption(peer, recipient, way));
    const other = async (): Promise<Answer | null> => {
      // the control does not bind the key: what it makes is another object
      if (way.bound === true && control.binds !== true) return null;
      const made = recipient && (await control.encrypt?.(CONTENT, recipient, way));
      return made?.ok === true && recipient !== null ? ((await peer.decrypt?.(made.octets, recipient)) ?? null) : null;
    };
    add(way.name, 'reads ours', answer, await readsOther(answer, other));
    add(way.name, 'we read', recipient && (await weDecrypt(peer, recipient, way)));
  }
  add('CompressedData', 'reads ours', (await peer.inflate?.(compressedData(CONTENT))) ?? missing(peer, 'decompress'));
  add('CompressedData', 'we read', await weInflate(peer));
  return cells;
}

/** Does a peer that refuses ours read the control's? */
async function readsOther(answer: Answer | null, other: () => Promise<Answer | null>): Promise<boolean> {
  if (answer === null || (answer.ok && answer.octets.equals(CONTENT))) return false;
  const instead = await other();
  return instead?.ok === true && instead.octets.equals(CONTENT);
}

async function readsSignature(
  peer: Peer,
  cast: MatrixCast,
  signer: MadeCertificate,
  { profile }: SignatureRow,
  detached: boolean,
): Promise<Answer> {
  const made = await signContent(CONTENT, { profile, signers: [signer], issuers: [cast.root] });
  return verifyWith(peer, detached ? made.detached : made.opaque, detached, cast);
}

async function verifyWith(peer: Peer, object: Buffer, detached: boolean, cast: MatrixCast): Promise<Answer> {
  if (peer.verify === undefined) return missing(peer, 'verify');
  return peer.verify(object, detached ? CONTENT : null, cast.root);
}

async function weVerify(
  peer: Peer,
  cast: MatrixCast,
  signer: MadeCertificate,
  way: SignatureRow,
  detached: boolean,
): Promise<Answer> {
  if (peer.sign === undefined) return missing(peer, 'sign');
  const made = await peer.sign(CONTENT, signer, way, detached);
  if (!made.ok) return made;
  const result = await verifySignedData(bufferSource(made.octets), {
    content: detached ? bufferSource(CONTENT) : null,
    judge: judgeOf({ anchors: [cast.root.certificate], intermediates: [] }, new Date()),
    policy: { ...STRICT_POLICY },
    certificates: [signer.certificate],
  });
  if (!result.ok) return ours(result.failure.detail);
  return result.valid ? released(result) : ours(`${result.reason}: ${result.detail}`);
}

async function readsEncryption(peer: Peer, recipient: MadeCertificate, { profile }: EncryptionRow): Promise<Answer> {
  if (peer.decrypt === undefined) return missing(peer, 'decrypt');
  return peer.decrypt(
    await encryptContent(CONTENT, { profile, recipients: [recipient], entropy: systemEntropy }),
    recipient,
  );
}

async function weDecrypt(peer: Peer, recipient: MadeCertificate, way: EncryptionRow): Promise<Answer> {
  if (peer.encrypt === undefined) return missing(peer, 'encrypt');
  if (way.bound === true && peer.binds !== true) return refused(`${peer.name} has no option to encrypt with CEK-HKDF`);
  const made = await peer.encrypt(CONTENT, recipient, way);
  if (!made.ok) return made;
  const unwrapper = new KeyUnwrapper([{ certificate: recipient.certificate, key: recipient.privateKey }]);
  const opened = await openEnvelope(bufferSource(made.octets), { unwrapper });
  if (!opened.ok) return ours(`${opened.failure.reason}: ${opened.failure.detail}`);
  if (way.cipher !== opened.cipher) return refused(`it encrypts with ${opened.cipher} only`);
  return released(opened);
}

async function weInflate(peer: Peer): Promise<Answer> {
  const made = (await peer.deflate?.(CONTENT)) ?? missing(peer, 'compress');
  if (!made.ok) return made;
  const opened = await openCompressedData(bufferSource(made.octets), { octetsMax: 1_000_000 });
  return opened.ok ? released(opened) : ours(opened.failure.detail);
}

async function released(opened: { release(): AsyncIterable<Buffer> }): Promise<Answer> {
  return { ok: true, octets: (await collect(opened.release(), 1_000_000)) ?? Buffer.alloc(0) };
}

/** Words for what a peer has nothing for, or nothing that a script reaches. */
export const NO_FUNCTION = 'no function';

function missing(peer: Peer, what: string): Answer {
  return refused(`${NO_FUNCTION} to ${what} in ${peer.name}`);
}

/** What we could not read is never the peer's limit. */
const OURS = 'sealgate: ';
function ours(words: string): Answer {
  return refused(`${OURS}${words}`);
}

function cellOf(row: string, peer: string, direction: Direction, answer: Answer | null, reads: boolean): Cell {
  const place = { row, peer, direction };
  if (answer === null) return { ...place, outcome: 'not on this Node', words: '' };
  if (answer.ok && answer.octets.equals(CONTENT)) {
    if (isFirm(place)) return { ...place, outcome: 'FAIL', words: 'ok, and known-limits.ts says it cannot' };
    return { ...place, outcome: 'ok', words: '' };
  }
  const words = answer.ok ? `other content of ${answer.octets.length} octets` : answer.words;
  if (reads) return { ...place, outcome: 'FAIL', words: `reads the same from OpenSSL, of ours it says: ${words}` };
  const theirs = !words.startsWith(OURS) && isKnown(place, words);
  return { ...place, outcome: theirs ? 'peer cannot' : 'FAIL', words };
}
