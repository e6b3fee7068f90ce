/**
 * The signature of a CRL, checked while its octets pass, with every key that could be its signer's: the octets are gone
 * afterwards, and which of the keys may sign is asked later (RFC 5280 §6.3.3 (f), (g)).
 *
 * Algorithms without a digest of their own (Ed25519, Ed448, ML-DSA) need all octets at once, so these are kept. Refused with
 * asn1.limits: more than {@link WHOLE_OCTETS_MAX} of them, for memory, and because such a check cannot be done in steps.
 */
import { gatewayError } from '../errors.ts';
import type { Certificate } from './certificate.ts';
import {
  needsWholeOctets,
  type SignatureVerification,
  startSignatureVerification,
  verifyCertificateSignature,
} from './signature-check.ts';

/** Some 200,000 entries; 16 keys take a tenth of a second each at most. */
export const WHOLE_OCTETS_MAX = 8 * 1024 * 1024;
/** Most keys tried on one list. */
const SIGNERS_MAX = 16;

interface Candidate {
  readonly certificate: Certificate;
  /** null: the key is of another kind than the signature, or all octets are needed at once. */
  readonly running: SignatureVerification | null;
}

export class CrlSignature {
  private readonly algorithm: Certificate['signatureAlgorithm'];
  private readonly candidates: readonly Candidate[];
  /** null: nothing needs to be kept. */
  private readonly pieces: Buffer[] | null;
  private kept = 0;

  /** @param signers certificates whose key may have signed it */
  constructor(algorithm: Certificate['signatureAlgorithm'], signers: readonly Certificate[]) {
    const byKey = new Map(signers.map((certificate) => [certificate.spki.toString('latin1'), certificate]));
    this.algorithm = algorithm;
    this.candidates = [...byKey.values()]
      .slice(0, SIGNERS_MAX)
      .map((certificate) => ({ certificate, running: startSignatureVerification(algorithm, certificate.key) }));
    this.pieces = needsWholeOctets(algorithm) && this.candidates.length > 0 ? [] : null;
  }

  /** SubjectPublicKeyInfo of every key that is tried. */
  get tried(): readonly Buffer[] {
    return this.candidates.map(({ certificate }) => certificate.spki);
  }

  /** @param octets of the tbsCertList, in order @throws GatewayError asn1.limits */
  update(octets: Buffer): void {
    for (const { running } of this.candidates) running?.update(octets);
    if (this.pieces === null) return;
    this.kept += octets.length;
    if (this.kept > WHOLE_OCTETS_MAX) {
      throw gatewayError('asn1.limits', `CRL of more than ${WHOLE_OCTETS_MAX} octets, signed without a digest`);
    }
    this.pieces.push(Buffer.from(octets));
  }

  /** @returns SubjectPublicKeyInfo of each key with which it verifies, one key a step */
  *verify(signature: Buffer): Generator<void, Buffer[]> {
    const tbs = this.pieces === null ? null : Buffer.concat(this.pieces);
    const found: Buffer[] = [];
    for (const { certificate, running } of this.candidates) {
      const verifies =
        tbs === null
          ? running?.verify(signature) === true
          : verifyCertificateSignature({ signatureAlgorithm: this.algorithm, tbs, signature }, certificate.key);
      if (verifies) found.push(certificate.spki);
      yield;
    }
    return found;
  }
}
