/**
 * Proves that no mutated .sst file crashes the reader, is half-imported, or is read otherwise than by a second reader.
 *
 *     npm run prove -- sst-fuzz [--files 100000] [--seed 1]
 */
import { parseArgs } from 'node:util';
import { writeSst } from '../../src/trust/sst-writer.ts';
import { makeAuthority } from '../support/certificate-builder.ts';
import { runSstMutations } from '../support/sst-mutations.ts';

const { values } = parseArgs({ options: { files: { type: 'string' }, seed: { type: 'string' } } });
const files = Number(values.files ?? 100_000);
const seed = Number(values.seed ?? 1);
const base = writeSst(
  Array.from({ length: 3 }, (_, i) => makeAuthority({ name: `Root ${i}` }).der),
  [Buffer.from('30030A0101', 'hex')],
);
const begun = performance.now();
const { read, refused, longestMs } = runSstMutations(base, files, seed);
const seconds = ((performance.now() - begun) / 1000).toFixed(1);
console.log(`${files} mutated files in ${seconds} s: ${read} read alike by both readers, ${refused} refused whole`);
console.log(`no crash, nothing half-imported; the slowest took ${longestMs.toFixed(1)} ms`);
