/**
 * Readers of CMS answer 10^6 damaged objects (or as many as the first option says): 0 crashes, hangs, unclassified errors.
 * A second option is the seed; a finding is printed with its octets.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fuzzReaders } from '../support/cms-fuzz.ts';
import { filesBelow, readCmsObject } from '../support/cms-objects.ts';

const BATCH = 50_000;
const OBJECT_OCTETS_MAX = 5000;
const total = Number(process.argv[2] ?? 1_000_000);
const firstSeed = Number(process.argv[3] ?? 1);

/** Small objects of other projects, where they are at hand. */
function readVectors(): Buffer[] {
  const root = path.resolve(process.env['SEALGATE_VECTORS'] ?? '../shared/vectors');
  const folders = [
    'rfc4134',
    'lamps/cms-kyber',
    'lamps/cms-ml-dsa',
    'openssl-cms/recipes',
    'rustcrypto-cms',
    'bouncycastle/pkix',
  ];
  const objects: Buffer[] = [];
  for (const file of folders
    .map((folder) => path.join(root, folder))
    .filter(existsSync)
    .flatMap(filesBelow)) {
    try {
      const { octets } = readCmsObject(file);
      if (octets.length <= OBJECT_OCTETS_MAX) objects.push(octets);
    } catch {
      // not a CMS object
    }
  }
  return objects;
}

const vectors = readVectors();
let [inputs, accepted, slowest, findings] = [0, 0, 0, 0];
for (let batch = 0; inputs < total && findings === 0; batch++) {
  const result = await fuzzReaders(firstSeed + batch, Math.min(BATCH, total - inputs), vectors);
  inputs += result.inputs;
  accepted += result.accepted;
  slowest = Math.max(slowest, result.slowestMs);
  findings += result.findings.length;
  for (const { input, problem, octets } of result.findings)
    console.log(`batch ${firstSeed + batch} input ${input}: ${problem}\n${octets}`);
  console.log(`${inputs} inputs, ${accepted} still sound, slowest ${slowest} ms, ${findings} findings`);
}
process.exit(findings === 0 && inputs === total ? 0 : 1);
