/**
 * PKI.js as a peer, in this process, with Node's web cryptography. Its types are those of browsers, which the compiler does
 * not know here: hence `never` where a key or an engine goes in.
 */

import { webcrypto } from 'node:crypto';
import { createRequire } from 'node:module';
import { fromBER, ObjectIdentifier, OctetString } from 'asn1js';
import * as pkijs from 'pkijs';
import type { MadeCertificate } from '../../support/certificate-builder.ts';
import { type Answer, type EncryptionWay, type Peer, refused, type SignatureWay } from './peer.ts';

const LIMITS = { maxContentLength: 64 * 1024 * 1024, maxNodes: 100_000 };

export class PkijsPeer implements Peer {
  readonly name = 'PKI.js';
  private readonly engine = new pkijs.CryptoEngine({ name: 'node', crypto: webcrypto as never });

  version(): string | null {
    const { version } = createRequire(import.meta.url)('pkijs/package.json') as { readonly version: string };
    return version;
  }

  async verify(object: Buffer, content: Buffer | null, root: MadeCertificate): Promise<Answer> {
    return attempt(async () => {
      pkijs.setEngine('node', this.engine);
      const signed = new pkijs.SignedData({ schema: contentInfoOf(object).content });
      const trusted = certificateOf(root);
      const beside = content === null ? {} : { data: arrayBuffer(content) };
      const good = await signed.verify({ signer: 0, trustedCerts: [trusted], checkChain: false, ...beside });
      if (!good) throw new Error('SignedData.verify says false');
      return content ?? contentOf(signed.encapContentInfo.eContent);
    });
  }

  async decrypt(object: Buffer, recipient: MadeCertificate): Promise<Answer> {
    return attempt(async () => {
      pkijs.setEngine('node', this.engine);
      const info = contentInfoOf(object);
      if (info.contentType !== '1.2.840.113549.1.7.3') throw new Error(`no class for content type ${info.contentType}`);
      const enveloped = new pkijs.EnvelopedData({ schema: info.content });
      const recipientPrivateKey = arrayBuffer(recipient.privateKey.export({ format: 'der', type: 'pkcs8' }));
      const parameters = { recipientCertificate: certificateOf(recipient), recipientPrivateKey };
      return Buffer.from(await enveloped.decrypt(0, parameters));
    });
  }

  async sign(content: Buffer, signer: MadeCertificate, way: SignatureWay, detached: boolean): Promise<Answer> {
    return attempt(async () => {
      pkijs.setEngine('node', this.engine);
      const certificate = certificateOf(signer);
      const algorithm = importAlgorithm(signer, way);
      const pkcs8 = signer.privateKey.export({ format: 'der', type: 'pkcs8' });
      const key = await webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm as unknown as 'Ed25519', true, ['sign']);
      const signed = new pkijs.SignedData({
        version: 1,
        encapContentInfo: new pkijs.EncapsulatedContentInfo({
          eContentType: pkijs.ContentInfo.DATA,
          ...(detached ? {} : { eContent: new OctetString({ valueHex: arrayBuffer(content) }) }),
        }),
        signerInfos: [
          new pkijs.SignerInfo({
            version: 1,
            sid: new pkijs.IssuerAndSerialNumber({
              issuer: certificate.issuer,
              serialNumber: certificate.serialNumber,
            }),
          }),
        ],
        certificates: [certificate],
      });
      const digest = await webcrypto.subtle.digest('SHA-256', content);
      const [info] = signed.signerInfos;
      if (info !== undefined) info.signedAttrs = attributesOf(Buffer.from(digest));
      await signed.sign(key as never, 0, 'SHA-256', arrayBuffer(content));
      return wrap(pkijs.ContentInfo.SIGNED_DATA, signed.toSchema(true));
    });
  }

  async encrypt(content: Buffer, recipient: MadeCertificate, way: EncryptionWay): Promise<Answer> {
    return attempt(async () => {
      pkijs.setEngine('node', this.engine);
      if (way.transport === 'rsa-pkcs1') throw new Error('PKI.js has no option to encrypt with RSA PKCS #1 v1.5');
      const [, bits = '', mode = ''] = /^aes-(\d+)-(cbc|gcm)$/.exec(way.cipher) ?? [];
      if (mode === '') throw new Error(`no content encryption algorithm ${way.cipher}`);
      const enveloped = new pkijs.EnvelopedData();
      enveloped.addRecipientByCertificate(certificateOf(recipient), { oaepHashAlgorithm: 'SHA-256' });
      const algorithm = { name: `AES-${mode.toUpperCase()}`, length: Number(bits) };
      await enveloped.encrypt(algorithm as Parameters<typeof enveloped.encrypt>[0], arrayBuffer(content));
      return wrap(pkijs.ContentInfo.ENVELOPED_DATA, enveloped.toSchema());
    });
  }
}

function attributesOf(digest: Buffer): pkijs.SignedAndUnsignedAttributes {
  const attributes = [
    new pkijs.Attribute({
      type: '1.2.840.113549.1.9.3',
      values: [new ObjectIdentifier({ value: pkijs.ContentInfo.DATA })],
    }),
    new pkijs.Attribute({ type: '1.2.840.113549.1.9.4', values: [new OctetString({ valueHex: arrayBuffer(digest) })] }),
  ];
  return new pkijs.SignedAndUnsignedAttributes({ type: 0, attributes });
}

function importAlgorithm({ certificate }: MadeCertificate, way: SignatureWay): object {
  const { kind, curve } = certificate.key;
  if (kind === 'rsa') {
    return { name: way.padding === 'rsa-pss' ? 'RSA-PSS' : 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  }
  if (kind === 'ec') return { name: 'ECDSA', namedCurve: curve ?? '' };
  return { name: kind };
}

async function attempt(work: () => Promise<Buffer>): Promise<Answer> {
  try {
    return { ok: true, octets: await work() };
  } catch (thrown) {
    return refused(thrown instanceof Error ? thrown.message : String(thrown));
  }
}

function contentInfoOf(object: Buffer): pkijs.ContentInfo {
  return new pkijs.ContentInfo({ schema: fromBER(arrayBuffer(object), LIMITS).result });
}

function certificateOf({ der }: MadeCertificate): pkijs.Certificate {
  return new pkijs.Certificate({ schema: fromBER(arrayBuffer(der), LIMITS).result });
}

function contentOf(content: OctetString | undefined): Buffer {
  return content === undefined ? Buffer.alloc(0) : Buffer.from(content.getValue());
}

function wrap(contentType: string, content: unknown): Buffer {
  return Buffer.from(new pkijs.ContentInfo({ contentType, content }).toSchema().toBER(false));
}

function arrayBuffer(octets: Buffer): ArrayBuffer {
  return new Uint8Array(octets).buffer;
}
