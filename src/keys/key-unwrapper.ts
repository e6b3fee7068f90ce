/**
 * `Unwrapper` over private keys in this process's memory (RFC 5652 §6.2): RSA, EC, X25519 and X448, ML-KEM.
 *
 * A recipient is found by what its certificate is named with, never by trying keys: trying every RecipientInfo with one
 * key is an oracle of its own (catalogue C17, OpenSSL CVE-2026-42768).
 */
import type { KeyObject } from 'node:crypto';
import { AGREEMENT_CURVES, type AgreementCurve } from '../cms/algorithms/key-agreements.ts';
import { RSA_ENCRYPTION_OID, RSAES_OAEP_OID } from '../cms/algorithms/key-transports.ts';
import { isNamed } from '../cms/certificate-identifier.ts';
import { readOaepParameters } from '../cms/oaep-parameters-reader.ts';
import type { RecipientInfo, Unwrapper } from '../cms/unwrapper.ts';
import { gatewayError } from '../errors.ts';
import type { Certificate } from '../x509/certificate.ts';
import { unwrapByAgreement, unwrapByEncapsulation } from './agreement-unwrap.ts';
import { RsaKeyTransport } from './rsa-key-transport.ts';

/** A private key and the certificate that senders encrypt to. */
export interface HeldKey {
  readonly certificate: Certificate;
  readonly key: KeyObject;
}

/** Keys by the names of their certificates. Safe to use for many messages at the same time. */
export class KeyUnwrapper implements Unwrapper {
  private readonly bySerial = new Map<string, HeldKey[]>();
  private readonly byKeyIdentifier = new Map<string, HeldKey[]>();
  private readonly transports = new Map<KeyObject, RsaKeyTransport>();
  private readonly originators: readonly Certificate[];

  /**
   * @param keys each key belongs to its certificate
   * @param originators certificates of those who use a fixed key of theirs (RFC 5753 §3.1.1), which nobody does today
   * @throws GatewayError cms.unsupported when an RSA key cannot be used safely here
   */
  constructor(keys: readonly HeldKey[], originators: readonly Certificate[] = []) {
    this.originators = originators;
    for (const held of keys) {
      const { certificate, key } = held;
      add(this.bySerial, certificate.serial.toString('hex'), held);
      const keyIdentifier = certificate.subjectKeyIdentifier;
      if (keyIdentifier !== null) add(this.byKeyIdentifier, keyIdentifier.toString('hex'), held);
      if (key.asymmetricKeyType === 'rsa' && !this.transports.has(key)) {
        this.transports.set(key, new RsaKeyTransport(key));
      }
    }
  }

  holds(info: RecipientInfo): boolean {
    return this.find(info) !== null;
  }

  async unwrap(info: RecipientInfo, contentKeyOctets: number): Promise<Buffer | null> {
    const held = this.find(info);
    if (held === null) return null;
    if (info.kind === 'key-transport') return this.unwrapTransport(info, held, contentKeyOctets);
    const key =
      info.kind === 'key-encapsulation'
        ? unwrapByEncapsulation(info, held.key)
        : info.kind === 'key-agreement'
          ? this.unwrapAgreement(info, held)
          : null;
    return key !== null && key.length === contentKeyOctets ? key : null;
  }

  private unwrapTransport(
    info: Extract<RecipientInfo, { kind: 'key-transport' }>,
    held: HeldKey,
    octets: number,
  ): Buffer | null {
    const transport = this.transports.get(held.key);
    if (transport === undefined) return null;
    if (info.algorithm.oid === RSA_ENCRYPTION_OID) return transport.unwrapPkcs1(info.encryptedKey, octets);
    if (info.algorithm.oid !== RSAES_OAEP_OID) {
      throw gatewayError('cms.unsupported', `key transport ${info.algorithm.oid}`);
    }
    return transport.unwrapOaep(info.encryptedKey, octets, readOaepParameters(info.algorithm));
  }

  private unwrapAgreement(info: Extract<RecipientInfo, { kind: 'key-agreement' }>, held: HeldKey): Buffer | null {
    const curve = curveOf(held.certificate);
    if (curve === null) return null;
    const { originator } = info;
    const certificate =
      originator.kind === 'key'
        ? null
        : (this.originators.find((candidate) => isNamed(candidate, originator.identifier)) ?? null);
    return unwrapByAgreement(info, held.key, curve, certificate);
  }

  private find(info: RecipientInfo): HeldKey | null {
    if (info.kind !== 'key-transport' && info.kind !== 'key-agreement' && info.kind !== 'key-encapsulation')
      return null;
    const { recipient } = info;
    const candidates =
      recipient.kind === 'key-identifier'
        ? this.byKeyIdentifier.get(recipient.keyIdentifier.toString('hex'))
        : this.bySerial.get(recipient.serial.toString('hex'));
    return candidates?.find((held) => isOfKind(held.key, info.kind) && isNamed(held.certificate, recipient)) ?? null;
  }
}

function isOfKind(key: KeyObject, kind: RecipientInfo['kind']): boolean {
  const type: string = key.asymmetricKeyType ?? '';
  if (kind === 'key-transport') return type === 'rsa';
  if (kind === 'key-agreement') return type === 'ec' || type === 'x25519' || type === 'x448';
  return type.startsWith('ml-kem');
}

function curveOf({ key }: Certificate): AgreementCurve | null {
  const name = key.kind === 'x25519' ? 'X25519' : key.kind === 'x448' ? 'X448' : key.curve;
  return name !== null && name in AGREEMENT_CURVES ? (name as AgreementCurve) : null;
}

function add(index: Map<string, HeldKey[]>, name: string, held: HeldKey): void {
  const list = index.get(name);
  if (list === undefined) index.set(name, [held]);
  else list.push(held);
}
