/** A start that cannot listen says so, ends with the code of a mistake, and leaves nothing open: the next one works. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { loadConfiguration } from '../../src/config/load-configuration.ts';
import { openGateway } from '../../src/gateway.ts';
import { GatewayHouse } from '../support/gateway-house.ts';

function listening(): Promise<{ server: Server; port: number }> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve({ server, port: typeof address === 'object' && address !== null ? address.port : 0 });
    });
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

/** True when somebody accepts there. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

describe('system: a start that is refused', () => {
  it('leaves no listener, socket or lock behind when one of its ports is taken', async () => {
    const house = await GatewayHouse.open({ stopped: true });
    const taken = await listening();
    const free = await listening();
    await closed(free.server);
    try {
      const written = readFileSync(house.config, 'utf8');
      const listener = /^ {2}- address: 127\.0\.0\.1:0\n(?: {4}.*\n)*/m.exec(written)?.[0] ?? '';
      assert.ok(listener !== '', 'the listener of the house');
      const at = (port: number) => listener.replace(':0\n', `:${port}\n`);
      writeFileSync(house.config, written.replace(listener, at(free.port) + at(taken.port)));
      const read = await loadConfiguration(house.config);
      assert.ok(read.ok);
      const refused = await openGateway(read.configuration);
      assert.ok(!refused.ok);
      assert.match(refused.mistakes.join('\n'), /^cannot listen: .*EADDRINUSE/);
      assert.equal(await answers(free.port), false);

      await closed(taken.server);
      const opened = await openGateway(read.configuration);
      assert.ok(opened.ok, 'the spool is free again');
      assert.equal(await answers(free.port), true);
      await opened.value.stop(0);
    } finally {
      if (taken.server.listening) await closed(taken.server);
      await house.close();
    }
  });
});
