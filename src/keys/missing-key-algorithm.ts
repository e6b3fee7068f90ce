/**
 * Why a private key cannot be loaded, where the reason is the running Node: ML-KEM, ML-DSA and SLH-DSA keys (RFC 9935,
 * RFC 9881, RFC 9909) on a Node without them. "Export it again" would send an administrator the wrong way.
 */
import { KEMS } from '../cms/algorithms/key-encapsulations.ts';
import { SIGNATURES } from '../cms/algorithms/signatures.ts';
import { algorithmSupport } from './algorithm-support.ts';

const IDENTIFIERS: readonly (readonly [string, Buffer])[] = [
  ...Object.entries(KEMS),
  ...Object.entries(SIGNATURES).filter(([name]) => /^(ml|slh)-/.test(name)),
].map(([name, { identifier }]) => [name, identifier] as const);

/** Octets of PKCS #8 up to the end of the longest of these AlgorithmIdentifiers; of the key itself not one. */
const HEAD_OCTETS = 20;

/**
 * @param pkcs8 a private key in DER, or its first octets
 * @returns a phrase such as `ml-dsa-65 key, which this Node 20.20.2 has not: Node 24 or later has it`; null when the reason is another
 */
export function findMissingKeyAlgorithm(pkcs8: Buffer): string | null {
  const head = pkcs8.subarray(0, HEAD_OCTETS);
  const [name] = IDENTIFIERS.find(([, identifier]) => head.includes(identifier)) ?? [];
  if (name === undefined || algorithmSupport.has(name)) return null;
  return `${name} key, which this ${algorithmSupport.runtime} has not: Node 24 or later has it`;
}

/** The same of a PEM block. @param block from BEGIN to END; only its first line is looked at */
export function findMissingPemKeyAlgorithm(block: Buffer): string | null {
  const start = block.indexOf('\n') + 1;
  // 28 characters are 21 octets
  return findMissingKeyAlgorithm(Buffer.from(block.toString('latin1', start, start + 28), 'base64'));
}
