import assert from 'node:assert/strict';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { retryHeaders } from '../../../src/errors/retry-headers.ts';

describe('when a client may repeat a request', () => {
  const after = (error: GatewayError, random: number) => retryHeaders(error, () => random);

  it('is said in seconds, and in milliseconds that are spread', () => {
    const error = new GatewayError('SlowDown');
    assert.deepEqual(after(error, 0), { 'retry-after': '2', 'x-amz-retry-after': '2000' });
    assert.deepEqual(after(error, 0.5), { 'retry-after': '2', 'x-amz-retry-after': '2500' });
  });

  it('is what the refusal knows, never earlier, where that is within 50 to 5,000 ms', () => {
    const at = (retryAfterMs: number, random: number) => {
      const error = new GatewayError('SlowDown', { retryAfterMs }).at('enforce').tellingMore({});
      const headers = after(error, random);
      return [Number(headers['retry-after']), Number(headers['x-amz-retry-after'])];
    };
    assert.deepEqual(at(0, 0), [1, 50]);
    assert.deepEqual(at(300, 0), [1, 300]);
    assert.deepEqual(at(300, 0.999), [1, 449]);
    assert.deepEqual(at(1100, 0), [2, 1100]);
    assert.deepEqual(at(3_600_000, 0), [3600, 3333]);
    for (const random of [0, 0.5, 0.999999]) assert.ok(at(3_600_000, random)[1]! <= 5000);
  });

  it('is not said where a retry is of no use', () => {
    assert.deepEqual(after(new GatewayError('AccessDenied'), 0), {});
  });
});
