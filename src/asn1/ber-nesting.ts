/**
 * The values that a reader of a BER stream has gone into (X.690 §8.1.3): where each ends, and what may still be in it.
 * Refused with asn1.malformed: a value longer than what holds it; with asn1.limits: nesting past
 * {@link STREAM_DEPTH_MAX}.
 */
import { gatewayError } from '../errors.ts';
import { type Header, INDEFINITE, malformed } from './ber-header.ts';
import type { PieceWindow } from './piece-window.ts';

/** Deepest nesting followed: the one limit for streamed objects (catalogue C1). */
export const STREAM_DEPTH_MAX = 64;

/** One value that was entered. `end` is -1 when indefinite; `limit` is the end of the nearest definite one. */
export interface Frame {
  readonly end: number;
  readonly limit: number;
}

/** Moves the window into values and out of them. */
export class BerNesting {
  private readonly window: PieceWindow;
  private frames: Frame[] = [];

  constructor(window: PieceWindow) {
    this.window = window;
  }

  get depth(): number {
    return this.frames.length;
  }

  /** Values that were entered, the outermost first: for {@link restore} in another reading. */
  copy(): readonly Frame[] {
    return [...this.frames];
  }

  restore(frames: readonly Frame[]): void {
    this.frames = [...frames];
  }

  /** Is the innermost value at its end, or, outside of all, the stream? null where the window does not tell. */
  endNow(): boolean | null {
    const { window } = this;
    const frame = this.frames.at(-1);
    if (frame !== undefined && frame.end !== INDEFINITE) return window.position >= frame.end;
    if (window.held < 2) return null;
    return frame !== undefined && window.buffer[window.at] === 0 && window.buffer[window.at + 1] === 0;
  }

  /** Goes into the value whose header stands at the window's place. */
  enter(header: Header): void {
    checkDepth(this.frames.length + 1);
    this.checkWithin(header);
    const limit = this.limit();
    this.window.at += header.octets;
    const end = this.window.position + header.length;
    this.frames.push(header.length === INDEFINITE ? { end: INDEFINITE, limit } : { end, limit: end });
  }

  /** Goes out of the innermost value, which is at its end. */
  leave(): void {
    if (this.frames.pop()?.end === INDEFINITE) this.window.at += 2;
  }

  /** Does the value whose header stands at the window's place fit into what holds it? @throws GatewayError asn1.malformed */
  checkWithin(header: Header): void {
    if (this.window.position + header.octets + Math.max(0, header.length) > this.limit()) {
      throw malformed('value longer than what holds it');
    }
  }

  private limit(): number {
    return this.frames.at(-1)?.limit ?? Number.MAX_SAFE_INTEGER;
  }
}

/** @throws GatewayError asn1.limits */
export function checkDepth(depth: number): void {
  if (depth > STREAM_DEPTH_MAX) throw gatewayError('asn1.limits', `nested deeper than ${STREAM_DEPTH_MAX}`);
}
