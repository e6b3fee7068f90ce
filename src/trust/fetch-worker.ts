/**
 * The program of the thread that fetches (`fetch-thread.ts`): a question comes, its outcome goes back. Whatever a server
 * does, it does it here: the thread holds no mail and no key, and has no environment.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { type Fetcher, openFetcher } from './fetch.ts';
import { addressGuard } from './fetch-address.ts';
import type { FetchLane, FetchMessage, FetchQuestion, FetchSettings } from './fetch-message.ts';
import { yieldToMail } from './thread-priority.ts';

const port = parentPort;
if (port === null) throw new Error('this program is a thread of another');
const settings = workerData as FetchSettings;
const guard = addressGuard(settings.allow);
const lanes = new Map<FetchLane, Fetcher>();
/** Milliseconds since 1970, by the clock of who asked last. */
let now = 0;

yieldToMail(5);
port.on('message', (question: FetchQuestion) => void answer(question));

async function answer({ id, lane, at, request }: FetchQuestion): Promise<void> {
  now = at;
  const message: FetchMessage = { id, outcome: await fetcherOf(lane).fetch(request) };
  port?.postMessage(message);
}

function fetcherOf(lane: FetchLane): Fetcher {
  const found = lanes.get(lane);
  if (found !== undefined) return found;
  const fetcher = openFetcher(guard, () => now, settings.ldap);
  lanes.set(lane, fetcher);
  return fetcher;
}
