/**
 * Cuts what a client sends into command lines and messages (RFC 5321 §2.3.8, §4.1.1.4, §4.5.2), in place of
 * smtp-server's own parser, whose message scan is per octet and hands a task to the event loop for each stuffed dot.
 *
 * Refused: any bare LF, bare CR or NUL ({@link CrlfGuard}), told by {@link InputParser.onoffence} in its turn, after
 * everything before it was answered; command lines over the limit. A last line without CRLF is not a command.
 * Two things are left for later: a total deadline per command, and a least rate for DATA (catalogue S10). Both belong
 * here, where a begun line or message is known.
 */
import { SMTPStream } from 'smtp-server/lib/smtp-stream.js';
import { CrlfGuard } from './crlf-guard.ts';
import type { MessageStream } from './message-stream.ts';

const LF = 0x0a;
const CR = 0x0d;
const DOT = 0x2e;
const EMPTY = Buffer.alloc(0);
// the guard proved that every LF follows a CR, so this pair marks a dot that begins a line, across chunks too
const LF_DOT = Buffer.from('\n.');

/** RFC 4954 §4 asks for 12288 octets in AUTH lines; nothing else comes near. */
const COMMAND_OCTETS_MAX = 12288;
/** Pipelined commands answered in one go before other connections get their turn. */
const COMMANDS_PER_TURN = 100;

type Callback = (error?: Error | null) => void;
type MessageState = 'in line' | 'line begins' | 'after dot' | 'after dot and CR';

/** One parser serves one connection up to STARTTLS, another one the TLS session after it. */
export class InputParser extends SMTPStream {
  /** Called once when the guard found an offence; nothing after it is parsed. */
  onoffence: () => void = () => undefined;
  readonly #guard = new CrlfGuard();
  #chunk: Buffer = EMPTY;
  #at = 0;
  #offended = false;
  #done: Callback | null = null;
  #partial: Buffer = EMPTY;
  #message: MessageStream | null = null;
  #messageState: MessageState = 'line begins';
  /** A whole message came and is not answered yet: no command behind it may run. */
  #held = false;
  #running = false;
  #again = false;
  #commandsThisTurn = 0;

  /** True while another complete command line waits in what was read. */
  get pipelined(): boolean {
    return this.#message === null && this.#chunk.indexOf(LF, this.#at) !== -1;
  }

  /** From the next octet on, what comes is this message (354 was said). */
  startMessage(message: MessageStream): void {
    this.#message = message;
    this.#messageState = 'line begins';
  }

  /** The message was answered: go on with the commands behind it. */
  override continue(): void {
    this.#held = false;
    this.#run();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding | 'buffer', next: Callback): void {
    if (this.isClosed) {
      next();
      return;
    }
    const offence = this.#guard.scan(chunk);
    this.#offended = offence !== -1;
    this.#chunk = this.#offended ? chunk.subarray(0, offence) : chunk;
    this.#at = 0;
    this.#done = next;
    this.#run();
  }

  /** A half line before the client's FIN is dropped: smtp-server would run it as a command. */
  override _flushData(): void {
    this.#partial = EMPTY;
  }

  // Handlers may answer at once or later; a loop instead of recursion keeps the stack flat under pipelining.
  readonly #run = (): void => {
    this.#again = true;
    if (this.#running) return;
    this.#running = true;
    try {
      while (this.#again) {
        this.#again = false;
        if (this.#done === null || (this.#held && !this.isClosed)) return;
        if (this.isClosed) this.#finish();
        else if (this.#message !== null) this.#feed(this.#message);
        else this.#command();
      }
    } finally {
      this.#running = false;
    }
  };

  #finish(error?: Error): void {
    const done = this.#done;
    this.#done = null;
    this.#chunk = EMPTY;
    this.#at = 0;
    if (this.#offended && !this.isClosed) {
      this.#offended = false;
      this.onoffence();
    }
    done?.(error);
  }

  #command(): void {
    const end = this.#chunk.indexOf(LF, this.#at);
    const piece = this.#chunk.subarray(this.#at, end === -1 ? this.#chunk.length : end);
    if (this.#partial.length + piece.length > COMMAND_OCTETS_MAX) {
      this.#partial = EMPTY;
      this.#finish(new Error('command line too long'));
      return;
    }
    const line = this.#partial.length === 0 ? piece : Buffer.concat([this.#partial, piece]);
    if (end === -1) {
      // a copy: the line must not keep the whole chunk alive while the client thinks
      this.#partial = Buffer.from(line);
      this.#finish();
      return;
    }
    this.#partial = EMPTY;
    this.#at = end + 1;
    this.#commandsThisTurn += 1;
    const resume = this.#commandsThisTurn % COMMANDS_PER_TURN === 0 ? () => setImmediate(this.#run) : this.#run;
    this.oncommand(line.subarray(0, line.length - 1), resume);
  }

  /** Unstuffs in place: a chunk is ours once it is read, and the output is never longer than the input. */
  #feed(message: MessageStream): void {
    const chunk = this.#chunk;
    const start = this.#at;
    let read = start;
    let written = start;
    let ended = false;
    while (read < chunk.length && !ended) {
      if (this.#messageState === 'in line') {
        const dot = chunk.indexOf(LF_DOT, read);
        const end = dot === -1 ? chunk.length : dot + 1;
        if (written !== read) chunk.copyWithin(written, read, end);
        written += end - read;
        read = end;
        this.#messageState = chunk[end - 1] === LF ? 'line begins' : 'in line';
      } else {
        const octet = chunk[read];
        if (this.#messageState === 'line begins' && octet === DOT) {
          this.#messageState = 'after dot';
          read += 1;
        } else if (this.#messageState === 'after dot' && octet === CR) {
          this.#messageState = 'after dot and CR';
          read += 1;
        } else if (this.#messageState === 'after dot and CR') {
          // an LF: the guard lets nothing else follow a CR
          ended = true;
          read += 1;
        } else {
          this.#messageState = 'in line';
        }
      }
    }
    this.#at = read;
    this.#handOn(message, chunk.subarray(start, written), ended);
  }

  #handOn(message: MessageStream, octets: Buffer, ended: boolean): void {
    const mayGoOn = octets.length === 0 || message.write(octets, this.#run);
    if (ended) {
      this.#message = null;
      this.#held = true;
      message.end();
    } else if (this.#at >= this.#chunk.length) {
      // wait for the receiver before asking the socket for more
      if (mayGoOn) this.#finish();
      else this.#message = message;
    }
  }
}
