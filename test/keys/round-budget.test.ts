/** What a PKCS #12 file may cost, and that others have their turn while it is opened (C23). */
import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { GatewayError } from '../../src/errors.ts';
import { deriveMacKey } from '../../src/keys/pkcs12-derivation.ts';
import { RoundBudget } from '../../src/keys/round-budget.ts';

const SHA1 = '1.3.14.3.2.26';
const derivation = (rounds: number) => ({
  password: Buffer.from('\0p\0\0', 'latin1'),
  salt: Buffer.alloc(8, 1),
  rounds,
});
const isRefusal = (thrown: unknown): boolean => thrown instanceof GatewayError && thrown.code === 'keys.unusable';

describe('keys/round-budget', () => {
  it('gives other work its turn many times in a long derivation, and none in a short one', async () => {
    for (const [rounds, atLeast] of [
      [100_000, 40],
      [1000, 0],
    ] as const) {
      let turns = 0;
      let over = false;
      const other = (async () => {
        while (!over) {
          await setImmediate();
          if (!over) turns++;
        }
      })();
      await deriveMacKey(SHA1, derivation(rounds), new RoundBudget());
      over = true;
      await other;
      assert.ok(turns >= atLeast, `${turns} turns in ${rounds} rounds`);
    }
  });

  it('refuses more rounds than a file may have, over all its parts together', async () => {
    const budget = new RoundBudget();
    budget.spend(6_000_000);
    assert.throws(() => budget.spend(6_000_000), isRefusal);
    for (const rounds of [0, -1, 1.5, Number.NaN, Number.MAX_SAFE_INTEGER + 1]) {
      assert.throws(() => new RoundBudget().spend(rounds), isRefusal, String(rounds));
    }
  });

  it('ends a derivation when its time is up', async () => {
    await assert.rejects(deriveMacKey(SHA1, derivation(5_000_000), new RoundBudget(0)), isRefusal);
    await assert.rejects(new RoundBudget(0).within(new Promise(() => {})), isRefusal);
  });
});
