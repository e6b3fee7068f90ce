import assert from 'node:assert/strict';
import fc from 'fast-check';
import { checkSealed } from '../../src/delivery/sealed-proof.ts';
import { base64Bytes, isEightBit, wireBytes, wireOctets } from '../../src/delivery/wire-form.ts';
import { GatewayError } from '../../src/errors.ts';
import { Base64Encoder } from '../../src/mime/base64-encoder.ts';
import { makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import { CLEAR_HEADER, chunksOf, collect, sealedGroup } from './delivery-fixtures.ts';

const CLEAR = { kind: 'clear', eightBit: false } as const;
const BOB = 'bob@partner.example';

describe('delivery/wire-form', () => {
  const bob = makeCertificate(makeAuthority(), { emails: [BOB] });

  function proven(entity: Buffer) {
    const { group, ciphertext } = sealedGroup({ [BOB]: bob }, entity);
    const proof = checkSealed(group, [BOB]);
    assert.ok(proof.ok);
    return { header: group.header, content: proof.content, ciphertext };
  }

  it('knows how base64 grows', () => {
    for (const [bytes, text] of [
      [0, 0],
      [1, 6],
      [57, 78],
      [58, 84],
      [114, 156],
    ] as const) {
      assert.equal(base64Bytes(bytes), text, `${bytes} octets`);
    }
    fc.assert(
      fc.property(fc.nat(1000), (bytes) => {
        const encoder = new Base64Encoder();
        const text = encoder.update(Buffer.alloc(bytes)).length + encoder.final().length;
        assert.equal(base64Bytes(bytes), text);
      }),
    );
  });

  it('announces the size that it writes, to the octet (RFC 1870)', async () => {
    for (const bytes of [1, 15, 16, 41, 42, 43, 44, 45, 60000, 70000, 200_000]) {
      const { header, content, ciphertext } = proven(Buffer.alloc(bytes, 'x'));
      const wire = await collect(wireOctets(header, content, () => chunksOf(ciphertext)));
      assert.equal(wireBytes(header, content, null), wire.length - 3, `${bytes} octets`);
    }
    const wire = await collect(wireOctets(CLEAR_HEADER, CLEAR, () => chunksOf(Buffer.from('.a\r\n'))));
    assert.equal(wireBytes(CLEAR_HEADER, CLEAR, 4), wire.length - 3 - 1);
    assert.equal(wireBytes(CLEAR_HEADER, CLEAR, null), null);
  });

  it('writes the same octets however the stored body was cut', async () => {
    const { header, content, ciphertext } = proven(Buffer.alloc(5000, 'abc\r\n.'));
    const whole = await collect(wireOctets(header, content, () => chunksOf(ciphertext)));
    for (const size of [1, 7, 57, 1000]) {
      assert.deepEqual(await collect(wireOctets(header, content, () => chunksOf(ciphertext, size))), whole);
    }
  });

  it('gives a small message in one chunk, and a large one in chunks of bounded size', async () => {
    const sizes = async (octets: AsyncIterable<Buffer>): Promise<number[]> => {
      const all: number[] = [];
      for await (const chunk of octets) all.push(chunk.length);
      return all;
    };
    assert.equal(
      (await sizes(wireOctets(CLEAR_HEADER, CLEAR, () => chunksOf(Buffer.alloc(4000, 'x'), 100)))).length,
      1,
    );
    const { header, content, ciphertext } = proven(Buffer.alloc(3_000_000));
    const large = await sizes(wireOctets(header, content, () => chunksOf(ciphertext)));
    assert.ok(Math.max(...large) <= 3 * 65536, `${Math.max(...large)} octets at once`);
  });

  it('writes no line over 78 octets, no octet over 127 and no bare line end of an encrypted body (S3)', async () => {
    const { header, content, ciphertext } = proven(Buffer.alloc(40_000, 7));
    const wire = (await collect(wireOctets(header, content, () => chunksOf(ciphertext)))).toString('latin1');
    assert.doesNotMatch(wire, /[^\r]\n|\r[^\n]|[\x80-\xff]/);
    const body = wire.slice(header.length + 2);
    assert.ok(body.endsWith('\r\n.\r\n'));
    assert.ok(body.split('\r\n').every((line) => line.length <= 76));
    assert.doesNotMatch(wire.slice(0, -3), /^\./m);
  });

  it('gives no final dot when the ciphertext is shorter or longer than recorded (cms.malformed)', async () => {
    const { header, content, ciphertext } = proven(Buffer.alloc(1000));
    for (const wrong of [ciphertext.subarray(16), Buffer.concat([ciphertext, Buffer.alloc(16)])]) {
      const seen: Buffer[] = [];
      await assert.rejects(
        async () => {
          for await (const chunk of wireOctets(header, content, () => chunksOf(wrong, 64))) seen.push(chunk);
        },
        (error) => error instanceof GatewayError && error.code === 'cms.malformed',
      );
      assert.doesNotMatch(Buffer.concat(seen).toString('latin1'), /\r\n\.\r\n/);
    }
  });

  it('asks for 8BITMIME for an octet above 127 in body or header', () => {
    assert.equal(isEightBit(CLEAR_HEADER, CLEAR), false);
    assert.equal(isEightBit(CLEAR_HEADER, { kind: 'clear', eightBit: true }), true);
    assert.equal(isEightBit('Subject: \xe9\r\n', CLEAR), true);
    assert.equal(isEightBit(CLEAR_HEADER, proven(Buffer.from('x')).content), false);
  });
});
