import assert from 'node:assert/strict';
import { acceptRequestId, newRequestId } from '../../../src/telemetry/request-id.ts';

describe('a request id', () => {
  it('is 20 upper-case letters and digits, and no two are alike', () => {
    const ids = Array.from({ length: 10_000 }, newRequestId);
    assert.ok(ids.every((id) => /^[A-Z2-9]{20}$/.test(id)));
    assert.equal(new Set(ids).size, ids.length);
  });

  it('would itself be accepted', () => {
    const id = newRequestId();
    assert.equal(acceptRequestId(id), id);
  });

  it("is the edge's where that has the form of one", () => {
    for (const id of ['7F000001-C0A2-6740A1B2-0001-0A5F', 'a'.repeat(8), 'Z'.repeat(64)]) {
      assert.equal(acceptRequestId(id), id);
    }
  });

  it('is a new one where the header is missing or could do harm', () => {
    const hostile = [
      '',
      'short',
      'a'.repeat(65),
      'id-12345\r\nx: y',
      'id-12345\n',
      '<b>id-12345',
      'a, b, c, d',
      'ä'.repeat(9),
    ];
    for (const header of [undefined, ...hostile]) assert.match(acceptRequestId(header), /^[A-Z2-9]{20}$/);
  });
});
