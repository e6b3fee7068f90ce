/** CRLs in files: DER and PEM are the same list, whatever stands round the PEM block and wherever a piece ends. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { derInteger, derSequence, derTime } from '../../src/asn1/der-writer.ts';
import { GatewayError } from '../../src/errors.ts';
import { readCrlFile } from '../../src/trust/crl-file.ts';
import { CrlPemDecoder } from '../../src/trust/crl-pem.ts';
import { makeAuthority, pemOf } from '../support/certificate-builder.ts';
import { makeCrl } from '../support/crl-builder.ts';

const root = makeAuthority({ name: 'Root' });
const malformed = (thrown: unknown): boolean => thrown instanceof GatewayError && thrown.code === 'asn1.malformed';

function decoded(text: string, piece: number): Buffer {
  const decoder = new CrlPemDecoder();
  const octets = Buffer.from(text, 'latin1');
  const found: Buffer[] = [];
  for (let at = 0; at < octets.length; at += piece) found.push(decoder.decode(octets.subarray(at, at + piece)));
  decoder.finish();
  return Buffer.concat(found);
}

describe('CrlPemDecoder', () => {
  it('gives back what was encoded, in pieces of any size', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.integer({ min: 1, max: 90 }),
        fc.constantFrom('\n', '\r\n', ' \n'),
        fc.string({ maxLength: 60 }).filter((text) => !text.includes('-')),
        (octets, piece, lineEnd, round) => {
          const text = `${round}\n${pemOf('X509 CRL', Buffer.from(octets)).replaceAll('\n', lineEnd)}${round}`;
          assert.deepEqual(decoded(text, piece), Buffer.from(octets));
        },
      ),
    );
  });

  it('refuses a block that does not end or is no base64', () => {
    const begin = '-----BEGIN X509 CRL-----\n';
    const end = '-----END X509 CRL-----\n';
    const bad = [
      `${begin}AAAA`,
      `${begin}AA*A\n${end}`,
      `${begin}AA==AAAA\n${end}`,
      `${begin}AAAA\n-----END OTHER THING-----\n${end}`,
      'nothing',
    ];
    for (const text of bad) {
      for (const piece of [1, 7, 1000]) assert.throws(() => decoded(text, piece), malformed, `${text} by ${piece}`);
    }
  });
});

describe('readCrlFile', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'sealgate-crl-file-'));
  after(() => rmSync(folder, { recursive: true }));
  const read = (content: Buffer | string) => {
    const file = path.join(folder, 'list');
    writeFileSync(file, content);
    return readCrlFile(file, () => [root.certificate]);
  };

  it('reads the same list from DER and PEM, and others go on meanwhile', async () => {
    const one = derSequence(derInteger(2n ** 126n), derTime(new Date(0)));
    const other = derSequence(derInteger(5), derTime(new Date(0)));
    const crl = makeCrl(root, { rawEntries: Buffer.concat([...Array(1000).fill(one), ...Array(1000).fill(other)]) });
    let turns = 0;
    const turning = setInterval(() => turns++, 0);
    for (const content of [crl, `Certificate Revocation List (CRL):\n${pemOf('X509 CRL', crl)}`]) {
      const list = await read(content);
      assert.equal(list.signedBy.length, 1);
      assert.equal(list.octets, crl.length);
      assert.ok(list.entries.find(Buffer.of(5), root.certificate.subject));
      assert.equal(list.entries.find(Buffer.of(6), root.certificate.subject), null);
    }
    clearInterval(turning);
    assert.ok(turns > 0);
  });

  it('refuses what is cut short', async () => {
    const crl = makeCrl(root);
    await assert.rejects(read(crl.subarray(0, -1)), malformed);
    await assert.rejects(read(pemOf('X509 CRL', crl).slice(0, -30)), malformed);
    await assert.rejects(read(''), malformed);
  });
});
