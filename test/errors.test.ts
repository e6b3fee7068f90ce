import assert from 'node:assert/strict';
import { asGatewayError, ERROR_TABLE, GatewayError, gatewayError } from '../src/errors.ts';

describe('errors', () => {
  it('gives every row a reply and an enhanced code of the same class', () => {
    for (const [code, row] of Object.entries(ERROR_TABLE)) {
      assert.match(String(row.reply), /^[45]\d\d$/, code);
      assert.match(row.enhanced, /^[45]\.\d{1,3}\.\d{1,3}$/, code);
      assert.equal(row.enhanced[0], String(row.reply)[0], code);
    }
  });

  it('keeps paths and hosts out of what peers see', () => {
    for (const [code, row] of Object.entries(ERROR_TABLE)) assert.doesNotMatch(row.publicText, /[/\\@\r\n]/, code);
  });

  it('builds an error with its reply', () => {
    const error = gatewayError('smtp.too-large', 'limit 10, declared 11');
    assert.ok(error instanceof GatewayError);
    assert.deepEqual([error.reply, error.enhanced, error.permanent], [552, '5.3.4', true]);
    assert.equal(asGatewayError(error), error);
  });

  it('answers anything else thrown as a temporary defect, cause kept', () => {
    const cause = new Error('ENOENT: /etc/secret');
    const error = asGatewayError(cause);
    assert.deepEqual([error.code, error.reply, error.permanent], ['defect', 451, false]);
    assert.equal(error.cause, cause);
    assert.doesNotMatch(error.publicText, /secret/);
    assert.equal(asGatewayError('text').code, 'defect');
  });
});
