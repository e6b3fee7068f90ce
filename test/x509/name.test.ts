/** Names: comparison after RFC 5280 §7.1, and what people are shown. */
import assert from 'node:assert/strict';
import { der, derOid, derSequence, derSetOf, TAG } from '../../src/asn1/der-writer.ts';
import { checkName, commonName, isEmptyName, nameEmails, nameText, parseName, sameName } from '../../src/x509/name.ts';
import { makeName } from '../support/certificate-builder.ts';

const attribute = (oid: string, tag: number, content: Buffer | string): Buffer =>
  derSequence(derOid(oid), der(tag, Buffer.from(content)));
const nameOf = (...relative: Buffer[][]): Buffer => derSequence(...relative.map((set) => derSetOf(set)));

describe('names', () => {
  it('compare without regard to case, spacing and string type', () => {
    const a = nameOf([attribute('2.5.4.3', TAG.printableString, 'Example  Root CA ')]);
    const b = nameOf([attribute('2.5.4.3', TAG.utf8String, 'EXAMPLE root ca')]);
    const bmp = nameOf([attribute('2.5.4.3', 0x1e, Buffer.from('Example Root CA', 'utf16le').swap16())]);
    assert.equal(sameName(a, b), true);
    assert.equal(sameName(a, bmp), true);
    assert.equal(sameName(a, nameOf([attribute('2.5.4.3', TAG.utf8String, 'Example RootCA')])), false);
    assert.equal(sameName(a, nameOf([attribute('2.5.4.10', TAG.utf8String, 'Example Root CA')])), false);
  });

  it('compare sets without order and sequences with it', () => {
    const cn = attribute('2.5.4.3', TAG.utf8String, 'a');
    const o = attribute('2.5.4.10', TAG.utf8String, 'b');
    const set = (...parts: Buffer[]): Buffer => derSequence(der(TAG.set, ...parts));
    assert.equal(sameName(set(cn, o), set(o, cn)), true);
    assert.equal(sameName(nameOf([cn], [o]), nameOf([o], [cn])), false);
    assert.equal(sameName(nameOf([cn], [o]), nameOf([cn, o])), false);
  });

  it('are shown last part first, escaped', () => {
    const name = nameOf(
      [attribute('2.5.4.6', TAG.printableString, 'DE')],
      [attribute('2.5.4.10', TAG.utf8String, 'A, B+C')],
      [attribute('2.5.4.3', TAG.utf8String, 'x\u0000\u202e\ny'), attribute('1.2.3', TAG.integer, Buffer.of(1))],
    );
    // DER sorts a set: the shorter attribute comes first
    assert.equal(nameText(name), '1.2.3=#020101+CN=x\\u0000\\u202e\\u000ay, O=A\\, B\\+C, C=DE');
    assert.equal(commonName(name), 'x\\u0000\\u202e\\u000ay');
    assert.equal(commonName(nameOf([attribute('2.5.4.10', TAG.utf8String, 'Only O')])), 'O=Only O');
    assert.equal(nameText(derSequence()), '(empty name)');
    assert.equal(isEmptyName(derSequence()), true);
  });

  it('give their mail addresses as they stand', () => {
    assert.deepEqual(nameEmails(makeName('x', 'a@b.example')), ['a@b.example']);
    assert.deepEqual(nameEmails(makeName('x')), []);
  });

  it('refuse what would take long to compare: many attributes, long values, a long name', () => {
    const cn = (octets: number): Buffer => attribute('2.5.4.3', TAG.utf8String, 'x'.repeat(octets));
    const sizes = (...octets: number[]): Buffer => nameOf(...octets.map((one) => [cn(one)]));
    for (const good of [sizes(...Array(64).fill(9)), sizes(1020), sizes(1000, 1000, 1000, 1000)]) checkName(good);
    const bad = [
      sizes(...Array(65).fill(9)),
      sizes(1021),
      sizes(1000, 1000, 1000, 1000, 100),
      nameOf(Array(65).fill(cn(1))),
    ];
    for (const one of bad) {
      assert.throws(() => checkName(one), { code: 'asn1.malformed' });
      assert.throws(() => parseName(one), { code: 'asn1.malformed' });
    }
  });

  it('refuse what is no name', () => {
    for (const bad of [
      der(TAG.set),
      derSequence(derSequence()),
      derSequence(der(TAG.set)),
      Buffer.from('300030', 'hex'),
    ]) {
      assert.throws(() => checkName(bad), { code: 'asn1.malformed' });
    }
  });
});
