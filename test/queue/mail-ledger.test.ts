/** What a round has found out is never forgotten, whether or not it could be stored. */
import assert from 'node:assert/strict';
import { gatewayError } from '../../src/errors.ts';
import { initialState, type MailUpdate } from '../../src/queue/mail-state.ts';
import { MailLedger } from '../../src/queue/schedule/mail-ledger.ts';
import type { StoredMail } from '../../src/queue/store.ts';
import { sampleRecord } from './sample-mail.ts';

function ledgerOver(append: (update: MailUpdate) => Promise<void>): { ledger: MailLedger; mail: StoredMail } {
  const record = sampleRecord([{ to: ['a@bank.example', 'b@bank.example'] }]);
  const mail = { id: '1', record, state: initialState(record), append } as unknown as StoredMail;
  return { ledger: new MailLedger(mail), mail };
}

const DELIVERED = (recipient: number) => ({ group: 0, recipient, state: 'delivered', reply: null }) as const;

describe('queue: mail ledger', () => {
  it('keeps what could not be stored and stores it with the next save', async () => {
    const stored: MailUpdate[] = [];
    let full = true;
    const { ledger, mail } = ledgerOver(async (update) => {
      if (full) throw gatewayError('queue.full', 'no room');
      stored.push(update);
    });
    ledger.change([DELIVERED(0)]);
    await assert.rejects(ledger.save(null), { code: 'queue.full' });
    assert.equal(mail.state.recipients[0]?.state, 'delivered');
    full = false;
    ledger.change([DELIVERED(1)]);
    await ledger.save(null);
    assert.deepEqual(stored, [{ changes: [DELIVERED(0), DELIVERED(1)], schedule: null }]);
    assert.deepEqual(ledger.unsaved, []);
  });

  it('appends one update at a time, and what came meanwhile goes with the one after', async () => {
    const sizes: number[] = [];
    let writing = 0;
    const { ledger } = ledgerOver(async ({ changes }) => {
      writing += 1;
      assert.equal(writing, 1);
      sizes.push(changes.length);
      await new Promise((resolve) => setImmediate(resolve));
      writing -= 1;
    });
    ledger.change([DELIVERED(0)]);
    const first = ledger.save(null);
    await Promise.resolve();
    await Promise.resolve();
    ledger.change([DELIVERED(1)]);
    await Promise.all([first, ledger.save({ attempts: 1, nextAttemptAt: 5 })]);
    assert.deepEqual(sizes, [1, 1]);
  });

  it('writes nothing where there is nothing to store', async () => {
    const { ledger } = ledgerOver(() => Promise.reject(new Error('written')));
    await ledger.save(null);
  });
});
