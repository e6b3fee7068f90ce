/**
 * The process that the kill test kills: stores and delivers as fast as it can and says on stdout, one line each and
 * before anything else can happen, what it promised (`ack`), stored (`begin`) and handed on (`took`).
 * Arguments: spool folder, key file, a name for this run.
 */
import { createHash, randomInt } from 'node:crypto';
import { writeSync } from 'node:fs';
import { bodyBinding } from '../../../src/queue/body-binding.ts';
import { openQueue } from '../../../src/queue/open-queue.ts';
import type { Courier } from '../../../src/queue/queue.ts';
import { ACCEPTED, BUSY, readAll, sampleOctets, sampleRecord } from '../../queue/sample-mail.ts';

const IN_FLIGHT = 8;
const [folder = '', keyFile = '', run = ''] = process.argv.slice(2);

const opened = await openQueue({
  folder,
  keyFile,
  concurrency: 4,
  retry: { firstMs: 20, maxMs: 50, lifetimeMs: 3_600_000 },
  reserveBytes: 0,
});
if (!opened.ok) {
  say(`refused ${opened.mistakes.join('; ')}`);
  process.exit(1);
}
const { queue } = opened;

const courier: Courier = {
  deliver: async (delivery) => {
    const digest = digestOf(await readAll(delivery.openBody()));
    return delivery.recipients.map((address) => {
      if (address.startsWith('slow') && delivery.attempt === 1) {
        return { address, result: 'deferred', reply: BUSY, ambiguous: false };
      }
      say(`took ${delivery.record.traceId} ${address} ${digest}`);
      return { address, result: 'delivered', reply: ACCEPTED, ambiguous: false };
    });
  },
  report: () => null,
};
queue.start(courier);
await Promise.all(Array.from({ length: IN_FLIGHT }, (_, producer) => produce(producer)));

async function produce(producer: number): Promise<never> {
  for (let number = 0; ; number += 1) {
    const name = `${run}.${producer}.${number}`;
    const record = sampleRecord([{ to: ['bob@bank.example', 'slow@bank.example'] }, { to: ['eve@bank.example'] }], {
      traceId: name,
    });
    const octets = sampleOctets(randomInt(10) === 0 ? randomInt(1_000_000) : randomInt(5000));
    const intake = await queue.begin(name);
    const body = intake.body(bodyBinding(record.groups, 0));
    say(`begin ${name} ${digestOf(octets)}`);
    await body.write(octets);
    await body.end();
    await intake.commit(record);
    say(`ack ${name}`);
  }
}

function digestOf(octets: Buffer): string {
  return createHash('sha256').update(octets).digest('hex');
}

function say(line: string): void {
  writeSync(1, `${line}\n`);
}
