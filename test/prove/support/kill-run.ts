/**
 * A gateway that is killed again and again, on one spool and one port, while mail servers submit and the next hop takes:
 * promise 4 and catalogue L1 for the process as a whole.
 */
import { randomInt } from 'node:crypto';
import { type GatewayHouse, sleep } from '../../support/gateway-house.ts';
import { readCopy } from './copy-reader.ts';
import { type Arrival, findKillFindings, type KillFindings, sha256 } from './kill-ledger.ts';
import { KillLoad } from './kill-load.ts';
import { type HopEnvelope, type MailTaker, startNextHop } from './next-hop.ts';
import { filesBelow } from './process-figures.ts';
import { openSteadyHouse } from './steady-port.ts';

export interface KillRunOptions {
  readonly kills: number;
  readonly sessions: number;
  /** A life lasts at most so long, milliseconds. */
  readonly lifeMs: number;
  /** Copies of each life that openssl opens at the end. */
  readonly sampled: number;
}

export interface KillReport extends KillFindings {
  readonly kills: number;
  /** Kills before the gateway answered. */
  readonly killedStarting: number;
  /** Copies cut off at the next hop. */
  readonly cutAtHop: number;
  readonly openedByOpenssl: number;
  /** Files in the spool at the end, lock and control socket aside. */
  readonly left: readonly string[];
  /** Events of the log by name that tell of damage or defects. */
  readonly alarms: ReadonlyMap<string, number>;
  /** Updates that were cut short by a kill and left out. */
  readonly tornUpdates: number;
  /** Milliseconds from the start of the process to its first answer. */
  readonly startMs: readonly number[];
  readonly seconds: number;
}

/** Copies that may be between the next hop's 250 and our commit when the process dies: deliveries under way, two recipients each. */
export const DUPLICATES_A_KILL_MAX = 20 * 2;
const STARTING_SHARE = 0.1;
const STARTING_MS = 400;
const ALARMS =
  /"event":"(queue\.(?:damaged|defect|unreadable|courier-defect|write-failed)|delivery\.(?:not-sealed|defect))"/g;

/** Runs until the last life has delivered everything. */
export async function runKills(options: KillRunOptions): Promise<KillReport> {
  const run = new KillRun(options);
  try {
    return await run.run();
  } finally {
    await run.close();
  }
}

interface Sample {
  readonly to: string;
  readonly message: Buffer;
}

class KillRun {
  readonly #options: KillRunOptions;
  readonly #arrivals: Arrival[] = [];
  readonly #killedAt = new Map<number, number>();
  readonly #samples: Sample[] = [];
  readonly #alarms = new Map<string, number>();
  readonly #startMs: number[] = [];
  #sampledThisLife = 0;
  #tornUpdates = 0;
  #killedStarting = 0;
  #cutAtHop = 0;
  #life = 0;
  #house: GatewayHouse | null = null;
  #load: KillLoad | null = null;
  #close: () => Promise<void> = async () => {};

  constructor(options: KillRunOptions) {
    this.#options = options;
  }

  async run(): Promise<KillReport> {
    const began = performance.now();
    const hop = await startNextHop({ open: (envelope) => this.#take(envelope) });
    this.#close = hop.close;
    const { house, port } = await openSteadyHouse({
      nextHopPort: hop.port,
      rules: ['plain@partner.example: { sign: never, encrypt: never }'],
      queue: 'retry: { first: 1s, max: 2s }',
    });
    this.#house = house;
    const load = new KillLoad(port, this.#options.sessions);
    this.#load = load;
    for (let kill = 0; kill < this.#options.kills; kill += 1) await this.#liveAndDie(house);
    await this.#start(house);
    await load.stop();
    await house.drained(120_000);
    await house.end('SIGTERM');
    this.#readLog(house);
    return {
      ...findKillFindings(load.attempts, this.#arrivals, this.#killedAt),
      kills: this.#options.kills,
      killedStarting: this.#killedStarting,
      cutAtHop: this.#cutAtHop,
      openedByOpenssl: this.#openSamples(house),
      left: filesBelow(house.spool),
      alarms: this.#alarms,
      tornUpdates: this.#tornUpdates,
      startMs: this.#startMs,
      seconds: (performance.now() - began) / 1000,
    };
  }

  async close(): Promise<void> {
    await this.#house?.close();
    await this.#close();
  }

  async #start(house: GatewayHouse): Promise<void> {
    this.#life += 1;
    this.#sampledThisLife = 0;
    const began = performance.now();
    await house.start();
    this.#startMs.push(performance.now() - began);
  }

  async #liveAndDie(house: GatewayHouse): Promise<void> {
    if (Math.random() < STARTING_SHARE) {
      this.#killedStarting += 1;
      this.#life += 1;
      const starting = house.start().catch(() => undefined);
      await sleep(randomInt(STARTING_MS));
      await this.#kill(house);
      await starting;
      return;
    }
    await this.#start(house);
    await sleep(randomInt(this.#options.lifeMs));
    await this.#kill(house);
  }

  async #kill(house: GatewayHouse): Promise<void> {
    const ended = house.end('SIGKILL');
    this.#killedAt.set(this.#life, performance.now());
    await ended;
    this.#readLog(house);
  }

  /** The log of one life is read and let go, for all together would be hundreds of megabytes. */
  #readLog(house: GatewayHouse): void {
    for (const [, event = ''] of house.output.matchAll(ALARMS)) {
      this.#alarms.set(event, (this.#alarms.get(event) ?? 0) + 1);
    }
    this.#tornUpdates += house.output.split('"queue.torn-update"').length - 1;
    house.output = '';
  }

  #take(envelope: HopEnvelope): MailTaker {
    const life = this.#life;
    const chunks: Buffer[] = [];
    return {
      take: (octets) => {
        chunks.push(Buffer.from(octets));
      },
      end: () => this.#arrived(envelope, Buffer.concat(chunks), life),
      lost: () => {
        this.#cutAtHop += 1;
      },
    };
  }

  #arrived(envelope: HopEnvelope, message: Buffer, life: number): void {
    const attempt = /^Message-ID: <([^@>]+)@/m.exec(message.toString('latin1', 0, 4096))?.[1] ?? 'unknown';
    const fault = this.#findFault(attempt, envelope, message);
    this.#arrivals.push({ attempt, to: envelope.to, digest: sha256(message), life, at: performance.now(), fault });
    if (this.#sampledThisLife < this.#options.sampled && Math.random() < 0.3) {
      this.#sampledThisLife += 1;
      this.#samples.push({ to: envelope.to[0] ?? '', message });
    }
  }

  #findFault(id: string, envelope: HopEnvelope, message: Buffer): string | null {
    const attempt = this.#load?.attempts.get(id);
    if (attempt === undefined) return 'nobody sent this';
    const [to = ''] = envelope.to;
    const partner = this.#house?.partners.get(to) ?? null;
    try {
      const copy = readCopy(message, partner);
      if (copy.encrypted !== (partner !== null)) return `encrypted: ${copy.encrypted}`;
      if (copy.signed !== (to !== 'plain@partner.example')) return `signed: ${copy.signed}`;
      return sha256(copy.body) === attempt.bodyDigest ? null : 'another body than was sent';
    } catch (thrown) {
      return String(thrown);
    }
  }

  /** @returns how many were opened, verified and held a whole body; throws at the first that openssl refuses */
  #openSamples(house: GatewayHouse): number {
    for (const { to, message } of this.#samples) {
      if (house.partners.has(to)) house.open(to, message);
      else if (to !== 'plain@partner.example') house.verify(message);
    }
    return this.#samples.filter(({ to }) => to !== 'plain@partner.example').length;
  }
}
