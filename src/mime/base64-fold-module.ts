/**
 * The folding kernel of the base64 encoder: base64-fold.wat, assembled, as a module of WebAssembly with SIMD.
 *
 * It is some three times as fast as the best plain JavaScript. The bytes stand here so that nothing is read from disk
 * and nothing is assembled at the start; a test assembles the text and compares. A Node without SIMD gets null, and
 * the encoder its plain path.
 */

/** Folds whole lines from `input` to `output`, both views of the module's own memory. */
export interface FoldModule {
  readonly input: Buffer;
  readonly output: Buffer;
  /** Encodes the first `lines` times 57 octets of `input` to `lines` times 78 octets of `output`. */
  fold(lines: number): void;
}

/** Lines that fit the memory in one call: a chunk of 64 KiB and what was left of the one before. */
export const FOLD_LINES_MAX = 1160;

/** base64 of the assembled base64-fold.wat. */
export const FOLD_MODULE_BYTES = [
  'AGFzbQEAAAABBwFgA39/fwADAgEABQMBAAMHEQIGbWVtb3J5AgAEZm9sZAAACoUFAYIFAQt7/QwBAAIBBAMFBAcGCAcKCQsKIQX9DD8AAAA/',
  'AAAAPwAAAD8AAAAhBv0MAAA/AAAAPwAAAD8AAAA/ACEH/QzwAz8A8AM/APADPwDwAz8AIQj9DBAAAAEQAAABEAAAARAAAAEhCf0MMzMzMzMz',
  'MzMzMzMzMzMzMyEK/QwaGhoaGhoaGhoaGhoaGhoaIQv9DA0NDQ0NDQ0NDQ0NDQ0NDQ0hDP0MR/z8/Pz8/Pz8/Pzt8EEAACENAkADQCACRQ0B',
  'IAD9AAQAIAX9DiEDIANBCv2tASAG/U4gA0EG/a0BIAf9Tv1QIAMgCP1OIAn9lQH9UCEEIAEgBCANIAQgCv1zIAsgBP0nIAz9Tv1Q/Q79bv0L',
  'BAAgAP0ABAwgBf0OIQMgA0EK/a0BIAb9TiADQQb9rQEgB/1O/VAgAyAI/U4gCf2VAf1QIQQgASAEIA0gBCAK/XMgCyAE/ScgDP1O/VD9Dv1u',
  '/QsEECAA/QAEGCAF/Q4hAyADQQr9rQEgBv1OIANBBv2tASAH/U79UCADIAj9TiAJ/ZUB/VAhBCABIAQgDSAEIAr9cyALIAT9JyAM/U79UP0O',
  '/W79CwQgIAD9AAQkIAX9DiEDIANBCv2tASAG/U4gA0EG/a0BIAf9Tv1QIAMgCP1OIAn9lQH9UCEEIAEgBCANIAQgCv1zIAsgBP0nIAz9Tv1Q',
  '/Q79bv0LBDAgAP0ABDAgBf0OIQMgA0EK/a0BIAb9TiADQQb9rQEgB/1O/VAgAyAI/U4gCf2VAf1QIQQgASAEIA0gBCAK/XMgCyAE/ScgDP1O',
  '/VD9Dv1u/QsEQCABQY0UOwFMIABBOWohACABQc4AaiEBIAJBAWshAgwACwsL',
].join('');

const OUTPUT_AT = 66_560;

/** The part of the WebAssembly API used here; the ES library of the compiler does not describe it. */
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: Readonly<Record<string, unknown>> };
}

/** Instantiates the kernel. @returns null where the machine or the Node build cannot run it */
export function loadFoldModule(): FoldModule | null {
  const api = (globalThis as unknown as { readonly WebAssembly?: WebAssemblyApi }).WebAssembly;
  if (api === undefined) return null;
  try {
    const { exports } = new api.Instance(new api.Module(Buffer.from(FOLD_MODULE_BYTES, 'base64')));
    const memory = Buffer.from((exports['memory'] as { readonly buffer: ArrayBuffer }).buffer);
    const fold = exports['fold'] as (source: number, target: number, lines: number) => void;
    return {
      input: memory.subarray(0, OUTPUT_AT),
      output: memory.subarray(OUTPUT_AT),
      fold: (lines) => fold(0, OUTPUT_AT, lines),
    };
  } catch {
    // no SIMD: a slower encoder is not a fault
    return null;
  }
}
