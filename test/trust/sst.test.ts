/** Serialized certificate stores: the worked example octet by octet, writer against two readers, mutations. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { derOid, derSequence } from '../../src/asn1/der-writer.ts';
import { readAuthorityFile } from '../../src/trust/authority-file.ts';
import { readSst, SST_ENTRIES_MAX, SST_PROPERTIES_MAX } from '../../src/trust/sst-reader.ts';
import { writeSst } from '../../src/trust/sst-writer.ts';
import { makeAuthority } from '../support/certificate-builder.ts';
import { runSstMutations } from '../support/sst-mutations.ts';
import { readSstAgain } from '../support/sst-second-reader.ts';

const EXAMPLE = Buffer.from(
  `00000000434552540300000001000000
   1400000016C3C3E0BB5B5F4FBAECDB6D
   F37A5A4F9D1196E40B00000001000000
   06000000520031000000200000000100
   000005000000300302010521000000 01
   0000000500000030030A010100000000
   0000000000000000`.replace(/\s/g, ''),
  'hex',
);
const CERTIFICATE = Buffer.from('3003020105', 'hex');
const CRL = Buffer.from('30030A0101', 'hex');
const END = Buffer.alloc(12);
const root = makeAuthority({ name: 'Root' });
const other = makeAuthority({ name: 'Other' });

function element(id: number, value: Buffer, encoding = 1): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt32LE(id, 0);
  header.writeUInt32LE(encoding, 4);
  header.writeUInt32LE(value.length, 8);
  return Buffer.concat([header, value]);
}
const store = (...parts: Buffer[]): Buffer => Buffer.concat([Buffer.from('\0\0\0\0CERT', 'latin1'), ...parts]);
const problemOf = (octets: Buffer): string => {
  const read = readSst(octets);
  return read.ok ? 'ok' : read.problem;
};
const EMAIL = derOid('1.3.6.1.5.5.7.3.4');
const SERVER = derOid('1.3.6.1.5.5.7.3.1');

describe('serialized certificate store', () => {
  it('the worked example', () => {
    assert.equal(EXAMPLE.length, 104);
    assert.equal(
      createHash('sha256').update(EXAMPLE).digest('hex'),
      '0037dec63034f533c2acf6cb8e91cf7fd78befb014660b63abb423da400b11ab',
    );
    const read = readSst(EXAMPLE);
    assert.ok(read.ok);
    assert.deepEqual(read.warnings, []);
    assert.deepEqual(
      read.entries.map(({ kind, value }) => [kind, value]),
      [
        ['certificate', CERTIFICATE],
        ['crl', CRL],
      ],
    );
    const [first] = read.entries;
    assert.equal(first?.properties.get(11)?.toString('utf16le'), 'R1\0');
    assert.deepEqual(first?.properties.get(3), createHash('sha1').update(CERTIFICATE).digest());
    assert.equal(read.entries[1]?.properties.size, 0);
  });

  it('what is written is read by both readers, and has the size of the rule', () => {
    const written = writeSst([root.der, other.der], [CRL]);
    assert.equal(written.length, 8 + 12 + root.der.length + 12 + other.der.length + 12 + CRL.length + 12);
    const read = readSst(written);
    assert.ok(read.ok);
    assert.deepEqual(
      read.entries.map(({ kind, value }) => [kind, value]),
      [
        ['certificate', root.der],
        ['certificate', other.der],
        ['crl', CRL],
      ],
    );
    const again = readSstAgain(written);
    assert.ok(again.ended);
    assert.deepEqual(
      again.contexts.map(({ id, value }) => [id, value]),
      [
        [32, root.der],
        [32, other.der],
        [33, CRL],
      ],
    );
    assert.deepEqual(readSst(writeSst([])), { ok: true, entries: [], warnings: [] });
  });

  it('a missing end is a warning', () => {
    const read = readSst(store(element(32, CERTIFICATE)));
    assert.ok(read.ok && read.entries.length === 1);
    assert.deepEqual(read.warnings, ['serialized store without its end']);
  });

  const refusals: Record<string, [Buffer, RegExp]> = {
    'no header': [Buffer.alloc(0), /is not a serialized/],
    'another version': [Buffer.from('0100000043455254', 'hex'), /is not a serialized/],
    'a length past the end': [
      store(element(32, CERTIFICATE).subarray(0, -1)),
      /element of 5 octets at octet 8, 4 are there/,
    ],
    'a header cut short': [store(END.subarray(1)), /cut short at octet 8/],
    'another encoding': [store(element(32, CERTIFICATE, 2), END), /encoding 2 at octet 8/],
    'octets after the end': [store(element(32, CERTIFICATE), END, Buffer.alloc(1)), /1 octets after the end/],
    'an end that is not zero': [store(element(0, Buffer.alloc(0), 1)), /end mark at octet 8/],
    'properties of nothing': [store(element(11, CRL), END), /belong to nothing/],
    'a property twice': [store(element(11, CRL), element(11, CRL), element(32, CERTIFICATE)), /property 11 twice/],
    'an element of no number': [store(element(0x10000, CRL)), /element 65536/],
    'an empty certificate': [store(element(32, Buffer.alloc(0)), END), /empty certificate at octet 8/],
    'too many properties': [
      store(...Array.from({ length: SST_PROPERTIES_MAX + 1 }, (_, i) => element(100 + i, CRL))),
      /more than 256 properties/,
    ],
    'too many entries': [
      store(...Array.from({ length: SST_ENTRIES_MAX + 1 }, () => element(33, CRL))),
      /more than 10000 entries/,
    ],
    'a file of more than 16 MiB': [Buffer.alloc(16 * 1024 * 1024 + 1), /at most/],
  };
  for (const [what, [octets, reason]] of Object.entries(refusals)) {
    it(`refuses ${what}`, () => assert.match(problemOf(octets), reason));
  }

  it('leaves out what is archived or not trusted for mail, by name', () => {
    const file = store(
      element(19, Buffer.alloc(0)),
      element(32, root.der),
      element(9, derSequence(SERVER)),
      element(32, other.der),
      element(9, derSequence(SERVER, EMAIL)),
      element(32, makeAuthority({ name: 'Mail' }).der),
      element(9, Buffer.from('3000', 'hex')),
      element(32, makeAuthority({ name: 'Nothing' }).der),
      END,
    );
    const { certificates, mistakes, warnings } = readAuthorityFile(file);
    assert.deepEqual(mistakes, []);
    assert.deepEqual(
      certificates.map(({ subjectName }) => subjectName),
      ['Mail'],
    );
    assert.match(warnings.join('\n'), /CN=Root is left out: it is archived/);
    assert.match(
      warnings.join('\n'),
      /CN=Other is left out: the store trusts it for 1\.3\.6\.1\.5\.5\.7\.3\.1, emailProt/,
    );
    assert.match(warnings.join('\n'), /CN=Nothing is left out: the store trusts it for nothing/);
  });

  it('hands CRLs on, passes over trust lists, names a certificate that is none', () => {
    const file = store(element(32, root.der), element(33, CRL), element(34, CRL), element(32, CERTIFICATE), END);
    const { certificates, crls, mistakes, warnings } = readAuthorityFile(file);
    assert.equal(certificates.length, 1);
    assert.deepEqual(crls, [CRL]);
    assert.match(mistakes.join(), /^certificate 4: /);
    assert.match(warnings.join(), /trust list/);
  });

  it('3000 mutated files: both readers agree, nothing throws, nothing is half-read', () => {
    const base = store(
      element(3, CRL),
      element(11, CRL),
      element(32, root.der),
      element(33, CRL),
      element(32, other.der),
      END,
    );
    const { read, refused } = runSstMutations(base, 3000, 1);
    assert.ok(read > 100 && refused > 100, `${read} read, ${refused} refused`);
  });
});
