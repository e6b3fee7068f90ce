/** CRLs read in a thread: the same list and the same refusals as without one, and no list that takes others with it. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { der, derContext, derInteger, derNull, derSequence, derTime, TAG } from '../../src/asn1/der-writer.ts';
import { GatewayError } from '../../src/errors.ts';
import { readCrlFile, type SignersOf } from '../../src/trust/crl-file.ts';
import { CrlThread } from '../../src/trust/crl-thread.ts';
import type { RevocationList } from '../../src/x509/crl.ts';
import { makeAuthority, makeExtension, pemOf } from '../support/certificate-builder.ts';
import { makeCrl } from '../support/crl-builder.ts';
import { questionOf, RevocationHouse, saidOf } from '../support/revocation-house.ts';

const root = makeAuthority({ name: 'Root' });
const others = ['One', 'Two', 'Three'].map((name) => makeAuthority({ name }));
const FAULT = new URL('../support/crl-thread-fault.js', import.meta.url);

interface MadeEntry {
  readonly serial: bigint;
  readonly seconds: number;
  readonly reason: number | null;
  /** Index into `others`; null: the issuer is the one before. */
  readonly issuer: number | null;
}

const entries = fc.array(
  fc.record<MadeEntry>({
    serial: fc.bigInt({ min: 1n, max: 2n ** 159n }),
    seconds: fc.integer({ min: 0, max: 2_000_000_000 }),
    reason: fc.option(fc.constantFrom(1, 4, 8)),
    issuer: fc.option(fc.nat(others.length - 1), { freq: 5 }),
  }),
  { maxLength: 60 },
);

function entryOf({ serial, seconds, reason, issuer }: MadeEntry): Buffer {
  const name = issuer === null ? undefined : others[issuer]?.certificate.subject;
  const all = [
    ...(reason === null ? [] : [makeExtension('2.5.29.21', false, der(0x0a, Buffer.of(reason)))]),
    ...(name === undefined ? [] : [makeExtension('2.5.29.29', true, derSequence(derContext(4, name)))]),
  ];
  const rest = all.length === 0 ? [] : [derSequence(...all)];
  return derSequence(derInteger(serial), derTime(new Date(seconds * 1000)), ...rest);
}

/** Everything that may stand in a list, with octets in every field that has some. */
const lists = fc
  .record({
    made: entries,
    indirect: fc.boolean(),
    base: fc.option(fc.nat(1000), { nil: undefined }),
    current: fc.boolean(),
    unknown: fc.boolean(),
    badSignature: fc.boolean(),
    pem: fc.boolean(),
  })
  .map(({ made, indirect, base, current, unknown, badSignature, pem }) => {
    const point = derSequence(
      derContext(0, derContext(0, derContext(4, root.certificate.subject))),
      derContext(2, derContext(4, root.certificate.subject)),
    );
    const extensions = [
      makeExtension('2.5.29.35', false, derSequence(der(0x80, Buffer.from('key')))),
      makeExtension('2.5.29.46', false, derSequence(point)),
      ...(unknown ? [makeExtension('1.2.3.4', true, derNull())] : []),
    ];
    const crl = makeCrl(root, {
      rawEntries: Buffer.concat(made.map(entryOf)),
      ...(indirect ? { scope: derSequence(der(0x84, Buffer.of(0xff))) } : {}),
      ...(base === undefined ? {} : { base }),
      ...(current ? {} : { nextUpdate: null }),
      extensions,
      badSignature,
    });
    return { made, content: pem ? pemOf('X509 CRL', crl) : crl };
  });

describe('CrlThread', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'sealgate-crl-thread-'));
  const open: CrlThread[] = [];
  const threadOf = (options: ConstructorParameters<typeof CrlThread>[0] = {}): CrlThread => {
    const thread = new CrlThread({ largeOctets: 0, ...options });
    open.push(thread);
    return thread;
  };
  afterEach(async () => {
    for (const thread of open.splice(0)) await thread.close();
  });
  after(() => rmSync(folder, { recursive: true }));

  const stored = (content: Buffer | string, name = 'list'): string => {
    const file = path.join(folder, name);
    writeFileSync(file, content);
    return file;
  };
  const signersOf: SignersOf = () => [root.certificate, ...others.map(({ certificate }) => certificate)];
  const refusalOf = async (read: Promise<RevocationList>): Promise<{ code: unknown; text: string }> => {
    const thrown = await read.then(
      () => assert.fail('it was read'),
      (error: unknown) => error,
    );
    assert.ok(thrown instanceof Error);
    const code = 'code' in thrown ? thrown.code : null;
    return { code, text: thrown instanceof GatewayError ? thrown.detail : thrown.message };
  };
  const undecided = (text: RegExp) => (thrown: unknown) =>
    thrown instanceof GatewayError && thrown.code === 'trust.undecided' && text.test(thrown.detail);

  it('reads the same list as is read here: any entries, indirect, deltas, PEM', async () => {
    const thread = threadOf();
    await fc.assert(
      fc.asyncProperty(lists, async ({ made, content }) => {
        const file = stored(content);
        const [here, there] = [await readCrlFile(file, signersOf), await thread.read(file, signersOf)];
        const { entries: ours, ...facts } = here;
        const { entries: theirs, ...theirFacts } = there;
        assert.deepEqual(theirFacts, facts);
        assert.deepEqual(theirs.parts, ours.parts);
        assert.equal(theirs.octets, ours.octets);
        for (const { certificate } of [root, ...others]) {
          for (const { serial } of [...made, { serial: 7n }]) {
            const octets = derInteger(serial).subarray(2);
            assert.deepEqual(theirs.find(octets, certificate.subject), ours.find(octets, certificate.subject));
          }
        }
      }),
      { numRuns: 60 },
    );
    assert.ok(thread.running);
  });

  it('asks who may have signed, with the name as it stands in the list, and takes nobody for an answer', async () => {
    const asked: Buffer[] = [];
    const list = await threadOf().read(stored(makeCrl(root)), (issuer) => {
      asked.push(issuer);
      return [];
    });
    assert.deepEqual(asked, [root.certificate.subject]);
    assert.deepEqual([list.signedBy, list.tried], [[], []]);
  });

  it('refuses in the same words: what is malformed, too large, not there', async () => {
    const thread = threadOf();
    const crl = makeCrl(root, {
      rawEntries: Buffer.alloc(2_000_000, derSequence(derInteger(5), derTime(new Date(0)))),
    });
    const large = Buffer.concat([Buffer.from('3084050000003084', 'hex'), Buffer.alloc(2_000_000)]);
    const files = [
      stored(crl, 'whole'),
      stored(crl.subarray(0, -1), 'short'),
      stored(Buffer.concat([crl, Buffer.of(0)]), 'long'),
      stored(pemOf('X509 CRL', crl).replace(/M/g, '*'), 'pem'),
      stored('no list at all', 'text'),
      stored(large, 'large'),
      path.join(folder, 'gone'),
      folder,
    ];
    const found: unknown[] = [];
    for (const file of files.slice(1)) {
      const refusal = await refusalOf(readCrlFile(file, signersOf));
      assert.deepEqual(await refusalOf(thread.read(file, signersOf)), refusal, file);
      found.push(refusal.code);
    }
    const malformed = 'asn1.malformed';
    assert.deepEqual(found, [malformed, malformed, malformed, malformed, 'asn1.limits', 'ENOENT', 'EISDIR']);
  });

  it('reads one after the other what was asked for at once, a refused one among them', async () => {
    const thread = threadOf();
    const serials = [11n, 12n, 13n];
    const files = serials.map((serial) => {
      const one = derSequence(derInteger(serial), derTime(new Date(0)));
      return stored(makeCrl(root, { rawEntries: one }), `list-${serial}`);
    });
    const bad = stored('3000', 'bad');
    const [first, refused, ...rest] = await Promise.allSettled(
      [files[0] ?? '', bad, ...files.slice(1)].map((file) => thread.read(file, signersOf)),
    );
    assert.equal(refused?.status, 'rejected');
    for (const [index, result] of [first, ...rest].entries()) {
      assert.ok(result?.status === 'fulfilled');
      const octets = Buffer.of(11 + index);
      assert.ok(result.value.entries.find(octets, root.certificate.subject), `list ${index}`);
    }
  });

  for (const fault of ['exit', 'throw', 'reject', 'memory', 'hang', 'silence']) {
    it(`refuses a list with which the thread goes wrong, and reads the next: ${fault}`, async () => {
      const waits = fault === 'hang' || fault === 'silence';
      const thread = threadOf({ program: FAULT, readingMs: waits ? 300 : 60_000 });
      const bad = stored(makeCrl(root), `list-${fault}`);
      const text = waits ? /not read within 300 ms/ : /the thread that read it (ended with 3|failed: )/;
      await assert.rejects(thread.read(bad, signersOf), undecided(text));
      assert.equal(thread.running, false);
      await assert.rejects(thread.read(bad, signersOf), undecided(text));
    });
  }

  it('gives the list after one that cost the thread a new thread', async () => {
    const thread = threadOf();
    const file = stored(makeCrl(root));
    const failing = thread.read(file, () => {
      throw new Error('nobody knows the signers');
    });
    const [failed, next] = await Promise.allSettled([failing, thread.read(file, signersOf)]);
    assert.match(failed.status === 'rejected' ? String(failed.reason) : '', /nobody knows the signers/);
    assert.ok(next.status === 'fulfilled');
    assert.equal(next.value.signedBy.length, 1);
  });

  it('ends at once when it is closed in the middle of a list, and refuses those that wait', async () => {
    const thread = threadOf();
    const file = stored(makeCrl(root));
    const first = thread.read(file, () => {
      void thread.close();
      return [];
    });
    const both = await Promise.allSettled([first, thread.read(file, signersOf)]);
    for (const one of both) assert.ok(one.status === 'rejected' && undecided(/nobody needs the list/)(one.reason));
    await assert.rejects(thread.read(file, signersOf), undecided(/nobody needs the list/));
    assert.deepEqual([thread.running, thread.closed], [false, true]);
  });

  it('has a thread for large lists only, and not for ever', async () => {
    const file = stored(makeCrl(root));
    const thread = threadOf({ largeOctets: 1_000_000, idleMs: 20 });
    await thread.read(file, signersOf);
    assert.equal(thread.running, false);
    const many = Buffer.alloc(1_000_000, derSequence(der(TAG.integer, Buffer.of(5)), derTime(new Date(0))));
    await assert.rejects(thread.read(stored(makeCrl(root, { rawEntries: many })), signersOf));
    assert.equal(thread.running, true);
    for (let tries = 0; thread.running && tries < 500; tries++) await delay(10);
    assert.equal(thread.running, false);
  });
});

describe('Trust with a large CRL', () => {
  it('answers from it as from a small one, and keeps the file when it is closed in the middle of reading', async () => {
    const house = await RevocationHouse.open();
    try {
      const one = derSequence(derInteger(2n ** 126n), derTime(new Date(0)));
      const rawEntries = Buffer.concat(Array<Buffer>(1000).fill(one));
      const filler = Buffer.concat(
        Array.from({ length: 40_000 }, (_, index) =>
          derSequence(derInteger(2n ** 100n + BigInt(index)), derTime(new Date(0))),
        ),
      );
      const body = makeCrl(house.root, {
        entries: [{ certificate: house.bob.certificate, reason: 1 }],
        rawEntries: Buffer.concat([rawEntries, filler]),
      });
      assert.ok(body.length > 1024 * 1024);
      house.server.set('/root.crl', { kind: 'answer', body });
      const trust = await house.trust();
      assert.match(saidOf(await house.ask(trust)), /^revoked: .*keyCompromise/);
      const cached = () => readdirSync(path.join(house.folder, 'cache')).filter((name) => name.endsWith('.crl'));
      assert.equal(cached().length, 1);
      const again = await house.trust({ fetch: false });
      again.judge(questionOf(house.bob));
      const prepared = again.prepare(questionOf(house.bob));
      await again.close();
      await prepared;
      assert.equal(cached().length, 1);
      const third = await house.trust({ fetch: false });
      assert.match(saidOf(await house.ask(third)), /^revoked: .*keyCompromise/);
    } finally {
      await house.close();
    }
  });
});
