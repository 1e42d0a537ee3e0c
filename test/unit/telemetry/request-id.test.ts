import assert from 'node:assert/strict';
import { newRequestId } from '../../../src/telemetry/request-id.ts';

describe('a request id', () => {
  it('is 20 upper-case letters and digits, and no two are alike', () => {
    const ids = Array.from({ length: 10_000 }, newRequestId);
    assert.ok(ids.every((id) => /^[A-Z2-9]{20}$/.test(id)));
    assert.equal(new Set(ids).size, ids.length);
  });
});
