/**
 * One measurement of sealing, for interleaving with peers: sign (RSA-2048) and encrypt (AES-256-CBC, one RSA-2048
 * recipient) a whole message from header to base64 lines, as the gateway does without socket and disk.
 *
 *   node seal-one.js PKI-FOLDER MESSAGE-FILE REPEATS [WARM]     prints JSON
 */
import { createPrivateKey, sign, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { octetsPassed, prepareReclaim } from '../src/buffer-reclaim.ts';
import { writeEnvelopedData } from '../src/cms/enveloped-data-writer.ts';
import { PROFILES } from '../src/cms/profile.ts';
import type { Signer } from '../src/cms/signer.ts';
import { systemEntropy } from '../src/keys/system-entropy.ts';
import { Base64Encoder } from '../src/mime/base64-encoder.ts';
import { HeaderReader } from '../src/mime/header-reader.ts';
import { startSealing } from '../src/smime/sealer.ts';
import { parseCertificate } from '../src/x509/certificate-reader.ts';

const CHUNK = 65_536;
const [folder = '', file = '', repeatsText = '1', warmText] = process.argv.slice(2);
const repeats = Number(repeatsText);
const warm = Number(warmText ?? Math.ceil(repeats / 2));
// as the program does at its start
prepareReclaim();
const load = (name: string) => parseCertificate(new X509Certificate(readFileSync(path.join(folder, name))).raw);
const recipient = load('bob.pem');
const key = createPrivateKey(readFileSync(path.join(folder, 'alice.key')));
const signer: Signer = {
  certificate: load('alice.pem'),
  chain: [],
  algorithm: 'rsa-pkcs1-sha256',
  // in this thread, so that CPU time is comparable with peers of one thread
  sign: async (attributes) => sign('sha256', attributes, key),
};
const profile = PROFILES['default'];
if (profile === undefined) throw new Error('no default profile');
const message = readFileSync(file);

async function sealOne(): Promise<number> {
  const reader = new HeaderReader();
  let position = CHUNK;
  let read = reader.write(message.subarray(0, position));
  for (; read === null; position += CHUNK) read = reader.write(message.subarray(position, position + CHUNK));
  const stored: Buffer[] = [];
  const sealing = startSealing({
    header: read.header,
    forms: [
      {
        form: { kind: 'enveloped', signed: true, profile: profile as NonNullable<typeof profile> },
        groups: [[recipient]],
        write: async (chunk) => {
          stored.push(chunk);
        },
      },
    ],
    signer,
    signingTime: new Date(),
    entropy: systemEntropy,
    leaveUntouched: false,
  });
  if (read.rest.length > 0) await sealing.write(read.rest);
  for (; position < message.length; position += CHUNK) {
    octetsPassed(CHUNK);
    await sealing.write(message.subarray(position, position + CHUNK));
  }
  const [result] = await sealing.end();
  if (result?.kind !== 'enveloped') throw new Error('not enveloped');
  const parts = {
    recipientInfos: result.recipientInfos[0] ?? Buffer.alloc(0),
    contentEncryption: result.contentEncryption,
    ciphertextBytes: result.ciphertextBytes,
  };
  const encoder = new Base64Encoder();
  let octets = 0;
  for await (const chunk of writeEnvelopedData(parts, of(stored))) octets += encoder.update(chunk).length;
  return octets + encoder.final().length;
}

async function* of(chunks: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* chunks;
}

for (let count = 0; count < warm; count++) await sealOne();
const before = process.cpuUsage();
let octets = 0;
for (let count = 0; count < repeats; count++) octets = await sealOne();
const used = process.cpuUsage(before);
const seconds = (used.user + used.system) / 1e6 / repeats;
console.log(
  JSON.stringify({
    messagesPerCpuSecond: 1 / seconds,
    megabytesPerCpuSecond: message.length / 1e6 / seconds,
    growth: octets / message.length,
    peakRssMiB: process.resourceUsage().maxRSS / 1024,
  }),
);
