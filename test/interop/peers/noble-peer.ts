/**
 * The second implementation of CMS (../noble) as a peer, in this process: the only one that has every algorithm, so what no
 * installed program reads is read here. Keys come as octets; nothing of ours runs in it.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { MadeCertificate } from '../../support/certificate-builder.ts';
import { envelope, openEnvelope } from '../noble/envelope.ts';
import { type PrivateKey, readCertificate, readPrivateKey } from '../noble/keys.ts';
import { signedData, verifySignedData } from '../noble/signed-data.ts';
import { type Answer, type EncryptionWay, type Peer, refused, type SignatureWay } from './peer.ts';

export class NoblePeer implements Peer {
  readonly name = 'noble';
  readonly binds = true;

  version(): string | null {
    const manifest = path.join(process.cwd(), 'node_modules/@noble/post-quantum/package.json');
    return (JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string }).version;
  }

  async verify(object: Buffer, content: Buffer | null, root: MadeCertificate): Promise<Answer> {
    return attempt(() => verifySignedData(object, content, readCertificate(root.der)));
  }

  async decrypt(object: Buffer, recipient: MadeCertificate): Promise<Answer> {
    return attempt(() => openEnvelope(object, readCertificate(recipient.der), keyOf(recipient)));
  }

  async sign(content: Buffer, signer: MadeCertificate, way: SignatureWay, detached: boolean): Promise<Answer> {
    const { padding } = way;
    return attempt(() => signedData(content, readCertificate(signer.der), keyOf(signer), { detached, padding }));
  }

  async encrypt(content: Buffer, recipient: MadeCertificate, way: EncryptionWay): Promise<Answer> {
    return attempt(() => envelope(content, [readCertificate(recipient.der)], way));
  }
}

export function keyOf(made: MadeCertificate): PrivateKey {
  return readPrivateKey(made.privateKey.export({ format: 'der', type: 'pkcs8' }));
}

function attempt(work: () => Buffer): Answer {
  try {
    return { ok: true, octets: work() };
  } catch (thrown) {
    return refused(thrown instanceof Error ? thrown.message : String(thrown));
  }
}
