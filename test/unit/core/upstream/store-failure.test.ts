import assert from 'node:assert/strict';
import { setTimeout as after } from 'node:timers/promises';
import type { Bucket } from '../../../../src/contracts/bucket.ts';
import { storeFailure } from '../../../../src/core/upstream/store-failure.ts';

const bucket: Bucket = {
  ...{ name: 'box', id: 'box', storeBucket: 'box', style: 'path', roleArn: 'r', encryption: 'required', prefixes: [] },
  store: { name: 's', endpoint: 'http://127.0.0.1:1', region: 'us-east-1' },
};
const request = { method: 'PUT', key: 'k', query: [], headers: {} } as const;

describe("a store's refusal", () => {
  it('whose document never ends means what its status says, and its connection is aborted', async () => {
    let ended = false;
    const dripping = async function* (): AsyncGenerator<Buffer> {
      try {
        for (let pieces = 0; pieces < 500; pieces += 1) {
          await after(5);
          yield Buffer.from(' ');
        }
        yield Buffer.from('<Error><Code>NoSuchUpload</Code></Error>');
      } finally {
        ended = true;
      }
    };
    const response = {
      ...{ status: 503, headers: new Map<string, string>(), body: dripping() },
      whole: () => Promise.reject(new Error('not here')),
      discard: () => Promise.resolve(),
    };
    const { code } = await storeFailure(response, request, bucket, 40);
    assert.equal(code, 'ServiceUnavailable');
    assert.ok(ended);
  });
});
