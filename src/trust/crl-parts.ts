/**
 * A CRL as it goes from the thread that read it to the one that asks it: plain values, and the memory of its index, which
 * is handed over and not copied. What was refused goes the same way, so that it is refused here in the same words.
 *
 * Both ends are this program: nothing is checked again on arrival. Octets come out of a message without the methods of a
 * Buffer, so each field of octets is named here.
 */
import { type ErrorCode, GatewayError, gatewayError } from '../errors.ts';
import type { RevocationList } from '../x509/crl.ts';
import type { EntryIndexParts } from '../x509/crl-entries.ts';
import { EntryIndex } from '../x509/crl-index.ts';

export interface CrlParts {
  readonly facts: Omit<RevocationList, 'entries'>;
  readonly index: EntryIndexParts;
}

/** Why a list was refused: the code of a GatewayError, or of the file system, or neither. */
export interface CrlFailure {
  readonly code: ErrorCode | null;
  readonly systemCode: string | null;
  readonly text: string;
}

/** From the thread. A question is about the issuer of the list that is being read. */
export type CrlMessage =
  | { readonly kind: 'question'; readonly issuer: Uint8Array }
  | { readonly kind: 'list'; readonly parts: CrlParts }
  | { readonly kind: 'failure'; readonly failure: CrlFailure };

export function partsOf({ entries, ...facts }: RevocationList): CrlParts {
  return { facts, index: entries.parts };
}

/** What of the parts is handed over: whoever has them afterwards has nothing left. */
export function memoryOf({ index: { segments, starts, pairs } }: CrlParts): ArrayBuffer[] {
  const columns = segments.flatMap(({ serials, ends, dates, reasons, issuers }) => [
    serials.buffer,
    ends.buffer,
    dates.buffer,
    reasons.buffer,
    ...(issuers === null ? [] : [issuers.buffer]),
  ]);
  return [starts.buffer, pairs.buffer, ...columns];
}

/** The list again. The index is kept as it came; the few octets of the other fields are copied. */
export function listOf({ facts, index }: CrlParts): RevocationList {
  const { issuer, authorityKeyIdentifier, scopeOctets, freshest, signedBy, tried } = facts;
  return {
    ...facts,
    issuer: Buffer.from(issuer),
    authorityKeyIdentifier: authorityKeyIdentifier === null ? null : Buffer.from(authorityKeyIdentifier),
    scopeOctets: scopeOctets === null ? null : Buffer.from(scopeOctets),
    freshest: freshest.map(({ directoryNames, crlIssuers, ...point }) => ({
      ...point,
      directoryNames: buffersOf(directoryNames),
      crlIssuers: crlIssuers === null ? null : buffersOf(crlIssuers),
    })),
    signedBy: buffersOf(signedBy),
    tried: buffersOf(tried),
    entries: new EntryIndex(index),
  };
}

function buffersOf(all: readonly Uint8Array[]): Buffer[] {
  return all.map((octets) => Buffer.from(octets));
}

export function failureOf(thrown: unknown): CrlFailure {
  if (thrown instanceof GatewayError) return { code: thrown.code, systemCode: null, text: thrown.detail };
  if (!(thrown instanceof Error)) return { code: null, systemCode: null, text: String(thrown) };
  const systemCode = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : null;
  return { code: null, systemCode, text: thrown.message };
}

/** What {@link failureOf} was made from. */
export function errorOf({ code, systemCode, text }: CrlFailure): Error {
  if (code !== null) return gatewayError(code, text);
  return Object.assign(new Error(text), systemCode === null ? {} : { code: systemCode });
}
