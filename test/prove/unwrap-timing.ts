/**
 * 10^4 crafted RSA key transports have one outcome, and unwrapping takes the same time whatever is wrong with them: 1 %.
 * Times are of the unwrapping alone, interleaved, median of each class; two runs in three must agree, for machines that
 * are shared.
 */
import {
  constants,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';
import { contentEncryptionAlgorithm } from '../../src/cms/algorithms/content-ciphers.ts';
import { parseAlgorithm } from '../../src/cms/ber-field-reader.ts';
import { chooseCipher } from '../../src/cms/content-cipher-reader.ts';
import { ContentDecryptor } from '../../src/cms/content-decryptor.ts';
import { failureOf } from '../../src/cms/reader-failure.ts';
import { STRICT_POLICY } from '../../src/cms/reader-policy.ts';
import { RsaKeyTransport } from '../../src/keys/rsa-key-transport.ts';

const CRAFTED = 10_000;
const ROUNDS = 1500;
const KEY_OCTETS = 32;
const TOLERANCE = 0.01;

/** Classes of blocks, by how the padded message is made. */
const CLASSES: Readonly<Record<string, (modulusOctets: number) => Buffer>> = {
  valid: (octets) => block(octets, KEY_OCTETS),
  'bad padding': (octets) => Buffer.concat([Buffer.of(0, 1), block(octets, KEY_OCTETS).subarray(2)]),
  'wrong length': (octets) => block(octets, 16),
  'no separator': (octets) => Buffer.concat([Buffer.of(0, 2), nonZero(octets - 2)]),
  'early zero': (octets) => {
    const made = block(octets, KEY_OCTETS);
    made[5] = 0;
    return made;
  },
};

function block(modulusOctets: number, keyOctets: number): Buffer {
  const padding = nonZero(modulusOctets - keyOctets - 3);
  return Buffer.concat([Buffer.of(0, 2), padding, Buffer.of(0), randomBytes(keyOctets)]);
}

function nonZero(octets: number): Buffer {
  return randomBytes(octets).map((octet) => (octet === 0 ? 1 : octet)) as Buffer;
}

function encrypt(key: KeyObject, message: Buffer): Buffer {
  return publicEncrypt({ key, padding: constants.RSA_NO_PADDING }, message);
}

/** What a reader says of a message whose key is this one, and no other key would do. */
function outcome(key: Buffer): string {
  const cipher = chooseCipher(
    parseAlgorithm(contentEncryptionAlgorithm('aes-256-gcm', Buffer.alloc(12))),
    'authEnveloped',
    STRICT_POLICY,
  );
  const decryptor = new ContentDecryptor(cipher, key, null);
  decryptor.update(Buffer.alloc(64));
  try {
    decryptor.final(Buffer.alloc(16));
    return 'opened';
  } catch (thrown) {
    const { reason, detail } = failureOf(thrown);
    return `${reason}: ${detail}`;
  }
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

function measure(transport: RsaKeyTransport, publicKey: KeyObject): number {
  const names = Object.keys(CLASSES);
  const times = new Map<string, number[]>(names.map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (let index = 0; index < names.length; index++) {
      const name = names[(index + round) % names.length] ?? '';
      const encrypted = encrypt(publicKey, CLASSES[name]?.(256) ?? Buffer.alloc(0));
      const start = process.hrtime.bigint();
      transport.unwrapPkcs1(encrypted, KEY_OCTETS);
      times.get(name)?.push(Number(process.hrtime.bigint() - start));
    }
  }
  const medians = [...times].map(([name, values]) => [name, median(values)] as const);
  const base = medians[0]?.[1] ?? 1;
  for (const [name, value] of medians) {
    console.log(`  ${name.padEnd(14)} ${(value / 1000).toFixed(2)} us  ${((value / base - 1) * 100).toFixed(2)} %`);
  }
  return Math.max(...medians.map(([, value]) => Math.abs(value / base - 1)));
}

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const publicKey = createPublicKey(privateKey);
const transport = new RsaKeyTransport(privateKey);
const outcomes = new Map<string, number>();
const crafted = Object.values(CLASSES).slice(1);
for (let i = 0; i < CRAFTED; i++) {
  const encrypted =
    i % 10 === 9
      ? randomBytes(256 + (i % 3) - 1)
      : encrypt(publicKey, crafted[i % crafted.length]?.(256) ?? Buffer.alloc(0));
  const said = outcome(transport.unwrapPkcs1(encrypted, KEY_OCTETS));
  outcomes.set(said, (outcomes.get(said) ?? 0) + 1);
}
for (const [said, count] of outcomes) console.log(`${count} of ${CRAFTED} crafted transports: ${said}`);
const differences: number[] = [];
for (let run = 1; run <= 3; run++) {
  console.log(`run ${run}`);
  differences.push(measure(transport, publicKey));
}
const good = differences.filter((difference) => difference < TOLERANCE).length;
console.log(`largest difference of medians: ${differences.map((value) => `${(value * 100).toFixed(2)} %`).join(', ')}`);
process.exit(outcomes.size === 1 && good >= 2 ? 0 : 1);
