/**
 * The header section of a message (RFC 5322 §2.2) as an ordered list of fields whose octets stay what they were:
 * reading a block and writing it gives identical octets; the only changes are adding on top, adding at the end and
 * removing whole fields.
 */
export interface HeaderField {
  /** Name in lower case, as the key for comparison. */
  readonly name: string;
  /** The whole field with its folds and its final CRLF, as received. */
  readonly raw: Buffer;
  /** Unfolded value (RFC 5322 §2.2.3), trimmed, read as UTF-8 with replacement; attacker-chosen. */
  readonly value: string;
}

export interface HeaderBlock {
  readonly fields: readonly HeaderField[];
  /** Values of every field of that name (any case), in order. */
  all(name: string): readonly string[];
  /** The value when there is exactly one such field; null when there is none or more than one. */
  only(name: string): string | null;
  has(name: string): boolean;
  /** A new block without the fields for which `drop` is true. */
  without(drop: (field: HeaderField) => boolean): HeaderBlock;
  /** A new block with these raw fields (CRLF-ended) on top / at the end. */
  withTop(raw: Buffer): HeaderBlock;
  withEnd(raw: Buffer): HeaderBlock;
  /** All fields, without the empty line. */
  readonly raw: Buffer;
}
