/** When sealing cannot go on: refusals, failing sinks and signers, back-pressure, and memory that stays bounded. */
import assert from 'node:assert/strict';
import { startSealing } from '../../src/smime/sealer.ts';
import { splitMessage } from '../mime/message-vectors.ts';
import {
  AS_IT_CAME,
  ENCRYPTED,
  HEAD,
  large,
  MIXED,
  octets,
  RSA,
  refuses,
  SIGNED,
  SIGNED_ENCRYPTED,
} from './samples.ts';
import { requestFor, rsaSender, seal, signerOf } from './sealed-message.ts';

describe('sealer that fails or waits', function () {
  this.timeout(60_000);

  describe('failures', () => {
    it('a message that breaks a limit is refused whole', async () => {
      const bomb = octets(`${HEAD}Content-Type: multipart/mixed; boundary=a\r\n\r\n${'--a\r\n\r\n'.repeat(1001)}`);
      await refuses(seal(bomb, [{ form: AS_IT_CAME }, { form: SIGNED }]), 'message.limits');
      const lie = octets(`${HEAD}Content-Transfer-Encoding: base64\r\n\r\n\u00fc\r\n`);
      await refuses(seal(lie, [{ form: SIGNED }]), 'message.malformed');
    });

    it('a signer that fails, a missing signer, a certificate of no use', async () => {
      const failing = { ...signerOf(rsaSender), sign: () => Promise.reject(new Error('token gone')) };
      await assert.rejects(seal(octets(MIXED), [{ form: SIGNED }], { signer: failing }), /token gone/);
      await refuses(seal(octets(MIXED), [{ form: SIGNED }], { signer: null }), 'crypto.failed');
      await refuses(seal(octets(MIXED), [{ form: ENCRYPTED, groups: [[]] }]), 'crypto.failed');
    });

    it('a sink that fails ends the pass, after every other sink is done', async () => {
      const kept: Buffer[][] = [[], []];
      const request = requestFor(large(300_000), [{ form: SIGNED }, { form: AS_IT_CAME }], {}, kept);
      let others = 0;
      const forms = request.forms.map((form, index) => ({
        ...form,
        write: async (chunk: Buffer) => {
          if (index === 0) throw new Error('disk full');
          await form.write(chunk);
          others++;
        },
      }));
      const sealing = startSealing({ ...request, forms });
      const body = splitMessage(large(300_000)).body;
      await assert.rejects(sealing.write(body), /disk full/);
      assert.equal(kept[1]?.length, others);
      await refuses(sealing.write(body), 'crypto.failed');
      await refuses(sealing.end(), 'crypto.failed');
      sealing.abort();
    });

    it('many groups give the event loop its turn between them', async () => {
      const groups = Array.from({ length: 64 }, () => RSA[0] ?? []);
      const sealing = startSealing(requestFor(octets(MIXED), [{ form: ENCRYPTED, groups }], {}, [[]]));
      let turns = 0;
      let over = false;
      const turn = (): void => {
        turns++;
        if (!over) setImmediate(turn);
      };
      setImmediate(turn);
      const [result] = await sealing.end();
      over = true;
      assert.equal(result?.kind === 'enveloped' && result.recipientInfos.length, 64);
      assert.ok(turns >= 3, `${turns} turns`);
    });

    it('an aborted pass takes nothing more; abort after the end is harmless', async () => {
      const sealing = startSealing(requestFor(octets(MIXED), [{ form: ENCRYPTED, groups: RSA }], {}, [[]]));
      sealing.abort();
      await refuses(sealing.write(Buffer.from('x')), 'crypto.failed');
      const ended = startSealing(requestFor(octets(MIXED), [{ form: ENCRYPTED, groups: RSA }], {}, [[]]));
      await ended.end();
      ended.abort();
      await refuses(ended.end(), 'crypto.failed');
    });
  });

  it('waits for its sinks', async () => {
    let release: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const request = requestFor(large(300_000), [{ form: AS_IT_CAME }], {}, [[]]);
    const forms = request.forms.map((form) => ({ ...form, write: () => gate }));
    const sealing = startSealing({ ...request, forms });
    let taken = false;
    const writing = sealing.write(splitMessage(large(300_000)).body).then(() => {
      taken = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(taken, false);
    release();
    await writing;
    assert.equal(taken, true);
    sealing.abort();
  });

  it('streams 200 MB in bounded memory', async () => {
    const line = Buffer.from(`${'QUJD'.repeat(19)}\r\n`);
    const chunk = Buffer.concat(Array.from({ length: 840 }, () => line));
    const head = octets(`${HEAD}Content-Type: application/x\r\nContent-Transfer-Encoding: base64\r\n\r\n`);
    let stored = 0;
    const request = requestFor(head, [{ form: SIGNED_ENCRYPTED, groups: RSA }, { form: SIGNED }], {}, []);
    const forms = request.forms.map((form) => ({
      ...form,
      write: async (octetsOut: Buffer) => {
        stored += octetsOut.length;
      },
    }));
    const sealing = startSealing({ ...request, forms });
    const pass = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) await sealing.write(chunk);
    };
    await pass(300);
    const before = process.memoryUsage.rss();
    let peak = before;
    for (let i = 0; i < 28; i++) {
      await pass(100);
      peak = Math.max(peak, process.memoryUsage.rss());
    }
    await sealing.end();
    assert.ok(stored > 2 * 200_000_000);
    const growth = (peak - before) / 1048576;
    console.log(`      RSS grew by ${growth.toFixed(0)} MiB over ${((3100 * chunk.length) / 1e6).toFixed(0)} MB`);
    assert.ok(growth < 150, `RSS grew by ${growth.toFixed(0)} MiB`);
  });
});
