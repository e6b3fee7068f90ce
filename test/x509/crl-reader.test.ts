/** CRLs as they stream in: any pieces, any size, the index, and what is refused. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { derInteger, derSequence, derTime } from '../../src/asn1/der-writer.ts';
import { GatewayError } from '../../src/errors.ts';
import { CrlReader } from '../../src/x509/crl-reader.ts';
import { type MadeCertificate, makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
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

  it('C20 refuses a list larger than the limit by its own length, before the octets come', () => {
    const reader = new CrlReader(() => []);
    refused(() => reader.write(Buffer.from('308404800000', 'hex')), 'asn1.limits');
  });
});
