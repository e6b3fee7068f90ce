/**
 * In what two CRLs differ that call themselves the same (RFC 5280 §5.2.3: a number is used for one list), for the
 * administrator who decides between them. Pure; the lists may be anybody's.
 */
import type { RevocationList } from '../x509/crl.ts';
import type { EntryIndexParts } from '../x509/crl-entries.ts';

/** What is different in `list`, and how it is in the one that is there. Never empty. */
export function formatDifference(list: RevocationList, there: RevocationList): string {
  const found: string[] = [];
  const [until, untilThere] = [endOf(list), endOf(there)];
  if (until !== untilThere) found.push(`it holds until ${until}, that one until ${untilThere}`);
  const [count, countThere] = [list.entries.count, there.entries.count];
  if (count !== countThere) found.push(`it revokes ${count} certificates, that one ${countThere}`);
  else if (!sameEntries(list.entries.parts, there.entries.parts)) found.push(`its ${count} entries are others`);
  if (list.octets !== there.octets) found.push(`it has ${list.octets} octets, that one ${there.octets}`);
  return found.length > 0 ? found.join('; ') : 'only in its extensions or its signature';
}

function endOf({ nextUpdate }: RevocationList): string {
  return nextUpdate?.toISOString() ?? 'nobody knows';
}

/** In the same order, for an authority writes its entries in one. */
function sameEntries(one: EntryIndexParts, other: EntryIndexParts): boolean {
  return one.segments.every((segment, index) => {
    const { serials, ends, dates, reasons, issuers } = other.segments[index] ?? {};
    return (
      sameOctets(segment.serials, serials) &&
      sameOctets(segment.ends, ends) &&
      sameOctets(segment.dates, dates) &&
      sameOctets(segment.reasons, reasons) &&
      sameOctets(segment.issuers, issuers)
    );
  });
}

function sameOctets(one: NodeJS.TypedArray | null, other: NodeJS.TypedArray | null | undefined): boolean {
  if (one === null || other === null || other === undefined) return one === (other ?? null);
  return octetsOf(one).equals(octetsOf(other));
}

function octetsOf({ buffer, byteOffset, byteLength }: NodeJS.TypedArray): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
