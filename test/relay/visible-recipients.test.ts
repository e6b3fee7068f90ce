/** C18: who may be seen by the others is who To and Cc name, in every spelling, and nobody else. */
import assert from 'node:assert/strict';
import { parseHeaderBlock } from '../../src/mime/header-block.ts';
import { visibleRecipients } from '../../src/relay/message-header.ts';

const visible = (...lines: string[]): string[] =>
  [...visibleRecipients(parseHeaderBlock(Buffer.from(`${lines.join('\r\n')}\r\n`, 'latin1')))].sort();

describe('visible recipients (C18)', () => {
  it('are those of To, Cc and their resent twins, once each', () => {
    assert.deepEqual(
      visible(
        'To: A@x.example',
        'Cc : b@x.example,',
        ' "c" <c@X.example>',
        'Resent-To: d@x.example',
        'TO: a@x.example',
      ),
      ['a@x.example', 'b@x.example', 'c@x.example', 'd@x.example'],
    );
    assert.deepEqual(visible('To: team: a@x.example, "b"@x.example;'), ['a@x.example', 'b@x.example']);
  });

  it('are not those of Bcc, comments, display names or other fields', () => {
    assert.deepEqual(
      visible(
        'Bcc: b@x.example',
        'Resent-Bcc: c@x.example',
        'Reply-To: d@x.example',
        'To: "e@x.example" <a@x.example> (f@x.example)',
      ),
      ['a@x.example'],
    );
  });

  it('are none where a field cannot be read', () => {
    assert.deepEqual(visible('To: a@x.example b@x.example', 'Cc: c@x.example'), ['c@x.example']);
    assert.deepEqual(visible('To: undisclosed-recipients:;'), []);
  });

  it('are none in what exceeds the limit: the more copies, the less work for one header (M1)', () => {
    const full = `To: ${'a@x.example, '.repeat(900)}a@x.example`;
    const fields = Array.from({ length: 80 }, (_, i) => full.replace('a@', `a${i}@`));
    const names = visible(...fields);
    assert.ok(names.includes('a0@x.example') && !names.includes('a79@x.example'), String(names.length));
  });
});
