import assert from 'node:assert/strict';
import type { Exchange } from '../../../src/contracts/exchange.ts';
import { readForm } from '../../../src/sts/read-form.ts';

const HEADERS = new Map([
  ['content-type', 'application/x-www-form-urlencoded'],
  ['transfer-encoding', 'chunked'],
]);
const raw = { method: 'POST', target: '/', rawHeaders: [] };

describe('sts/read-form', () => {
  it('takes little memory for forms that come byte by byte from many callers at once', async () => {
    const form = Buffer.from(`Action=${'x'.repeat(65_000)}`);
    let peakBytes = 0;
    // eslint-disable-next-line @typescript-eslint/require-await -- as a socket gives it
    async function* byteByByte(): AsyncGenerator<Buffer, void, undefined> {
      for (let index = 0; index < form.length; index += 1) yield form.subarray(index, index + 1);
      peakBytes = Math.max(peakBytes, process.memoryUsage().heapUsed);
    }
    const beforeBytes = process.memoryUsage().heapUsed;
    const forms = await Promise.all(
      Array.from({ length: 16 }, () => readForm({ raw, body: byteByByte() } as unknown as Exchange, HEADERS, 60_000)),
    );
    for (const { content, fields } of forms) {
      assert.ok(content.equals(form));
      assert.equal(fields.get('Action')?.length, 65_000);
    }
    assert.ok(peakBytes - beforeBytes < 64 * 1024 * 1024, `${peakBytes - beforeBytes} bytes`);
  });
});
