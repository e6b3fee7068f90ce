/**
 * The kernel that looks at lines of text: line-scan.wat, assembled, as a module of WebAssembly with SIMD.
 *
 * One pass in place of a native search for each thing that is looked for, and of one for each line. The bytes stand here so that nothing is read from disk and nothing is assembled at the start; a test assembles the
 * text and compares. A Node without SIMD gets null, and its callers their plain paths.
 */

/** What a stretch of text is; `false` is the good answer everywhere. */
export interface LineFacts {
  /** An octet above 127, NUL, or a line of more than 998 octets that has ended (RFC 2045 §2.7, RFC 5322 §2.1.1). */
  readonly eightBit: boolean;
  /** LF without CR before it. */
  readonly bareLf: boolean;
  /** White space before CRLF, or `From ` where a line begins (RFC 8551 §3.1.3), whole within the stretch. */
  readonly fragile: boolean;
  /** Octets of the last line, which has not ended. */
  readonly column: number;
}

/** @param chunk attacker-chosen, at most {@link SCAN_OCTETS_MAX} @param before octet @param column of the line under way */
export type LineScan = (chunk: Buffer, before: number, column: number) => LineFacts;

/** Longer chunks are for the plain paths, or to be cut. */
export const SCAN_OCTETS_MAX = 65_536;

/** base64 of the assembled line-scan.wat. */
export const LINE_SCAN_MODULE_BYTES = [
  'AGFzbQEAAAABCAFgA39/fwF/AwIBAAUDAQACBgYBfwFBAAsHGgMGbWVtb3J5AgAGY29sdW1uAwAEc2NhbgAACuMCAeACAgV/CHsgACABaiEDIAAg',
  'AmshBEEK/Q8hCUEu/Q8hDSADIA39CwQAIAMgDf0LBBAgAkUgACkDAEL//////x+DQsbkveuGBFFxIQcCQANAIAAgA08NASAA/QAEACEIIAwgCP1Q',
  'IQwgDSAI/XchDSAIIAn9IyEKIAr9ZCEFIAUEQCAOIAogAEEBa/0ABABBDf0P/SP9T/1QIQ4gAEECa/0ABAAhCyAPIAogC0Eg/Q/9IyALQQn9D/0j',
  '/VAgAP0ABAFBxgD9D/0jIAD9AAQCQfIA/Q/9I/1OIAD9AAQDQe8A/Q/9IyAA/QAEBEHtAP0P/SP9Tv1OIAD9AAQFQSD9D/0j/U79UP1O/VAhDyAG',
  'IAAgBWhqIARrQecHSnIhBiAAQSAgBWdraiEECyAAQRBqIQAMAAsLIAMgBGskACAM/WRBAEcgDf1jRXIgDv1TQQF0ciAGQQJ0IA/9UyAHckEDdHJy',
  'Cw==',
].join('');

/** Two octets before the input are read, and 32 behind it are written. */
const INPUT_AT = 16;
/** Far more than a line may have, and far from overflow. */
const COLUMN_MAX = 1_000_000;

/** The part of the WebAssembly API used here; the ES library of the compiler does not describe it. */
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: Readonly<Record<string, unknown>> };
}

/** Instantiates the kernel. @returns null where the machine or the Node build cannot run it */
export function loadLineScan(): LineScan | null {
  const api = (globalThis as unknown as { readonly WebAssembly?: WebAssemblyApi }).WebAssembly;
  if (api === undefined) return null;
  try {
    const { exports } = new api.Instance(new api.Module(Buffer.from(LINE_SCAN_MODULE_BYTES, 'base64')));
    const memory = new Uint8Array((exports['memory'] as { readonly buffer: ArrayBuffer }).buffer);
    const scan = exports['scan'] as (source: number, octets: number, column: number) => number;
    const last = exports['column'] as { readonly value: number };
    return (chunk, before, column) => {
      memory.set(chunk, INPUT_AT);
      memory[INPUT_AT - 1] = before;
      memory[INPUT_AT - 2] = 0;
      const found = scan(INPUT_AT, chunk.length, Math.min(column, COLUMN_MAX));
      return {
        eightBit: (found & 5) !== 0,
        bareLf: (found & 2) !== 0,
        fragile: (found & 8) !== 0,
        column: last.value,
      };
    };
  } catch {
    // no SIMD: a slower look is not a fault
    return null;
  }
}

/** The kernel of this process: one is enough, for a call depends on none before. */
export const lineScan: LineScan | null = loadLineScan();
