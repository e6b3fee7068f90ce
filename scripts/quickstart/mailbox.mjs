/** The partner's mailbox: takes every message and keeps it as a file, as a mail server at the other end would. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { SMTPServer } from 'smtp-server';

/** @returns { port, waitFor(address): Promise<path of the message>, close() } */
export async function openMailbox(folder, preferredPort) {
  mkdirSync(folder, { recursive: true });
  const files = new Map();
  const waiting = new Map();
  let count = 0;
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    logger: false,
    onData(stream, session, callback) {
      const chunks = [];
      stream.on('data', (chunk) => chunks.push(chunk));
      stream.on('end', () => {
        const file = path.join(folder, `${++count}.eml`);
        writeFileSync(file, Buffer.concat(chunks));
        for (const { address } of session.envelope.rcptTo) {
          files.set(address, file);
          waiting.get(address)?.(file);
        }
        callback();
      });
    },
  });
  server.on('error', () => {});
  const port = await listenFrom(server, preferredPort);
  return {
    port,
    waitFor(address, timeoutMs) {
      const here = files.get(address);
      if (here !== undefined) return Promise.resolve(here);
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`nothing came for ${address}`)), timeoutMs);
        waiting.set(address, (file) => {
          clearTimeout(timer);
          resolve(file);
        });
      });
    },
    has: (address) => files.has(address),
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

/** Listens on the preferred port of 127.0.0.1, or, when it is taken, on one the system chooses. */
async function listenFrom(server, preferredPort) {
  const listen = (port) =>
    new Promise((resolve, reject) => {
      server.server.once('error', reject);
      server.listen(port, '127.0.0.1', () => {
        server.server.removeListener('error', reject);
        resolve(server.server.address().port);
      });
    });
  try {
    return await listen(preferredPort);
  } catch (error) {
    if (error.code !== 'EADDRINUSE') throw error;
    return listen(0);
  }
}
