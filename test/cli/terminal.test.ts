import assert from 'node:assert/strict';
import { formatJson } from '../../src/cli/terminal.ts';

describe('formatJson', () => {
  it('gives JSON that a terminal does not obey: no C1 control, no bidi mark (S16)', () => {
    const hostile = { subject: 'a\u009b31mb\u202ec\u061cd\u2066e\u007ff\u2028g\u001bh' };
    const text = formatJson(hostile);
    assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u2028-\u202e\u2066-\u2069]/);
    assert.deepEqual(JSON.parse(text), hostile);
  });
});
