/**
 * The kernel of the base64 decoder: base64-unfold.wat, assembled, as a module of WebAssembly with SIMD.
 *
 * The bytes stand here so that nothing is read from disk and nothing is assembled at the start; a test assembles the
 * text and compares. A Node without SIMD gets null, and the decoder its plain path.
 */

/** Decodes whole lines of one width from `input` to `output`, both views of the module's own memory. */
export interface UnfoldModule {
  /** {@link UNFOLD_INPUT_OCTETS} long. */
  readonly input: Buffer;
  /** Takes all that `input` can hold, and some octets more that the kernel writes behind its lines. */
  readonly output: Buffer;
  /**
   * @param from where in `input` the lines begin
   * @param lines that stand there as a whole
   * @param to where in `output` the octets go
   * @param width columns of each, a multiple of 4, at least 16
   * @param crlf whether CRLF ends them, else LF
   * @returns octets of `input` that were decoded: up to the first line that is not as was said
   */
  unfold(from: number, lines: number, to: number, width: number, crlf: boolean): number;
}

/** Octets of text that {@link UnfoldModule.input} holds: 64 KiB, and a line that was not whole before. */
export const UNFOLD_INPUT_OCTETS = 67_584;

/** base64 of the assembled base64-unfold.wat. */
export const UNFOLD_MODULE_BYTES = [
  'AGFzbQEAAAABCgFgBX9/f39/AX8DAgEABQMBAAMHEwIGbWVtb3J5AgAGdW5mb2xkAAAKtQMBsgMCA3sDfyAAIQoCQANAIAFFDQEgBARAIAAgA2ov',
  'AQBBjRRHDQIFIAAgA2otAABBCkcNAgv9DAAAAAAAAAAAAAAAAAAAAAAhB0EAIQggAiEJA0AgACAIav0ABAAhBSAFQQT9jQH9DA8PDw8PDw8PDw8P',
  'Dw8PDw/9TiEGIAf9DBURERERERERERETGhsbGxogBf0MDw8PDw8PDw8PDw8PDw8PD/1O/Q79DBAQAQIECAQIEBAQEBAQEBAgBv0O/U79UCEHIAX9',
  'DAAQEwS/v7m5AAAAAAAAAAAgBiAF/QwvLy8vLy8vLy8vLy8vLy8v/SP9bv0O/W4hBSAFQQb9iwH9DMAPwA/AD8APwA/AD8APwA/9TiAFQQj9jQH9',
  'UCEFIAkgBf0MABABAAAQAQAAEAEAABABAP26Af0MAgEABgUECgkIDg0M//////0O/QsEACAJQQxqIQkgCEEQaiIIQRBqIANNDQAgCCADSQRAIANB',
  'EGshCCACIAhBAnZBA2xqIQkMAQsLIAf9Uw0BIAIgA0ECdkEDbGohAiAAIANBASAEampqIQAgAUEBayEBDAALCyAAIAprCw==',
].join('');

/** The part of the WebAssembly API used here; the ES library of the compiler does not describe it. */
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: Readonly<Record<string, unknown>> };
}

/** Instantiates the kernel. @returns null where the machine or the Node build cannot run it */
export function loadUnfoldModule(): UnfoldModule | null {
  const api = (globalThis as unknown as { readonly WebAssembly?: WebAssemblyApi }).WebAssembly;
  if (api === undefined) return null;
  try {
    const { exports } = new api.Instance(new api.Module(Buffer.from(UNFOLD_MODULE_BYTES, 'base64')));
    const memory = Buffer.from((exports['memory'] as { readonly buffer: ArrayBuffer }).buffer);
    type Unfold = (source: number, lines: number, target: number, width: number, crlf: number) => number;
    const unfold = exports['unfold'] as Unfold;
    return {
      input: memory.subarray(0, UNFOLD_INPUT_OCTETS),
      output: memory.subarray(UNFOLD_INPUT_OCTETS),
      unfold: (from, lines, to, width, crlf) => unfold(from, lines, UNFOLD_INPUT_OCTETS + to, width, crlf ? 1 : 0),
    };
  } catch {
    // no SIMD: a slower decoder is not a fault
    return null;
  }
}

/** Modules that nobody uses: making one costs as much as decoding half a megabyte. */
const idle: UnfoldModule[] = [];
/** More streams at the same time each make their own. */
const IDLE_MAX = 4;

/** A module whose memory is the borrower's until it is given back; dropped ones are collected. @returns null as above */
export function borrowUnfoldModule(): UnfoldModule | null {
  return idle.pop() ?? loadUnfoldModule();
}

/** Gives one back. Nobody may look at its memory any more. */
export function returnUnfoldModule(module: UnfoldModule): void {
  if (idle.length < IDLE_MAX) idle.push(module);
}
