/**
 * ASN.1 of the second implementation of CMS, over asn1js. Nothing in this folder imports anything of src: what it reads and
 * writes comes from the RFCs and from other people's code, so that one mistake is not made twice.
 */
import * as asn1js from 'asn1js';

export type Block = asn1js.BaseBlock;

/** One value: its first octet, what is inside, and all of it as received. */
export interface Value {
  readonly tag: number;
  readonly children: readonly Value[];
  /** Of a primitive value; of a constructed string its segments joined. */
  readonly content: Buffer;
  readonly whole: Buffer;
}

const LIMITS = { maxContentLength: 64 * 1024 * 1024, maxNodes: 100_000, maxDepth: 100 };
const CLASSES: Readonly<Record<number, number>> = { 1: 0, 2: 0x40, 3: 0x80, 4: 0xc0 };

export function decode(octets: Uint8Array): Value {
  const { offset, result } = asn1js.fromBER(new Uint8Array(octets), LIMITS);
  if (offset === -1) throw new Error(`ASN.1: ${result.error}`);
  return toValue(result);
}

function toValue(block: Block): Value {
  const { idBlock, lenBlock, valueBlock } = block as Block & {
    readonly idBlock: { tagClass: number; tagNumber: number; isConstructed: boolean; blockLength: number };
    readonly lenBlock: { blockLength: number };
    readonly valueBlock: { readonly value?: unknown };
  };
  const whole = Buffer.from(block.valueBeforeDecodeView);
  const tag = (CLASSES[idBlock.tagClass] ?? 0) | (idBlock.isConstructed ? 0x20 : 0) | idBlock.tagNumber;
  const inner = idBlock.isConstructed && Array.isArray(valueBlock.value) ? (valueBlock.value as Block[]) : [];
  const children = inner.map(toValue);
  const content = idBlock.isConstructed
    ? Buffer.concat(children.map((child) => child.content))
    : whole.subarray(idBlock.blockLength + lenBlock.blockLength);
  return { tag, children, content, whole };
}

/** The child at this place. */
export function at(value: Value, index: number): Value {
  const child = value.children[index];
  if (child === undefined) throw new Error(`ASN.1: no field ${index} in a value of ${value.children.length}`);
  return child;
}

/** The OBJECT IDENTIFIER in dotted form. */
export function oidOf(value: Value): string {
  if (value.tag !== 0x06) throw new Error('ASN.1: no OBJECT IDENTIFIER');
  const { result } = asn1js.fromBER(new Uint8Array(value.whole));
  return (result as asn1js.ObjectIdentifier).getValue();
}

export function numberOf(value: Value): number {
  return Number(BigInt(`0x${value.content.toString('hex')}`));
}

export interface Algorithm {
  readonly oid: string;
  readonly parameters: Value | null;
  readonly whole: Buffer;
}

export function algorithmOf(value: Value): Algorithm {
  return { oid: oidOf(at(value, 0)), parameters: value.children[1] ?? null, whole: value.whole };
}

export function encode(block: Block): Buffer {
  return Buffer.from(block.toBER(false));
}

/** What was encoded already. */
export function encoded(octets: Uint8Array): Block {
  return asn1js.fromBER(new Uint8Array(octets), LIMITS).result;
}

export function sequence(...value: Block[]): Block {
  return new asn1js.Sequence({ value });
}

export function set(...value: Block[]): Block {
  return new asn1js.Set({ value: [...value].sort((a, b) => Buffer.compare(encode(a), encode(b))) });
}

export function oid(value: string): Block {
  return new asn1js.ObjectIdentifier({ value });
}

export function integer(value: number): Block {
  return new asn1js.Integer({ value });
}

export function octetString(octets: Uint8Array): Block {
  return new asn1js.OctetString({ valueHex: new Uint8Array(octets) });
}

export function bitString(octets: Uint8Array): Block {
  return new asn1js.BitString({ valueHex: new Uint8Array(octets) });
}

/** `[n]` round values: EXPLICIT of one, IMPLICIT SEQUENCE or SET of several. */
export function context(tagNumber: number, ...value: Block[]): Block {
  return new asn1js.Constructed({ idBlock: { tagClass: 3, tagNumber }, value });
}

/** `[n] IMPLICIT OCTET STRING`. */
export function contextOctets(tagNumber: number, octets: Uint8Array): Block {
  return new asn1js.Primitive({ idBlock: { tagClass: 3, tagNumber }, valueHex: new Uint8Array(octets) });
}

/** AlgorithmIdentifier; parameters absent when none are given. */
export function algorithm(name: string, ...parameters: Block[]): Block {
  return sequence(oid(name), ...parameters);
}

/** The same content under another first octet: `[0] IMPLICIT` to SET OF, and back. */
export function retagged(whole: Buffer, tag: number): Buffer {
  const other = Buffer.from(whole);
  other[0] = tag;
  return other;
}
