/** Reloads of good and broken configurations while mail flows (catalogue O5): what is lost, and what was in force. */
import { readFileSync, writeFileSync } from 'node:fs';
import { clearSample } from './clear-samples.ts';
import { FaultHouse, logged } from './fault-scene.ts';
import { type GatewayHouse, sleep, submit } from './gateway-house.ts';
import { MUTATIONS } from './reload-mutations.ts';
import { CANARY, findInClear } from './wire-tap.ts';

/** A good change after so many broken ones. */
const GOOD_EVERY = 5;
const WORKERS = 2;

export interface ReloadResult {
  readonly refused: number;
  readonly loaded: number;
  readonly accepted: number;
  readonly arrived: number;
  readonly inClear: number;
  readonly problems: readonly string[];
}

/** @param reloads with a broken configuration */
export async function runReloads(reloads: number): Promise<ReloadResult> {
  const hall = await FaultHouse.open();
  const load = new SteadyLoad(hall.house);
  const problems: string[] = [];
  let loaded = 0;
  try {
    load.start();
    for (let turn = 0; turn < reloads; turn += 1) {
      const problem = await refusedReload(hall.house, turn);
      if (problem !== null) problems.push(problem);
      if (turn % GOOD_EVERY === GOOD_EVERY - 1) {
        const goodProblem = await goodReload(hall.house, turn);
        if (goodProblem !== null) problems.push(goodProblem);
        loaded += 1;
      }
    }
    await load.stop();
    await hall.house.drained(60_000);
    problems.push(...load.problems);
    const arrived = hall.sink.messages.length;
    if (arrived !== load.accepted) problems.push(`${load.accepted} accepted, ${arrived} arrived`);
    const inClear = hall.tap.streams.filter((stream) => findInClear(stream, CANARY).length > 0).length;
    return { refused: reloads, loaded, accepted: load.accepted, arrived, inClear, problems };
  } finally {
    await load.stop();
    await hall.close();
  }
}

/** @returns what was not as it must be */
async function refusedReload(house: GatewayHouse, turn: number): Promise<string | null> {
  const mutation = MUTATIONS[turn % MUTATIONS.length];
  if (mutation === undefined) return 'no mutation';
  const before = await configurationOf(house);
  const mend = mutation.apply(house, readFileSync(house.config, 'utf8'), turn);
  const from = house.output.length;
  house.signal('SIGHUP');
  const line = await logged(house, 'configuration.refused|configuration.loaded', from).finally(mend);
  if (line['event'] === 'configuration.loaded') return `${mutation.name}: was loaded`;
  const mistakes = line['mistakes'];
  if (!Array.isArray(mistakes) || mistakes.length === 0) return `${mutation.name}: ${JSON.stringify(line)}`;
  const lost = mistakes.find((mistake) => !mutation.place.test(String(mistake)));
  if (lost !== undefined) return `${mutation.name}: without its place: ${lost}`;
  const after = await configurationOf(house);
  return after === before && line['inForce'] === before ? null : `${mutation.name}: ${before} became ${after}`;
}

async function goodReload(house: GatewayHouse, turn: number): Promise<string | null> {
  const before = await configurationOf(house);
  const comment = `# turn ${turn}\n`;
  writeFileSync(house.config, `${readFileSync(house.config, 'utf8').replace(/^# turn .*\n/gm, '')}${comment}`);
  const from = house.output.length;
  house.signal('SIGHUP');
  await logged(house, 'configuration.loaded', from);
  const after = await configurationOf(house);
  return after === before ? `turn ${turn}: a good configuration was not taken` : null;
}

/** Identifier of the configuration in force. */
export async function configurationOf(house: GatewayHouse): Promise<string> {
  return String(((await house.ask('GET', '/health')) as Record<string, unknown>)['configuration']);
}

/** Mail that never stops: each message on a connection of its own. */
class SteadyLoad {
  accepted = 0;
  readonly problems: string[] = [];
  readonly #house: GatewayHouse;
  #workers: Promise<void>[] = [];
  #stopping = false;

  constructor(house: GatewayHouse) {
    this.#house = house;
  }

  start(): void {
    this.#workers = Array.from({ length: WORKERS }, (_, worker) => this.#work(worker));
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#workers);
  }

  async #work(worker: number): Promise<void> {
    const to = worker % 2 === 0 ? 'rita@must.example' : 'rita@may.example';
    for (let i = 0; !this.#stopping; i += 1) {
      const { text } = clearSample(i, CANARY, 'anna@example.org', to);
      const answer = await submit(this.#house.port, 'anna@example.org', [to], text).catch((thrown: unknown) => {
        return { mail: String(thrown), rcpt: [], data: null };
      });
      if (answer.data?.startsWith('250 ') === true) this.accepted += 1;
      else this.problems.push(`${answer.mail} / ${answer.rcpt.join()} / ${answer.data}`);
      await sleep(10);
    }
  }
}
