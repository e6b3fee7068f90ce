/**
 * What a stored body is for, as 32 octets (catalogue C19). The binding goes into the associated data of every sealed
 * chunk of the body and is computed again from the record at delivery: a body read under another record, or a record
 * whose protection, route, recipients or certificates were edited, opens no chunk.
 * Only what is known before the body streams takes part, so headers, RecipientInfos and lengths do not.
 */
import { createHash } from 'node:crypto';
import type { Protection, RouteName } from './record.ts';

/** The parts of a {@link QueueGroup} that bind; a QueueGroup is one. */
export interface BoundGroup {
  readonly protection: Protection;
  readonly route: RouteName;
  readonly recipients: readonly { readonly address: string; readonly certificateSha256: string | null }[];
  readonly content: { readonly bodyIndex: number };
}

const LABEL = 'sealgate body binding 1';

/**
 * Digest of everything the body `bodyIndex` is for.
 * @param groups all groups of the record, in record order; those of other bodies do not count but keep their place
 * @returns 32 octets: SHA-256 over a length-prefixed encoding, so that no two lists encode alike
 */
export function bodyBinding(groups: readonly BoundGroup[], bodyIndex: number): Buffer {
  const hash = createHash('sha256');
  const text = (value: string): void => {
    const octets = Buffer.from(value, 'utf8');
    hash.update(unsigned(octets.length)).update(octets);
  };
  text(LABEL);
  hash.update(unsigned(bodyIndex));
  groups.forEach((group, index) => {
    if (group.content.bodyIndex !== bodyIndex) return;
    hash.update(unsigned(index));
    text(group.protection);
    text(group.route);
    hash.update(unsigned(group.recipients.length));
    for (const recipient of group.recipients) {
      text(recipient.address);
      // a certificate's digest is never empty, so the empty text means none
      text(recipient.certificateSha256 ?? '');
    }
  });
  return hash.digest();
}

function unsigned(value: number): Buffer {
  const octets = Buffer.allocUnsafe(4);
  octets.writeUInt32BE(value);
  return octets;
}
