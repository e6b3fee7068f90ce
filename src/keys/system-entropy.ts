/**
 * The system's generator of random octets as the `Entropy` that the pure rooms ask for, and the only one in production.
 *
 * Small requests are served from a pool, because one call of the generator costs more than the copy; octets are wiped
 * from the pool as they are taken, so a key never lies there once it is in use.
 */
import * as crypto from 'node:crypto';
import {
  createECDH,
  createPublicKey,
  diffieHellman,
  type ECDH,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  randomFillSync,
} from 'node:crypto';
import { AGREEMENT_CURVES, type AgreementCurve } from '../cms/algorithms/key-agreements.ts';
import type { AgreementKeyPair, Entropy } from '../cms/signer.ts';
import { gatewayError } from '../errors.ts';

const POOL_OCTETS = 4096;
/** Longer requests go to the generator itself. */
const POOLED_REQUEST_MAX = 1024;

/** The longest key, IV or seed that is drawn. */
const KEY_OCTETS_MAX = 64;

class SystemEntropy implements Entropy {
  private readonly pool = Buffer.alloc(POOL_OCTETS);
  private taken = POOL_OCTETS;
  /**
   * A place for a key pair of each curve, whose making costs more than that of the keys. The last private key lies there
   * until the next one: as long as one that waits for the collector of a quiet process.
   */
  private readonly idle = new Map<AgreementCurve, ECDH>();

  bytes(length: number): Buffer {
    if (length > POOLED_REQUEST_MAX) return randomBytes(length);
    if (this.taken + length > POOL_OCTETS) {
      randomFillSync(this.pool);
      this.taken = 0;
    }
    const end = this.taken + length;
    // keys lie apart, in memory of their own; what is longer is padding
    const octets = length <= KEY_OCTETS_MAX ? Buffer.allocUnsafeSlow(length) : Buffer.allocUnsafe(length);
    this.pool.copy(octets, 0, this.taken, end);
    this.pool.fill(0, this.taken, end);
    this.taken = end;
    return octets;
  }

  ecdhKeyPair(curve: AgreementCurve): AgreementKeyPair {
    if (AGREEMENT_CURVES[curve].montgomery) return montgomeryKeyPair(curve);
    const pair = this.idle.get(curve) ?? createECDH(AGREEMENT_CURVES[curve].nodeName);
    this.idle.delete(curve);
    const publicPoint = pair.generateKeys();
    let derived = false;
    return {
      publicPoint,
      derive: (peerPoint) => {
        // the next key pair may have taken the place of this one
        if (derived) throw gatewayError('crypto.failed', 'a key pair for one agreement was used twice');
        derived = true;
        const secret = pair.computeSecret(peerPoint);
        this.idle.set(curve, pair);
        return secret;
      },
    };
  }

  encapsulate(key: KeyObject): { readonly ciphertext: Buffer; readonly sharedSecret: Buffer } {
    return encapsulateWith(key);
  }
}

/** SubjectPublicKeyInfo up to the raw key (RFC 8410 §4). */
const SPKI_HEADS = {
  X25519: Buffer.from('302a300506032b656e032100', 'hex'),
  X448: Buffer.from('3042300506032b656f033900', 'hex'),
} as const;

function montgomeryKeyPair(curve: AgreementCurve): AgreementKeyPair {
  const x448 = curve === 'X448';
  const head = SPKI_HEADS[x448 ? 'X448' : 'X25519'];
  const { publicKey, privateKey } = x448 ? generateKeyPairSync('x448') : generateKeyPairSync('x25519');
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  return {
    publicPoint: spki.subarray(head.length),
    derive: (peerPoint) => {
      const peer = createPublicKey({ key: Buffer.concat([head, peerPoint]), format: 'der', type: 'spki' });
      return diffieHellman({ privateKey, publicKey: peer });
    },
  };
}

type Encapsulate = (key: KeyObject) => { readonly ciphertext: Buffer; readonly sharedKey: Buffer };

/** Node 24 and later have it; the types of Node 20 do not. */
const nodeEncapsulate = (crypto as unknown as { readonly encapsulate?: Encapsulate }).encapsulate;

/**
 * One encapsulation by node:crypto, for every source of entropy: its randomness cannot be given from outside.
 * @throws GatewayError cms.unsupported where this Node has none
 */
export function encapsulateWith(key: KeyObject): { readonly ciphertext: Buffer; readonly sharedSecret: Buffer } {
  if (nodeEncapsulate === undefined) {
    throw gatewayError('cms.unsupported', `Node ${process.versions.node} has no ML-KEM: Node 24 or later has it`);
  }
  const { ciphertext, sharedKey } = nodeEncapsulate(key);
  return { ciphertext, sharedSecret: sharedKey };
}

/** One pool a process: safe, because JavaScript runs one request at a time. */
export const systemEntropy: Entropy = new SystemEntropy();
