/** A receiver that remembers everything and does what a test tells it, in place of relay/. */
import type { Address } from '../../src/address.ts';
import type { Envelope } from '../../src/envelope.ts';
import { asGatewayError } from '../../src/errors.ts';
import { type Door, openDoor } from '../../src/smtp/door.ts';
import type { ClientRule, DoorOptions, ListenerOptions } from '../../src/smtp/listener-options.ts';
import type { MailCommand, Receipt, Receiver, Transaction } from '../../src/smtp/receiver.ts';

export interface Taken {
  readonly envelope: Envelope;
  readonly body: Buffer;
}

export interface Failed {
  readonly code: string;
  readonly bytes: number;
}

export class FakeReceiver implements Receiver {
  readonly begun: MailCommand[] = [];
  readonly asked: string[] = [];
  readonly taken: Taken[] = [];
  readonly failed: Failed[] = [];
  abandoned = 0;
  /** Transactions begun and neither decided nor abandoned. */
  open = 0;
  /** Hooks; a throw is the refusal. */
  onBegin: (mail: MailCommand) => void = () => undefined;
  onRecipient: (address: Address) => void | Promise<void> = () => undefined;
  /** Called for each chunk; a promise holds back the stream. */
  onChunk: (chunk: Buffer, bytes: number) => void | Promise<void> = () => undefined;
  onWhole: (taken: Taken) => void | Promise<void> = () => undefined;
  /** Keeps message bodies. */
  keep = true;

  begin(mail: MailCommand): Transaction {
    this.onBegin(mail);
    this.begun.push(mail);
    this.open += 1;
    let over = false;
    const end = (): void => {
      if (!over) this.open -= 1;
      over = true;
    };
    return {
      recipient: async (address) => {
        this.asked.push(address.text);
        await this.onRecipient(address);
      },
      message: (envelope, stream) => this.#message(envelope, stream).finally(end),
      abandon: () => {
        this.abandoned += 1;
        end();
      },
    };
  }

  async #message(envelope: Envelope, stream: AsyncIterable<Buffer>): Promise<Receipt> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const chunk of stream) {
        bytes += chunk.length;
        if (this.keep) chunks.push(Buffer.from(chunk));
        await this.onChunk(chunk, bytes);
      }
      const taken = { envelope, body: Buffer.concat(chunks) };
      await this.onWhole(taken);
      this.taken.push(taken);
      return { queueId: `q${this.taken.length}` };
    } catch (thrown) {
      this.failed.push({ code: asGatewayError(thrown).code, bytes });
      throw thrown;
    }
  }
}

export const LOCAL: ClientRule = { kind: 'network', cidr: '127.0.0.0/8', vouches: { kind: 'never' } };

export function listenerOf(options: Partial<ListenerOptions> = {}): ListenerOptions {
  return { address: '127.0.0.1', port: 0, tls: null, clients: [LOCAL], ...options };
}

export function doorOptions(options: Partial<DoorOptions> = {}): DoorOptions {
  return {
    hostname: 'gate.example',
    listeners: [listenerOf()],
    messageBytesMax: 25 * 1024 * 1024,
    recipientsMax: 100,
    connectionsMax: 2000,
    ...options,
  };
}

export interface TestDoor {
  readonly door: Door;
  readonly receiver: FakeReceiver;
  readonly port: number;
}

const open = new Set<Door>();

export async function openTestDoor(options: Partial<DoorOptions> = {}): Promise<TestDoor> {
  const receiver = new FakeReceiver();
  const door = await openDoor(doorOptions(options), receiver);
  open.add(door);
  return { door, receiver, port: portOf(door) };
}

export function portOf(door: Door, index = 0): number {
  const address = door.addresses[index];
  if (address === undefined) throw new Error('no such listener');
  return address.port;
}

/** For afterEach: no door stays open. */
export async function closeTestDoors(): Promise<void> {
  const doors = [...open];
  open.clear();
  await Promise.all(doors.map((door) => door.close(0)));
}

/** Waits for something that happens soon; fails through mocha's own time limit. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}
