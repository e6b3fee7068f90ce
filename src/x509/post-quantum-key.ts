/**
 * Which keys stay safe once quantum computers exist: ML-KEM, ML-DSA, SLH-DSA (FIPS 203, 204, 205). A message whose content
 * key also went to one classical key is as weak as that key, whatever stands beside it.
 */
import type { Certificate } from './certificate.ts';

/** @param certificate attacker-chosen: only what it says of its key is looked at */
export function isPostQuantumKey({ key }: Pick<Certificate, 'key'>): boolean {
  return /^(ml|slh)-/.test(key.kind);
}
