import assert from 'node:assert/strict';
import { parseSocketMode } from '../../../../src/config/listen/schema.ts';

describe('config/listen/schema', () => {
  it('reads modes that let no others in', () => {
    assert.equal(parseSocketMode('0660'), 0o660);
    assert.equal(parseSocketMode('600'), 0o600);
    for (const text of ['0666', '0601', '0668', '1660', '66', '', '0o660'])
      assert.equal(parseSocketMode(text), undefined);
  });
});
