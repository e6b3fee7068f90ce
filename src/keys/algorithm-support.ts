/**
 * What the running Node can compute, found out once by asking it: the `AlgorithmSupport` that profiles are resolved
 * against. Nothing is guessed from version numbers.
 */
import { generateKeyPairSync, getCiphers, getCurves } from 'node:crypto';
import { AGREEMENT_CURVES, type AgreementCurve } from '../cms/algorithms/key-agreements.ts';
import type { AlgorithmSupport } from '../cms/profile.ts';

/** Of this process. */
export const algorithmSupport: AlgorithmSupport = {
  runtime: `Node ${process.versions.node}`,
  has(algorithm) {
    if (/^(ml|slh)-/.test(algorithm)) return makesKeys(algorithm);
    if (Object.hasOwn(AGREEMENT_CURVES, algorithm)) {
      const { nodeName, montgomery } = AGREEMENT_CURVES[algorithm as AgreementCurve];
      return montgomery || getCurves().includes(nodeName);
    }
    return getCiphers().includes(algorithm);
  },
};

const made = new Map<string, boolean>();

/** The names of the parameter sets of FIPS 203, 204 and 205 are the names of key types in Node 24 and later. */
function makesKeys(type: string): boolean {
  let known = made.get(type);
  if (known === undefined) {
    try {
      // the types of Node 20 know none of these names
      generateKeyPairSync(type as 'ed25519');
      known = true;
    } catch {
      known = false;
    }
    made.set(type, known);
  }
  return known;
}
