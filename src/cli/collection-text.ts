/** A collection as a line for people and as facts with stable names. */
import { thumbprintOf } from '../trust/authority-file.ts';
import type { TrustCollection } from '../trust/collection-reader.ts';
import type { Certificate } from '../x509/certificate.ts';

/** Stable names, for `--json`. */
export function collectionJson(collection: TrustCollection) {
  const { name, version, anchors, intermediates, earliestExpiry, onlyFor } = collection;
  const earliest = earliestOf(collection);
  return {
    name,
    version,
    anchors: anchors.length,
    intermediates: intermediates.length,
    onlyFor,
    earliestExpiry: earliestExpiry?.toISOString() ?? null,
    earliest: earliest === null ? null : { sha256: earliest.sha256, thumbprint: thumbprintOf(earliest) },
  };
}

/** `default: anchors 3, intermediates 1, first to expire ...`. */
export function summaryOf(collection: TrustCollection): string {
  const { name, anchors, intermediates, earliestExpiry, onlyFor } = collection;
  const scope =
    onlyFor !== null ? `, only for ${onlyFor.join(', ')}` : name === 'default' ? '' : ', only where a rule names it';
  const earliest = earliestOf(collection);
  const expiry =
    earliestExpiry === null || earliest === null
      ? ''
      : `, first to expire ${dayOf(earliestExpiry)} (thumbprint ${thumbprintOf(earliest)})`;
  return `${name}: anchors ${anchors.length}, intermediates ${intermediates.length}${scope}${expiry}`;
}

function earliestOf({ anchors, intermediates, earliest }: TrustCollection): Certificate | null {
  return [...anchors, ...intermediates].find(({ sha256 }) => sha256 === earliest) ?? null;
}

/** `2026-11-24`. */
export function dayOf(date: Date): string {
  return date.toISOString().slice(0, 10);
}
