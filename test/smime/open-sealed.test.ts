/** Signed and encrypted mail opened in two passes: what comes out, and what does not when either proof fails. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { ContentEncryptor } from '../../src/cms/content-encryptor.ts';
import { DEFAULT_PROFILE } from '../../src/cms/profile.ts';
import { collect, type ReopenableSource } from '../../src/cms/reopenable-source.ts';
import { streamEnvelopedData } from '../../src/cms/streamed-envelope-writer.ts';
import { GatewayError } from '../../src/errors.ts';
import { KeyUnwrapper } from '../../src/keys/key-unwrapper.ts';
import { systemEntropy } from '../../src/keys/system-entropy.ts';
import { openSealed, type SealedResult } from '../../src/smime/open-sealed.ts';
import { SigningUnit } from '../../src/smime/signing-unit.ts';
import { rsaRecipient, rsaSender, signerOf } from './sealed-message.ts';

const ENTITY = Buffer.from(`Content-Type: text/plain\r\n\r\n${'Nothing but text, line by line.\r\n'.repeat(9000)}`);
const unwrapper = new KeyUnwrapper([{ certificate: rsaRecipient.certificate, key: rsaRecipient.privateKey }]);
const judge = async (): Promise<{ ok: true }> => ({ ok: true });

async function signed(entity: Buffer, shown = entity): Promise<Buffer> {
  const unit = new SigningUnit(signerOf(rsaSender), DEFAULT_PROFILE, systemEntropy);
  const { closing } = await unit.sign(createHash('sha256').update(entity).digest(), new Date(), null);
  return Buffer.concat([unit.frame.innerHeader, unit.frame.opening, shown, closing ?? Buffer.alloc(0)]);
}

async function encrypted(content: Buffer, cipher: 'aes-256-cbc' | 'aes-256-gcm'): Promise<Buffer> {
  const encryptor = new ContentEncryptor({ ...DEFAULT_PROFILE, content: cipher }, systemEntropy);
  const infos = encryptor.recipientInfos([rsaRecipient.certificate]);
  return (await collect(streamEnvelopedData(encryptor, infos, pieces(content)), 1 << 24)) ?? Buffer.alloc(0);
}

async function* pieces(octets: Buffer, size = 65_536): AsyncGenerator<Buffer, void, undefined> {
  for (let at = 0; at < octets.length; at += size) yield Buffer.from(octets.subarray(at, at + size));
}

/** Octets that may be others at each opening. */
function source(...openings: readonly Buffer[]): ReopenableSource {
  let opened = 0;
  return { open: () => pieces(openings[Math.min(opened++, openings.length - 1)] ?? Buffer.alloc(0)) };
}

async function released(result: SealedResult): Promise<Buffer | null> {
  if (!result.ok || result.signed === null || !result.signed.ok || !result.signed.valid) return null;
  return collect(result.signed.release(), 1 << 24);
}

describe('openSealed', () => {
  for (const cipher of ['aes-256-cbc', 'aes-256-gcm'] as const) {
    it(`gives the signed part in two readings (${cipher})`, async () => {
      const object = await encrypted(await signed(ENTITY), cipher);
      let readings = 0;
      const counted = {
        open: () => {
          readings++;
          return pieces(object);
        },
      };
      const result = await openSealed(counted, { unwrapper, judge });
      assert.equal(readings, 1);
      assert.ok((await released(result))?.equals(ENTITY));
      assert.equal(readings, 2);
    });

    it(`notices other octets in pass two (${cipher})`, async () => {
      const object = await encrypted(await signed(ENTITY), cipher);
      const other = Buffer.from(object);
      other[object.length >> 1] = (other[object.length >> 1] ?? 0) ^ 1;
      const result = await openSealed(source(object, other), { unwrapper, judge });
      await assert.rejects(
        () => released(result),
        (thrown) => thrown instanceof GatewayError && thrown.code === 'cms.source-changed',
      );
    });
  }

  it('releases nothing of what was changed behind the signature', async () => {
    const shown = Buffer.from(ENTITY);
    shown[100] = 0x21;
    const result = await openSealed(source(await encrypted(await signed(ENTITY, shown), 'aes-256-gcm')), {
      unwrapper,
      judge,
    });
    assert.ok(result.ok && result.signed?.ok && !result.signed.valid);
    assert.deepEqual(
      result.signed.signers.map(({ reason }) => reason),
      ['digest-mismatch'],
    );
  });

  it('refuses a changed ciphertext before it looks inside', async () => {
    const object = await encrypted(await signed(ENTITY), 'aes-256-gcm');
    object[object.length >> 1] = (object[object.length >> 1] ?? 0) ^ 1;
    const result = await openSealed(source(object), { unwrapper, judge });
    assert.equal(result.ok ? 'ok' : result.failure.reason, 'cannot-decrypt');
  });

  it('says when nothing signed is inside', async () => {
    const result = await openSealed(source(await encrypted(ENTITY, 'aes-256-cbc')), { unwrapper, judge });
    assert.ok(result.ok && result.signed === null);
  });
});
