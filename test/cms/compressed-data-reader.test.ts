/** CompressedData: two passes, caps on what comes out (catalogue M7), nothing behind the zlib stream. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { derContext, derInteger, derOctetString, derOid, derSequence } from '../../src/asn1/der-writer.ts';
import { openCompressedData } from '../../src/cms/compressed-data-reader.ts';
import { bufferSource, collect } from '../../src/cms/reopenable-source.ts';
import { contentInfo, ID_DATA } from '../support/cms-builder.ts';

function object(packed: Buffer, algorithm = '1.2.840.113549.1.9.16.3.8'): Buffer {
  const inside = derSequence(derOid(ID_DATA), derContext(0, derOctetString(packed)));
  return contentInfo('1.2.840.113549.1.9.16.1.9', derSequence(derInteger(0), derSequence(derOid(algorithm)), inside));
}

async function reasonOf(octets: Buffer, octetsMax = 10_000_000): Promise<string> {
  const result = await openCompressedData(bufferSource(octets), { octetsMax });
  return result.ok ? 'opened' : `${result.failure.reason}: ${result.failure.detail}`;
}

describe('openCompressedData', () => {
  it('releases what was compressed', async () => {
    const content = Buffer.concat([randomBytes(300_000), Buffer.alloc(300_000)]);
    const result = await openCompressedData(bufferSource(object(deflateSync(content))), { octetsMax: 600_000 });
    assert.ok(result.ok);
    assert.equal(result.octets, 600_000);
    assert.deepEqual(await collect(result.release(), 1e6), content);
  });

  it('stops at the cap and at the ratio', async () => {
    assert.match(await reasonOf(object(deflateSync(randomBytes(3000))), 2999), /^limit: more than 2999/);
    assert.match(await reasonOf(object(deflateSync(Buffer.alloc(5_000_000)))), /^limit: compressed more than 100 to 1/);
    assert.equal(await reasonOf(object(deflateSync(Buffer.alloc(500_000)))), 'opened');
  });

  it('refuses what is no zlib stream, ends early, or has octets behind it', async () => {
    const packed = deflateSync(randomBytes(3000));
    assert.match(await reasonOf(object(Buffer.from('not zlib'))), /^malformed/);
    assert.match(await reasonOf(object(packed.subarray(0, -3))), /^malformed/);
    assert.match(await reasonOf(object(Buffer.concat([packed, Buffer.of(1)]))), /^malformed/);
    const changed = Buffer.from(packed);
    changed[changed.length - 1] = (changed[changed.length - 1] ?? 0) ^ 1;
    assert.match(await reasonOf(object(changed)), /^malformed/);
    assert.match(await reasonOf(object(packed, '1.2.3')), /^unsupported/);
  });
});
