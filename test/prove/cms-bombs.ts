/**
 * CMS objects made to be costly (10^5 recipients, signers, certificates, endless nesting, zlib) are answered in a second
 * of CPU and 64 MiB at most, each in a process of its own.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { deflateSync } from 'node:zlib';
import { der, derContext, derInteger, derOctetString, derOid, derSequence, TAG } from '../../src/asn1/der-writer.ts';
import { KeyUnwrapper } from '../../src/keys/key-unwrapper.ts';
import { makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import { contentInfo, ID_DATA, keyTransport, signedData, signerInfo, soundAttributes } from '../support/cms-builder.ts';
import { outcomeOf } from '../support/cms-outcome.ts';

const COUNT = 100_000;
const RSS_MIB_MAX = 64;
const CPU_MS_MAX = 1000;

const authority = makeAuthority();
const bob = makeCertificate(authority, {});
const content = Buffer.from('content');

/** The repeated value, and what stands before and after all of them. */
interface Bomb {
  readonly head: Buffer;
  readonly repeated: Buffer;
  readonly tail: Buffer;
}

/** Cuts a sound object with one of the values in it so that the value can be repeated: lengths become indefinite. */
function around(value: Buffer, path: readonly (readonly [number, readonly Buffer[]])[]): Bomb {
  const head = path.flatMap(([tag, before]) => [Buffer.of(tag, 0x80), ...before]);
  return { head: Buffer.concat(head), repeated: value, tail: Buffer.alloc(2 * path.length) };
}

const version = derInteger(1);
const digests = der(TAG.set, derSequence(derOid('2.16.840.1.101.3.4.2.1')));
const inside = derSequence(derOid(ID_DATA), derContext(0, derOctetString(content)));
const signedType = derOid('1.2.840.113549.1.7.2');
const envelopedType = derOid('1.2.840.113549.1.7.3');

const BOMBS: Readonly<Record<string, () => Bomb>> = {
  recipients: () =>
    around(keyTransport(bob, Buffer.alloc(32)), [
      [0x30, [envelopedType]],
      [0xa0, []],
      [0x30, [version]],
      [0x31, []],
    ]),
  signers: () => {
    const info = signerInfo({ signer: bob, attributes: Object.values(soundAttributes(content)) });
    return around(info, [
      [0x30, [signedType]],
      [0xa0, []],
      [0x30, [version, digests, inside]],
      [0x31, []],
    ]);
  },
  certificates: () =>
    around(bob.der, [
      [0x30, [signedType]],
      [0xa0, []],
      [0x30, [version, digests, inside]],
      [0xa0, []],
    ]),
  nesting: () => ({ head: Buffer.alloc(0), repeated: Buffer.alloc(200, Buffer.of(0x30, 0x80)), tail: Buffer.alloc(0) }),
  segments: () =>
    around(Buffer.from('040004010004020000', 'hex'), [
      [0x30, [signedType]],
      [0xa0, []],
      [0x30, [version, digests]],
      [0x30, [derOid(ID_DATA)]],
      [0xa0, []],
      [0x24, []],
    ]),
  zlib: () => {
    const packed = deflateSync(Buffer.alloc(200_000_000));
    const object = contentInfo(
      '1.2.840.113549.1.9.16.1.9',
      derSequence(
        derInteger(0),
        derSequence(derOid('1.2.840.113549.1.9.16.3.8')),
        derSequence(derOid(ID_DATA), derContext(0, derOctetString(packed))),
      ),
    );
    return { head: object, repeated: Buffer.alloc(0), tail: Buffer.alloc(0) };
  },
};

async function measure(name: string): Promise<string> {
  const bomb = BOMBS[name]?.();
  if (bomb === undefined) throw new Error(name);
  const chunk = Buffer.concat(
    Array.from({ length: Math.ceil(65_536 / Math.max(1, bomb.repeated.length)) }, () => bomb.repeated),
  );
  const each = Math.max(1, Math.floor(chunk.length / Math.max(1, bomb.repeated.length)));
  const source = {
    async *open(): AsyncGenerator<Buffer, void, undefined> {
      yield bomb.head;
      for (let done = 0; done < COUNT && bomb.repeated.length > 0; done += each) yield chunk;
      if (bomb.tail.length > 0) yield bomb.tail;
    },
  };
  const surroundings = {
    unwrapper: new KeyUnwrapper([{ certificate: bob.certificate, key: bob.privateKey }]),
    certificates: [],
  };
  await outcomeOf({ open: source.open }, null, surroundings);
  const before = process.resourceUsage().maxRSS;
  const start = process.cpuUsage();
  const said = await outcomeOf(source, null, surroundings);
  const { user, system } = process.cpuUsage(start);
  return `${said}|${Math.round((user + system) / 1000)}|${Math.round((process.resourceUsage().maxRSS - before) / 1024)}`;
}

const [only] = process.argv.slice(2);
if (only !== undefined) {
  console.log(await measure(only));
} else {
  let failed = false;
  // sound ones first: the bombs are refused for their size alone
  const sound = signedData({
    signerInfos: [signerInfo({ signer: bob, attributes: Object.values(soundAttributes(content)) })],
    content,
    certificates: [bob.der],
  });
  console.log(`signed once: ${sound.length} octets`);
  for (const name of Object.keys(BOMBS)) {
    const [said = '', cpu = '', rss = ''] = execFileSync(process.execPath, [fileURLToPath(import.meta.url), name], {
      encoding: 'utf8',
    })
      .trim()
      .split('|');
    const good = Number(cpu) < CPU_MS_MAX && Number(rss) <= RSS_MIB_MAX;
    failed ||= !good;
    console.log(`${name.padEnd(14)} ${said.padEnd(24)} ${cpu} ms  +${rss} MiB  ${good ? 'ok' : 'TOO MUCH'}`);
  }
  process.exit(failed ? 1 : 0);
}
