/** The constant part of one recipient's RecipientInfo, made once; or why nothing can be encrypted to the key. */
import type { Entropy } from './signer.ts';

export type Preparation =
  | {
      readonly ok: true;
      /** @returns RecipientInfo, whole DER @throws Error of node:crypto, GatewayError crypto.failed */
      encrypt(contentKey: Buffer, entropy: Entropy): Buffer;
    }
  | { readonly ok: false; readonly reason: string };
