/** CRLs as they stream in: any pieces, any size, the index, and what is refused. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { der, derInteger, derOid, derSequence, derTime, TAG } from '../../src/asn1/der-writer.ts';
import { GatewayError } from '../../src/errors.ts';
import { CrlReader } from '../../src/x509/crl-reader.ts';
import { type MadeCertificate, makeAuthority, makeCertificate, makeExtension } from '../support/certificate-builder.ts';
import { makeCrl } from '../support/crl-builder.ts';
import { readList } from '../support/crl-evidence.ts';

const root = makeAuthority({ name: 'Root' });
const NOW = new Date();

function entries(serials: readonly bigint[]): Buffer {
  return Buffer.concat(serials.map((serial) => derSequence(derInteger(serial), derTime(NOW))));
}

function serialOf(value: bigint): Buffer {
  return derInteger(value).subarray(2);
}

function refused(run: () => unknown, code: string): void {
  assert.throws(run, (thrown: unknown) => thrown instanceof GatewayError && thrown.code === code);
}

describe('CrlReader', () => {
  it('finds exactly the serials that are in the list, whatever the pieces', () => {
    const numbers = fc.uniqueArray(fc.bigInt({ min: 1n, max: 2n ** 160n - 1n }), { maxLength: 40 });
    fc.assert(
      fc.property(numbers, numbers, fc.integer({ min: 1, max: 700 }), (listed, others, piece) => {
        const list = readList(makeCrl(root, { rawEntries: entries(listed) }), [root.certificate], piece);
        assert.equal(list.signedBy.length, 1);
        assert.equal(list.entries.count, listed.length);
        for (const one of listed) assert.ok(list.entries.find(serialOf(one), root.certificate.subject));
        for (const one of others) {
          if (!listed.includes(one)) assert.equal(list.entries.find(serialOf(one), root.certificate.subject), null);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('checks signatures of every kind of key as the octets pass', () => {
    for (const key of ['p-256', 'rsa-2048', 'ed25519'] as const) {
      const made: MadeCertificate = makeAuthority({ name: key, key });
      const octets = makeCrl(made, { rawEntries: entries([1n, 2n]) });
      assert.equal(readList(octets, [made.certificate], 7).signedBy.length, 1, key);
      const turned = Buffer.from(octets);
      const at = octets.indexOf(derTime(NOW)) + 4;
      turned[at] = turned[at] === 0x30 ? 0x31 : 0x30;
      const found = tryRead(turned, made);
      assert.notEqual(found, 1, key);
    }
  });

  function tryRead(octets: Buffer, made: MadeCertificate): number {
    try {
      return readList(octets, [made.certificate]).signedBy.length;
    } catch (thrown) {
      assert.ok(thrown instanceof GatewayError && thrown.code === 'asn1.malformed');
      return 0;
    }
  }

  it('refuses what is cut short, followed by something, or changed anywhere: never a crash, never a signature', () => {
    const leaf = makeCertificate(root, { key: 'p-256' });
    const octets = makeCrl(root, { entries: [{ certificate: leaf.certificate, reason: 1 }] });
    for (let end = 0; end < octets.length; end += 3) {
      refused(() => readList(octets.subarray(0, end), [root.certificate]), 'asn1.malformed');
    }
    refused(() => readList(Buffer.concat([octets, Buffer.of(0)]), [root.certificate]), 'asn1.malformed');
    fc.assert(
      fc.property(fc.nat(octets.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const turned = Buffer.from(octets);
        turned[at] = (turned[at] ?? 0) ^ change;
        try {
          assert.equal(readList(turned, [root.certificate]).signedBy.length, 0);
        } catch (thrown) {
          assert.ok(thrown instanceof GatewayError, String(thrown));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('reads entries of every form with their date and reason, wherever a piece ends', () => {
    const seconds = fc.integer({ min: 0, max: 4_000_000_000 });
    const entry = fc.record({
      serial: fc.bigInt({ min: 0n, max: 2n ** 167n - 1n }),
      seconds,
      reason: fc.option(fc.constantFrom(0, 1, 6, 8, 10)),
      more: fc.boolean(),
    });
    const unique = fc.uniqueArray(entry, { maxLength: 60, selector: ({ serial }) => serial });
    fc.assert(
      fc.property(unique, fc.integer({ min: 1, max: 300 }), (all, piece) => {
        const rawEntries = Buffer.concat(all.map(entryOf));
        const list = readList(makeCrl(root, { rawEntries }), [root.certificate], piece);
        assert.equal(list.signedBy.length, 1);
        for (const one of all) {
          const found = list.entries.find(serialOf(one.serial), root.certificate.subject);
          assert.deepEqual(found, { revokedAt: new Date(one.seconds * 1000), reason: one.reason ?? 0 });
        }
      }),
      { numRuns: 100 },
    );
  });

  function entryOf(one: { serial: bigint; seconds: number; reason: number | null; more: boolean }): Buffer {
    const extensions = [
      ...(one.reason === null ? [] : [makeExtension('2.5.29.21', false, der(0x0a, Buffer.of(one.reason)))]),
      ...(one.more ? [makeExtension('2.5.29.24', false, derTime(NOW))] : []),
    ];
    const rest = extensions.length === 0 ? [] : [derSequence(...extensions)];
    return derSequence(derInteger(one.serial), derTime(new Date(one.seconds * 1000)), ...rest);
  }

  it('spreads serials that are counted up as well as random ones', () => {
    const listed = Array.from({ length: 40_000 }, (_, index) => BigInt(index));
    const list = readList(makeCrl(root, { rawEntries: entries(listed) }), [root.certificate], 65_536);
    for (const one of listed) assert.ok(list.entries.find(serialOf(one), root.certificate.subject), String(one));
    for (let index = 40_000n; index < 50_000n; index++) {
      assert.equal(list.entries.find(serialOf(index), root.certificate.subject), null);
    }
  });

  it('refuses serials made to fall together, a signature over more than can be held, too many issuers', () => {
    const same = Array.from({ length: 1025 }, () => 7n);
    refused(() => readList(makeCrl(root, { rawEntries: entries(same) }), [root.certificate]), 'asn1.limits');
    assert.equal(readList(makeCrl(root, { rawEntries: entries(same.slice(1)) }), []).entries.count, 1024);
    const plain = makeAuthority({ name: 'Plain', key: 'ed25519' });
    const large = makeCrl(plain, { rawEntries: Buffer.concat(Array(180_000).fill(entries([2n ** 160n]))) });
    refused(() => readList(large, [plain.certificate], 65_536), 'asn1.limits');
    const issuers = Array.from({ length: 10_001 }, (_, index) => issuedBy(`CA ${index}`, BigInt(index)));
    refused(() => readList(makeCrl(root, { rawEntries: Buffer.concat(issuers) }), []), 'asn1.limits');
    // U+FDFA unfolds to eighteen characters
    const long = Array.from({ length: 400 }, (_, index) => issuedBy(`${index}${'\ufdfa'.repeat(330)}`, 1n));
    refused(() => readList(makeCrl(root, { rawEntries: Buffer.concat(long) }), [], 65_536), 'asn1.limits');
  });

  /** An entry about a certificate of another issuer. */
  function issuedBy(name: string, serial: bigint): Buffer {
    const subject = derSequence(der(TAG.set, derSequence(derOid('2.5.4.3'), der(TAG.utf8String, Buffer.from(name)))));
    const issuer = makeExtension('2.5.29.29', true, derSequence(der(0xa4, subject)));
    return derSequence(derInteger(serial), derTime(NOW), derSequence(issuer));
  }

  it('keeps serial 1 of thousands of issuers apart', () => {
    const names = Array.from({ length: 3_000 }, (_, index) => `CA ${index}`);
    const raw = Buffer.concat(names.map((name, index) => issuedBy(name, index % 2 === 0 ? 1n : 2n)));
    const list = readList(makeCrl(root, { rawEntries: raw }), []);
    for (const [index, name] of names.entries()) {
      const subject = derSequence(der(TAG.set, derSequence(derOid('2.5.4.3'), der(TAG.utf8String, Buffer.from(name)))));
      assert.equal(list.entries.find(Buffer.of(1), subject) !== null, index % 2 === 0, name);
    }
  });

  it('C20 refuses a list larger than the limit by its own length, before the octets come', () => {
    const reader = new CrlReader(() => []);
    refused(() => reader.write(Buffer.from('308404800000', 'hex')), 'asn1.limits');
  });
});
