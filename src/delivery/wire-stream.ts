/**
 * The message as the stream that SMTPConnection sends, and the one place where its own data filter is set aside.
 *
 * QUIRK: nodemailer 10.6.0 pipes every message through a filter that looks at each octet twice, stuffs dots, repairs
 * line ends and writes the final dot when its source ends. Ours comes stuffed and ended from {@link wireOctets}, where a
 * wrong line end is refused and the final dot stands only behind a complete message. So `pipe` makes the filter pass
 * octets through. A filter of another shape than the known one is refused with `defect`: nothing is sent then.
 */
import { Readable, Transform, type TransformCallback } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { gatewayError } from '../errors.ts';

/** After so many octets the event loop gets its turn: a body at hand and a hop that takes all would keep it for seconds. */
const TURN_BYTES = 524_288;

/** Streams one message; made for one transaction. Destroying it closes the body it reads from. */
export class WireStream extends Readable {
  /** True from the first octet asked for: the 354 was given. */
  begun = false;
  /** True once the final dot was handed over: from here on the hop may have it all. */
  complete = false;
  /** What the source threw; undefined as long as it has not. */
  failure: unknown;
  readonly #octets: AsyncGenerator<Buffer, void, undefined>;
  readonly #progress: () => void;
  /** One chunk is held back until the source gave the next or ended well, so the final dot is never sent too early. */
  #held: Buffer | null = null;
  #reading = false;
  #sinceTurn = 0;

  /**
   * @param octets dot-stuffed octets with the final dot; read to their end or closed
   * @param progress called whenever the socket asks for more
   */
  constructor(octets: AsyncGenerator<Buffer, void, undefined>, progress: () => void) {
    // nothing is read ahead of the socket but the chunk held back
    super({ highWaterMark: 1 });
    this.#octets = octets;
    this.#progress = progress;
  }

  override _read(): void {
    this.begun = true;
    if (this.#reading) return;
    this.#reading = true;
    this.#progress();
    this.#advance().catch((thrown: unknown) => {
      this.failure = thrown;
      // SMTPConnection writes its own code into the error that it is shown
      this.destroy(new Error('the message could not be read to its end'));
    });
  }

  async #advance(): Promise<void> {
    if (this.#sinceTurn >= TURN_BYTES) {
      this.#sinceTurn = 0;
      await setImmediate();
    }
    let chunk = this.#held;
    let next = await this.#octets.next();
    if (chunk === null && next.done !== true) {
      chunk = next.value;
      next = await this.#octets.next();
    }
    this.#reading = false;
    if (this.destroyed) return;
    this.#held = next.done === true ? null : next.value;
    if (next.done === true) this.complete = true;
    this.#sinceTurn += chunk?.length ?? 0;
    if (chunk !== null) this.push(chunk);
    if (next.done === true) this.push(null);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // a source that hangs in its read is closed when that read ends; nobody waits for it
    this.#octets.return().catch(() => {});
    done(error);
  }

  override pipe<T extends NodeJS.WritableStream>(destination: T, options?: { end?: boolean }): T {
    passThrough(destination);
    return super.pipe(destination, options);
  }
}

function passThrough(filter: NodeJS.WritableStream): void {
  if (!(filter instanceof Transform) || !('lastByte' in filter) || !('outByteCount' in filter)) {
    throw gatewayError('defect', 'SMTPConnection filters data in an unknown way');
  }
  filter._transform = (chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback) => done(null, chunk);
  filter._flush = (done: TransformCallback) => done();
}
