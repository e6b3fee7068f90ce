/** `--allow`: what `sealgate cms` reads beyond the strict rules, each named on its own (src/cms/reader-policy.ts). */
import { type ReaderPolicy, STRICT_POLICY } from '../cms/reader-policy.ts';
import { CmsStop } from './cms-stop.ts';
import { EXIT } from './exit-code.ts';

const TOLERANCES: Readonly<Record<string, keyof ReaderPolicy>> = {
  'weak-signatures': 'weakSignatures',
  'old-ciphers': 'oldCiphers',
  'short-tags': 'shortTags',
  'aead-in-enveloped-data': 'aeadInEnvelopedData',
  'no-attributes': 'signaturesWithoutAttributes',
  'any-eddsa-digest': 'anyDigestWithEdDsa',
  'trailing-octets': 'trailingOctets',
};

export const TOLERANCE_NAMES: readonly string[] = Object.keys(TOLERANCES);

/** @throws CmsStop for a name that is unknown */
export function policyOf(names: readonly string[] | undefined): ReaderPolicy {
  const changes: Partial<Record<keyof ReaderPolicy, boolean>> = {};
  for (const name of names ?? []) {
    const flag = Object.hasOwn(TOLERANCES, name) ? TOLERANCES[name] : undefined;
    if (flag === undefined)
      throw new CmsStop(EXIT.usage, `--allow knows no ${name}`, `it knows ${TOLERANCE_NAMES.join(', ')}`);
    changes[flag] = true;
  }
  return { ...STRICT_POLICY, ...changes };
}
