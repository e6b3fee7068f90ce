/**
 * Microsoft serialized certificate store (.sst), as Exchange's Set-SmimeConfig takes and Export-Certificate writes it
 * (MS-OSHARED 2.3.2.5, MS-GPEF 2.2.1.1.1.1): eight octets of header, then properties and what they belong to, then an
 * end of twelve zero octets. Little-endian, no padding.
 *
 * Refused whole, so that nothing is half-imported: another header, lengths past the end, another encoding than X.509,
 * properties that belong to nothing, octets after the end, more than the limits. A missing end between two elements is
 * a warning. Stored hashes are not looked at: whoever wrote the file wrote them.
 */

export interface SstEntry {
  readonly kind: 'certificate' | 'crl' | 'ctl' | 'key-identifier';
  /** By property identifier; see {@link SST_PROPERTY}. */
  readonly properties: ReadonlyMap<number, Buffer>;
  /** The DER, as it stands. Not parsed. */
  readonly value: Buffer;
}

export type SstReading =
  | { readonly ok: true; readonly entries: readonly SstEntry[]; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly problem: string };

/** Properties that mean something here. */
export const SST_PROPERTY = {
  /** DER SEQUENCE OF OID: what the certificate is trusted for. */
  extendedKeyUsage: 9,
  /** Kept, but out of use. */
  archived: 19,
} as const;

/** Largest file, in octets. */
export const SST_OCTETS_MAX = 16 * 1024 * 1024;
/** Most certificates, CRLs and CTLs of one file. */
export const SST_ENTRIES_MAX = 10_000;
/** Most properties of one of them. */
export const SST_PROPERTIES_MAX = 256;

const MAGIC = Buffer.from('\0\0\0\0CERT', 'latin1');
const HEADER_OCTETS = 12;
const X509_ASN_ENCODING = 1;
const END = 0;
const CONTEXTS: Readonly<Record<number, SstEntry['kind']>> = {
  32: 'certificate',
  33: 'crl',
  34: 'ctl',
  35: 'key-identifier',
};

/** Does this begin like a serialized store? */
export function looksLikeSst(octets: Buffer): boolean {
  return octets.subarray(0, MAGIC.length).equals(MAGIC);
}

/**
 * @param octets attacker-chosen; kept, not copied. Never throws on them
 */
export function readSst(octets: Buffer): SstReading {
  try {
    return new SstReader(octets).read();
  } catch (thrown) {
    if (thrown instanceof SstProblem) return { ok: false, problem: thrown.message };
    throw thrown;
  }
}

class SstProblem extends Error {}

class SstReader {
  private readonly octets: Buffer;
  private readonly entries: SstEntry[] = [];
  private properties = new Map<number, Buffer>();
  private position = MAGIC.length;

  constructor(octets: Buffer) {
    this.octets = octets;
  }

  read(): SstReading {
    const { octets } = this;
    if (octets.length > SST_OCTETS_MAX) throw new SstProblem(`${octets.length} octets, at most ${SST_OCTETS_MAX}`);
    if (!looksLikeSst(octets)) throw new SstProblem('is not a serialized certificate store');
    while (this.position < octets.length) if (this.readElement()) return this.finish([]);
    return this.finish(['serialized store without its end']);
  }

  /** @returns true after the end mark */
  private readElement(): boolean {
    const { octets, position } = this;
    if (octets.length - position < HEADER_OCTETS) throw new SstProblem(`cut short at octet ${position}`);
    const id = octets.readUInt32LE(position);
    const encoding = octets.readUInt32LE(position + 4);
    const length = octets.readUInt32LE(position + 8);
    this.position = position + HEADER_OCTETS;
    if (id === END) {
      if (encoding !== 0 || length !== 0) throw new SstProblem(`end mark at octet ${position} is not zero`);
      return true;
    }
    if (id > 0xffff) throw new SstProblem(`element ${id} at octet ${position} is none`);
    if (encoding !== X509_ASN_ENCODING) throw new SstProblem(`encoding ${encoding} at octet ${position}, 1 is known`);
    const left = octets.length - this.position;
    if (length > left) throw new SstProblem(`element of ${length} octets at octet ${position}, ${left} are there`);
    this.take(id, octets.subarray(this.position, this.position + length), position);
    this.position += length;
    return false;
  }

  private take(id: number, value: Buffer, at: number): void {
    const kind = CONTEXTS[id];
    if (kind === undefined) {
      if (this.properties.has(id)) throw new SstProblem(`property ${id} twice at octet ${at}`);
      if (this.properties.size >= SST_PROPERTIES_MAX) {
        throw new SstProblem(`more than ${SST_PROPERTIES_MAX} properties at octet ${at}`);
      }
      this.properties.set(id, value);
      return;
    }
    if (value.length === 0) throw new SstProblem(`empty ${kind} at octet ${at}`);
    if (this.entries.length >= SST_ENTRIES_MAX) throw new SstProblem(`more than ${SST_ENTRIES_MAX} entries`);
    this.entries.push({ kind, properties: this.properties, value });
    this.properties = new Map();
  }

  private finish(warnings: string[]): SstReading {
    const left = this.octets.length - this.position;
    if (left > 0) throw new SstProblem(`${left} octets after the end`);
    if (this.properties.size > 0) throw new SstProblem('properties that belong to nothing');
    return { ok: true, entries: this.entries, warnings };
  }
}
