/** What is held and what streams is written alike: the same octets for the same entropy and time, or the same refusal. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ContentEncryptor } from '../../src/cms/content-encryptor.ts';
import { type CryptoProfile, PROFILES } from '../../src/cms/profile.ts';
import type { Signer } from '../../src/cms/signer.ts';
import { GatewayError } from '../../src/errors.ts';
import { openEntity } from '../../src/smime/open-entity.ts';
import { envelopedContent, isHeld, type OutgoingContent, signedContent } from '../../src/smime/outgoing-content.ts';
import { SigningUnit } from '../../src/smime/signing-unit.ts';
import { canonicalise, splitMessage } from '../mime/message-vectors.ts';
import { CountingEntropy } from '../support/counting-entropy.ts';
import { large, MIXED, octets, refuses } from './samples.ts';
import { ecRecipient, rsaRecipient, rsaSender, signerOf } from './sealed-message.ts';

const signingTime = new Date('2026-11-24T12:34:56Z');
const PROFILE = PROFILES['default'] as CryptoProfile;

async function* streamed(chunks: Iterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  yield* chunks;
}

async function all(content: OutgoingContent): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of content) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

function cut(data: Buffer, step: number): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < data.length; at += step) chunks.push(data.subarray(at, at + step));
  return chunks;
}

/** The signature of RSA is always the same over the same octets. */
const signer: Signer = signerOf(rsaSender);

async function sealed(entity: OutgoingContent, cipher: CryptoProfile['content'], seed: number): Promise<Buffer> {
  const entropy = new CountingEntropy(seed);
  const profile = { ...PROFILE, content: cipher };
  const unit = new SigningUnit(signer, profile, entropy);
  const encryptor = new ContentEncryptor(profile, entropy);
  const infos = encryptor.recipientInfos([rsaRecipient.certificate, ecRecipient.certificate]);
  const content = await signedContent(unit, entity, unit.frame.innerHeader, signingTime);
  assert.equal(isHeld(content), isHeld(entity));
  return await all(envelopedContent(encryptor, infos, content));
}

describe('smime/outgoing-content', () => {
  for (const cipher of ['aes-256-cbc', 'aes-128-gcm'] as const) {
    it(`writes the same octets of what is held and of what streams (${cipher})`, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.uint8Array({ maxLength: 40_000 }),
          fc.integer({ min: 1, max: 70_000 }),
          fc.nat({ max: 1000 }),
          async (entity, step, seed) => {
            const data = Buffer.from(entity);
            const expected = await sealed(streamed(cut(data, step)), cipher, seed);
            assert.deepEqual(await sealed([data], cipher, seed), expected);
            assert.deepEqual(await sealed(cut(data, Math.max(step, 5000)), cipher, seed), expected);
          },
        ),
        { numRuns: 25 },
      );
    });
  }

  it('wipes the content key when the octets are written', async () => {
    const encryptor = new ContentEncryptor(PROFILE, new CountingEntropy());
    const infos = encryptor.recipientInfos([rsaRecipient.certificate]);
    await all(envelopedContent(encryptor, infos, [octets('x')]));
    assert.throws(() => encryptor.recipientInfos([rsaRecipient.certificate]), { code: 'crypto.failed' });
  });

  it('opens a short entity at once and a long one as a stream, and both as they are canonical', async () => {
    for (const message of [octets(MIXED), large(60_000), large(70_000), large(200_000)]) {
      for (const step of [1000, 65_536, 300_000]) {
        const entity = await openEntity(streamed(cut(message, step)));
        const content = entity.content(true);
        assert.equal(isHeld(content), message.length <= 65_536);
        assert.deepEqual(await all(content), canonicalise(splitMessage(message)).output);
      }
    }
  });

  it('finds the header and mends the line ends wherever the input was cut', async () => {
    const line = fc.constantFrom(
      'Subject: x',
      'Content-Type: text/plain',
      ' folded',
      'X: \r',
      '',
      'text',
      '-- ',
      'From me',
    );
    const end = fc.constantFrom('\r\n', '\n', '\r\n');
    const message = fc
      .array(fc.tuple(line, end), { maxLength: 12 })
      .map((lines) => Buffer.from(lines.flat().join(''), 'latin1'));
    await fc.assert(
      fc.asyncProperty(message, fc.integer({ min: 1, max: 30 }), async (data, step) => {
        assert.deepEqual(await outcome(cut(data, step)), await outcome([data]));
        // a body long enough to stream says the same of the header
        const long = await outcome([data, Buffer.alloc(70_000, 'y')], 0);
        assert.equal(long.slice(0, 3), (await outcome([data, Buffer.from('y')], 0)).slice(0, 3));
      }),
    );
  });

  it('refuses 8-bit data that may not be touched, held or streamed', async () => {
    const forwarded = (body: string): Buffer =>
      octets(`Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nGr\u00fc\u00dfe\r\n${body}`);
    for (const message of [forwarded(''), forwarded('line\r\n'.repeat(20_000))]) {
      const entity = await openEntity(streamed([message]));
      await refuses((async () => all(entity.content(true)))(), 'message.not-convertible');
      assert.ok((await all((await openEntity(streamed([message]))).content(false))).includes(octets('\u00fc')));
    }
  });
});

/** The entity in hex behind `ok `, or the code of the refusal. */
async function outcome(chunks: readonly Buffer[], octetsMax = Number.MAX_SAFE_INTEGER): Promise<string> {
  try {
    const entity = await openEntity(streamed(chunks));
    return `ok ${(await all(entity.content(false))).toString('hex').slice(0, octetsMax)}`;
  } catch (thrown) {
    if (thrown instanceof GatewayError) return thrown.code;
    throw thrown;
  }
}
