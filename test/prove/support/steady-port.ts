/**
 * A house whose gateway comes back on the same port after each restart. The port lies below those the system gives to
 * clients: a client that asks again and again for a port that nobody serves could otherwise be given that very port,
 * and talk to itself.
 */
import { randomInt } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { GatewayHouse, type HouseOptions } from '../../support/gateway-house.ts';

const TRIES_MAX = 50;

/** Not started yet. */
export async function openSteadyHouse(options: HouseOptions): Promise<{ house: GatewayHouse; port: number }> {
  const house = await GatewayHouse.open({ ...options, stopped: true });
  const port = await findFreePort();
  writeFileSync(house.config, readFileSync(house.config, 'utf8').replace('127.0.0.1:0', `127.0.0.1:${port}`));
  return { house, port };
}

async function findFreePort(): Promise<number> {
  for (let i = 0; i < TRIES_MAX; i += 1) {
    const port = randomInt(20_000, 32_000);
    if (await isFree(port)) return port;
  }
  throw new Error('no free port');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
