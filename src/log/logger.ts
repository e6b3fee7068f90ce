/**
 * The log: one JSON object a line (pino), one named function an event, in the `*-events.ts` files beside this one.
 *
 * What never goes in: content, header values, passwords, keys, session text. Addresses and hosts do, for an
 * administrator must find a message. JSON escaping keeps a hostile value on its one line (catalogue S16); bidirectional
 * controls and over-long values are cut down by {@link printable} before they get here.
 */
import { type DestinationStream, type Logger, pino } from 'pino';

// to nowhere: pino's own destination is standard output, which commands write content to, and is flushed to disk at the end
let current: Logger = pino({ level: 'silent' }, { write: () => {} });

/** Sets level and destination for the process; called once by the gateway. Until then nothing is logged. */
export function configureLog(level: string, destination: DestinationStream): void {
  current = pino({ level, base: null, timestamp: () => `,"time":"${new Date().toISOString()}"` }, destination);
}

/** For the event functions only. */
export function log(): Logger {
  return current;
}

/** RFC 5321 allows an address of 320 octets; nothing a peer says deserves more room in a log line. */
const LOGGED_CHARACTERS_MAX = 320;

/** Makes a value of a peer fit for a line that people read: controls and bidi marks become `\\u....`, the rest is cut. */
export function printable(text: string): string {
  const cut = text.length > LOGGED_CHARACTERS_MAX ? `${text.slice(0, LOGGED_CHARACTERS_MAX)}...` : text;
  return escapeControls(cut);
}

/** The same without the cut, for texts of our own that may be long, such as a command to copy. */
export function escapeControls(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
