/** Whose turn it is: nobody who names many slow locations keeps others from theirs (catalogue C20). */
import assert from 'node:assert/strict';
import { FetchGate } from '../../src/trust/fetch-gate.ts';
import { FetchRefusal } from '../../src/trust/fetch-refusal.ts';
import { RevocationFlights } from '../../src/trust/revocation-flights.ts';

const NEVER = new AbortController().signal;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('FetchGate', () => {
  it('six at once from one owner of names, in the order they came; others do not wait for them', async () => {
    const gate = new FetchGate();
    const entered: number[] = [];
    const leaves: (() => void)[] = [];
    for (let index = 0; index < 100; index++) {
      void gate.enter(`h${index}.evil.example`, NEVER).then((leave) => {
        entered.push(index);
        leaves.push(leave);
      });
    }
    await turn();
    assert.deepEqual(entered, [0, 1, 2, 3, 4, 5]);
    const leave = await gate.enter('crl.good.example', NEVER);
    leave();
    leaves[0]?.();
    leaves[0]?.();
    await turn();
    assert.deepEqual(entered, [0, 1, 2, 3, 4, 5, 6], 'leaving twice counts once');
  });

  it('addresses are owners of their own', async () => {
    const gate = new FetchGate();
    let entered = 0;
    for (const host of ['10.0.0.1', '10.0.0.2', '[2001:db8::1]', '2001:db8::2']) {
      for (let index = 0; index < 10; index++) void gate.enter(host, NEVER).then(() => entered++);
    }
    await turn();
    assert.equal(entered, 24);
  });

  it('64 at once altogether', async () => {
    const gate = new FetchGate();
    let entered = 0;
    for (let index = 0; index < 200; index++) void gate.enter(`h.owner${index}.example`, NEVER).then(() => entered++);
    await turn();
    assert.equal(entered, 64);
  });

  it('who waited too long is told that nobody was asked, and takes no turn', async () => {
    const gate = new FetchGate();
    const leaves = await Promise.all(Array.from({ length: 6 }, () => gate.enter('evil.example', NEVER)));
    const patience = new AbortController();
    const late = gate.enter('evil.example', patience.signal);
    patience.abort();
    await assert.rejects(late, (thrown) => thrown instanceof FetchRefusal && thrown.kind === 'busy');
    for (const leave of leaves) leave();
    for (let index = 0; index < 6; index++) await gate.enter('evil.example', NEVER);
  });

  it('a queue without end is refused', async () => {
    const gate = new FetchGate();
    const all = Array.from({ length: 2_100 }, () => gate.enter('evil.example', NEVER));
    const last = all.at(-1);
    for (const one of all) one.catch(() => {});
    await assert.rejects(last ?? Promise.resolve(), /2000 fetches are waiting/);
  });
});

describe('RevocationFlights', () => {
  it('an errand that hangs is given up, and can be started again', async () => {
    const flights = new RevocationFlights(20);
    const hang = (): Promise<boolean> => new Promise(() => {});
    // the limit does not keep a process alive, so something else must
    const alive = setInterval(() => {}, 1_000);
    try {
      assert.equal(await flights.join('a', hang, hang).done, false);
      assert.equal(await flights.join('a', async () => false, hang).done, false);
      assert.equal(
        await flights.join(
          'a',
          async () => false,
          async () => true,
        ).done,
        true,
      );
    } finally {
      clearInterval(alive);
    }
  });

  it('one that fails is no rejection', async () => {
    const flights = new RevocationFlights();
    const fail = async (): Promise<boolean> => {
      throw new Error('defect');
    };
    assert.equal(await flights.join('a', fail, async () => true).done, true);
    assert.equal(await flights.join('a', async () => false, fail).done, false);
  });
});
