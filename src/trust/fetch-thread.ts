/**
 * Fetches in a thread of its own what certificates point at: what a hostile server sends, how fast, and what that leaves
 * behind delays no mail, and an exception that nobody can catch ends that thread and not the gateway.
 *
 * The thread begins with the first question and ends after a minute without one. Where it ends by itself or does not answer
 * in time, all that it was asked has failed, and the next question gets a new one.
 */
import { Worker } from 'node:worker_threads';
import type { Fetcher } from './fetch.ts';
import type { FetchLane, FetchMessage, FetchQuestion, FetchSettings } from './fetch-message.ts';
import type { FetchFailureKind } from './fetch-refusal.ts';
import type { FetchOutcome, FetchRequest } from './fetch-request.ts';

/** After its own deadline, for a thread that begins on a machine under load. */
const GRACE_MS = 10_000;
const IDLE_MS = 60_000;
/** Of the thread's heap. Answers lie outside of it, and go to a file where they are large. */
const HEAP_MIB_MAX = 128;
const YOUNG_HEAP_MIB_MAX = 16;

interface Asked {
  readonly resolve: (outcome: FetchOutcome) => void;
  readonly late: NodeJS.Timeout;
}

/** What tests set otherwise. */
export interface FetchThreadOptions {
  readonly graceMs?: number;
  readonly idleMs?: number;
  readonly program?: URL;
}

export class FetchThread {
  private readonly settings: FetchSettings;
  private readonly now: () => number;
  private readonly options: Required<FetchThreadOptions>;
  /** null: the next question begins one. */
  private worker: Worker | null = null;
  /** What the thread was asked, by number. */
  private readonly asked = new Map<number, Asked>();
  private last = 0;
  private idle: NodeJS.Timeout | undefined;
  private ended = false;

  /** @param now milliseconds since 1970; by it hosts that failed are left alone */
  constructor(settings: FetchSettings, now: () => number, options: FetchThreadOptions = {}) {
    this.settings = settings;
    this.now = now;
    this.options = {
      graceMs: GRACE_MS,
      idleMs: IDLE_MS,
      program: new URL('./fetch-worker.js', import.meta.url),
      ...options,
    };
  }

  /** Is there a thread now? */
  get running(): boolean {
    return this.worker !== null;
  }

  /** Who asks in one lane takes no turn from another, and closes no host to it. */
  lane(lane: FetchLane): Fetcher {
    return { fetch: (request) => this.fetch(lane, request) };
  }

  /** Ends the thread at once, and with it what is fetched there. Nothing is fetched from now on. */
  async close(): Promise<void> {
    this.ended = true;
    await this.stop('busy', 'nobody needs it any more');
  }

  private fetch(lane: FetchLane, request: FetchRequest): Promise<FetchOutcome> {
    if (this.ended) return Promise.resolve({ ok: false, kind: 'busy', reason: 'nobody needs it any more' });
    clearTimeout(this.idle);
    try {
      this.worker ??= this.start();
    } catch (thrown) {
      return Promise.resolve({ ok: false, kind: 'failed', reason: `no thread to fetch with: ${thrown}` });
    }
    const { worker } = this;
    return new Promise((resolve) => {
      // who waits for an answer keeps the process; a thread without one does not
      worker.ref();
      const id = ++this.last;
      const tooLate = (): void => void this.stop('failed', 'the thread that fetches did not answer');
      this.asked.set(id, { resolve, late: setTimeout(tooLate, request.timeoutMs + this.options.graceMs) });
      const { post } = request;
      // a copy: sent is all of the memory in which these octets lie
      const alone = post === null ? null : { ...post, body: new Uint8Array(post.body) };
      const question: FetchQuestion = { id, lane, at: this.now(), request: { ...request, post: alone } };
      worker.postMessage(question);
    });
  }

  private start(): Worker {
    const worker = new Worker(this.options.program, {
      name: 'fetch',
      workerData: this.settings,
      env: {},
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB_MAX, maxYoungGenerationSizeMb: YOUNG_HEAP_MIB_MAX },
    });
    const gone = (reason: string): void => {
      if (this.worker === worker) void this.stop('failed', reason);
    };
    worker.on('message', (message: FetchMessage) => {
      if (this.worker === worker) this.take(worker, message);
    });
    worker.on('messageerror', (error) => gone(`the thread that fetches was not understood: ${error.message}`));
    worker.on('error', (error) => gone(`the thread that fetches failed: ${error.message}`));
    worker.on('exit', (code) => gone(`the thread that fetches ended with ${code}`));
    return worker;
  }

  private take(worker: Worker, { id, outcome }: FetchMessage): void {
    const asked = this.asked.get(id);
    if (asked === undefined) return;
    this.asked.delete(id);
    clearTimeout(asked.late);
    if (this.asked.size === 0) this.rest(worker);
    // octets come out of a message without the methods of a Buffer
    asked.resolve(outcome.ok ? { ...outcome, octets: Buffer.from(outcome.octets) } : outcome);
  }

  /** All was answered. */
  private rest(worker: Worker): void {
    worker.unref();
    this.idle = setTimeout(() => void this.stop('failed', 'idle'), this.options.idleMs);
    this.idle.unref();
  }

  /** Ends the thread. What it was asked has come to this, and is told so when it no longer runs. */
  private async stop(kind: FetchFailureKind, reason: string): Promise<void> {
    const { worker } = this;
    const asked = [...this.asked.values()];
    this.worker = null;
    this.asked.clear();
    clearTimeout(this.idle);
    for (const { late } of asked) clearTimeout(late);
    await worker?.terminate();
    for (const { resolve } of asked) resolve({ ok: false, kind, reason });
  }
}
