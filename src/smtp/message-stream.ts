/**
 * The octets of one message on their way from the socket to the receiver, with back-pressure in both senses: the
 * parser waits when the receiver is slow, and a receiver that stops reading never stops the parser.
 *
 * It ends normally only when the whole message came. Too large, a bare line end or a lost connection make the reader
 * throw, also in the middle (catalogue S2, S12, S13), so nothing half can be taken for whole.
 */
import { type GatewayError, gatewayError } from '../errors.ts';

/** How much may wait for the receiver. One read of a socket is at most 64 KiB, so two reads at the worst. */
const WAITING_OCTETS_MAX = 64 * 1024;

/** One message. Written by the parser, read once by the receiver. */
export class MessageStream implements AsyncIterable<Buffer> {
  /** Octets of the message so far, dots unstuffed. */
  bytes = 0;
  /** Resolves when the last octet came or never will. Never rejects. */
  readonly over: Promise<void>;
  readonly #bytesMax: number;
  #settleOver: () => void = () => undefined;
  #chunks: Buffer[] = [];
  #waitingOctets = 0;
  #ended = false;
  #failure: GatewayError | null = null;
  #discarding = false;
  #returned = false;
  #readToEnd = false;
  #taken = false;
  #reader: (() => void) | null = null;
  #writer: (() => void) | null = null;

  /** @param bytesMax one octet more fails the stream with `smtp.too-large` */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.over = new Promise((resolve) => {
      this.#settleOver = resolve;
    });
  }

  /** What the reader is thrown, null while all is well. */
  get failure(): GatewayError | null {
    return this.#failure;
  }

  /** True when every octet came, none was refused, and the reader was told so. Only then may a 250 be said. */
  get readToEnd(): boolean {
    return this.#readToEnd;
  }

  /** True when no more input is awaited from the client: the end came, or the receiver is behind. */
  get owesNothing(): boolean {
    return this.#ended || this.#writer !== null;
  }

  /**
   * Takes the next octets.
   * @param resume called later, once, if the answer is false
   * @returns true when the writer may go on at once
   */
  write(chunk: Buffer, resume: () => void): boolean {
    this.bytes += chunk.length;
    if (this.bytes > this.#bytesMax && this.#failure === null) {
      this.#fail(gatewayError('smtp.too-large', `more than ${this.#bytesMax} octets`));
    }
    if (this.#discarding || this.#failure !== null) return true;
    this.#chunks.push(chunk);
    this.#waitingOctets += chunk.length;
    this.#wakeReader();
    if (this.#waitingOctets <= WAITING_OCTETS_MAX) return true;
    this.#writer = resume;
    return false;
  }

  /** The end-of-data mark came. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#wakeReader();
    this.#settleOver();
  }

  /** The message will never be whole. After {@link end} this does nothing. */
  fail(failure: GatewayError): void {
    if (this.#ended) return;
    this.#fail(failure);
    this.#ended = true;
    this.#settleOver();
  }

  /** The receiver wants no more: what comes is counted and thrown away. */
  discard(): void {
    this.#discarding = true;
    this.#chunks = [];
    this.#waitingOctets = 0;
    this.#wakeReader();
    this.#wakeWriter();
  }

  [Symbol.asyncIterator](): AsyncIterator<Buffer, undefined> {
    if (this.#taken) throw gatewayError('defect', 'a message stream is read once');
    this.#taken = true;
    return {
      next: () => this.#next(),
      return: () => {
        this.#returned = true;
        this.discard();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  async #next(): Promise<IteratorResult<Buffer, undefined>> {
    for (;;) {
      if (this.#failure !== null) throw this.#failure;
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#waitingOctets -= chunk.length;
        if (this.#waitingOctets <= WAITING_OCTETS_MAX) this.#wakeWriter();
        return { done: false, value: chunk };
      }
      if (this.#returned) return { done: true, value: undefined };
      // thrown away while somebody still reads: to end normally here would make half a message whole
      if (this.#discarding) throw gatewayError('smtp.interrupted', 'read on after the message was decided');
      if (this.#ended) {
        this.#readToEnd = true;
        return { done: true, value: undefined };
      }
      await new Promise<void>((resolve) => {
        this.#reader = resolve;
      });
    }
  }

  #fail(failure: GatewayError): void {
    this.#failure ??= failure;
    this.#chunks = [];
    this.#waitingOctets = 0;
    this.#wakeReader();
    this.#wakeWriter();
  }

  #wakeReader(): void {
    const wake = this.#reader;
    this.#reader = null;
    wake?.();
  }

  #wakeWriter(): void {
    const wake = this.#writer;
    this.#writer = null;
    wake?.();
  }
}
