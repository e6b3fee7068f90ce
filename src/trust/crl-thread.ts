/**
 * Reads CRLs for a gateway: small ones here, large ones in a thread of their own. What a large list leaves behind while it is
 * read has V8 collect all memory of the heap it is read in, every 150 ms, with everybody waiting; in a heap of its own nobody
 * waits for that.
 *
 * One list at a time. The thread begins with the first large list and ends after a minute without one, so that a gateway that
 * meets none has none. A list whose reading takes longer than {@link READING_MS_MAX}, or with which the thread ends, is refused
 * with trust.undecided; the next one gets a new thread.
 */
import { stat } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { gatewayError } from '../errors.ts';
import type { RevocationList } from '../x509/crl.ts';
import { readCrlFile, type SignersOf } from './crl-file.ts';
import { type CrlMessage, errorOf, failureOf, listOf } from './crl-parts.ts';

/** Octets of a file that is read there. A smaller one is read in less time than a thread needs to begin. */
const LARGE_OCTETS = 1024 * 1024;
/** The largest list takes some seconds, with as many keys as are tried; more is a disk that does not answer. */
const READING_MS_MAX = 60_000;
const IDLE_MS = 60_000;
/** Of the thread's heap. The index lies outside of it, and is bounded by `x509/crl-entries-builder.ts`. */
const HEAP_MIB_MAX = 128;
const YOUNG_HEAP_MIB_MAX = 16;

interface Reading {
  readonly signersOf: SignersOf;
  readonly resolve: (list: RevocationList) => void;
  readonly reject: (reason: Error) => void;
}

/** What tests set otherwise. */
export interface CrlThreadOptions {
  readonly largeOctets?: number;
  readonly readingMs?: number;
  readonly idleMs?: number;
  readonly program?: URL;
}

export class CrlThread {
  private readonly options: Required<CrlThreadOptions>;
  private readonly answered = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  /** null: the next large list begins one. */
  private worker: Worker | null = null;
  /** Of the list that is read there now. */
  private reading: Reading | null = null;
  private late: NodeJS.Timeout | undefined;
  private idle: NodeJS.Timeout | undefined;
  /** Settles, never rejects, when the last list that asked for its turn was read. */
  private turn: Promise<void> = Promise.resolve();
  private ended = false;

  constructor(options: CrlThreadOptions = {}) {
    this.options = {
      largeOctets: LARGE_OCTETS,
      readingMs: READING_MS_MAX,
      idleMs: IDLE_MS,
      program: new URL('./crl-worker.js', import.meta.url),
      ...options,
    };
  }

  /** Was {@link close} called? What is refused then says nothing of a list. */
  get closed(): boolean {
    return this.ended;
  }

  /** Is there a thread now? */
  get running(): boolean {
    return this.worker !== null;
  }

  /**
   * @param file absolute path; what is in it may be anybody's
   * @throws GatewayError asn1.malformed, asn1.limits, trust.undecided; file system errors
   */
  async read(file: string, signersOf: SignersOf): Promise<RevocationList> {
    const facts = await stat(file).catch(() => null);
    // a file that is not there is refused where it is opened, in the words for that
    if (facts === null || facts.size < this.options.largeOctets) return await readCrlFile(file, signersOf);
    const read = this.turn.then(() => this.readThere(file, signersOf));
    this.turn = read.then(
      () => {},
      () => {},
    );
    return await read;
  }

  /** Ends the thread at once, and with it what is read there. Large lists are refused from now on. */
  async close(): Promise<void> {
    this.ended = true;
    await this.stop('reading ended, for nobody needs the list any more');
  }

  private readThere(file: string, signersOf: SignersOf): Promise<RevocationList> {
    return new Promise<RevocationList>((resolve, reject) => {
      if (this.ended) throw undecided('not read, for nobody needs the list any more');
      clearTimeout(this.idle);
      this.reading = { signersOf, resolve, reject };
      this.worker ??= this.start();
      // who waits for a list keeps the process; a thread without one does not
      this.worker.ref();
      this.late = setTimeout(
        () => void this.stop(`not read within ${this.options.readingMs} ms`),
        this.options.readingMs,
      );
      this.worker.postMessage(file);
    });
  }

  private start(): Worker {
    Atomics.store(this.answered, 0, 0);
    const worker = new Worker(this.options.program, {
      name: 'crl',
      workerData: this.answered,
      env: {},
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB_MAX, maxYoungGenerationSizeMb: YOUNG_HEAP_MIB_MAX },
    });
    const gone = (reason: string): void => {
      if (this.worker === worker) void this.stop(reason);
    };
    worker.on('message', (message: CrlMessage) => {
      if (this.worker === worker) this.take(worker, message);
    });
    worker.on('messageerror', (error) => gone(`the thread that read it was not understood: ${error.message}`));
    worker.on('error', (error) => gone(`the thread that read it failed: ${error.message}`));
    worker.on('exit', (code) => gone(`the thread that read it ended with ${code}`));
    return worker;
  }

  private take(worker: Worker, message: CrlMessage): void {
    const { reading } = this;
    if (reading === null) return;
    if (message.kind === 'question') {
      this.answer(worker, reading, Buffer.from(message.issuer));
      return;
    }
    this.rest(worker);
    if (message.kind === 'list') reading.resolve(listOf(message.parts));
    else reading.reject(errorOf(message.failure));
  }

  private answer(worker: Worker, reading: Reading, issuer: Buffer): void {
    try {
      // copies: a certificate may be a small part of a large file, all of which would be sent
      worker.postMessage(reading.signersOf(issuer).map(({ der }) => new Uint8Array(der)));
      Atomics.store(this.answered, 0, 1);
      Atomics.notify(this.answered, 0);
    } catch (thrown) {
      reading.reject(errorOf(failureOf(thrown)));
      // it waits for an answer that will not come
      void this.stop('');
    }
  }

  /** The list was read. */
  private rest(worker: Worker): void {
    this.reading = null;
    clearTimeout(this.late);
    worker.unref();
    this.idle = setTimeout(() => void this.stop('idle'), this.options.idleMs);
    this.idle.unref();
  }

  /** @param reason why the list that is read there, if there is one, is refused */
  private async stop(reason: string): Promise<void> {
    const { worker, reading } = this;
    this.worker = null;
    this.reading = null;
    clearTimeout(this.late);
    clearTimeout(this.idle);
    reading?.reject(undecided(reason));
    await worker?.terminate();
  }
}

function undecided(reason: string): Error {
  return gatewayError('trust.undecided', reason);
}
