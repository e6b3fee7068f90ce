/**
 * Is this octet string well-formed DER all the way down? For values that are kept but not read field by field
 * (extensions we do not use), so that what we pass over is still what every other reader sees (catalogue C3).
 *
 * Refused with asn1.malformed: whatever {@link DerReader} refuses, at any depth of constructed values. The content of
 * primitive values is checked for BOOLEAN and INTEGER only.
 */
import { DerReader } from './der-reader.ts';
import { checkInteger, parseBoolean } from './der-values.ts';
import { TAG } from './der-writer.ts';

/** @param bytes attacker-chosen; exactly one value @throws GatewayError asn1.malformed */
export function checkDer(bytes: Buffer): void {
  const reader = DerReader.over(bytes);
  checkValue(reader);
  reader.finish();
}

function checkValue(reader: DerReader): void {
  const tag = reader.peekTag() ?? 0;
  if ((tag & 0x20) === 0) {
    const { content } = reader.readElement();
    if (tag === TAG.boolean) parseBoolean(content);
    if (tag === TAG.integer) checkInteger(content);
    return;
  }
  const inner = reader.enter(tag);
  while (!inner.atEnd) checkValue(inner);
}
