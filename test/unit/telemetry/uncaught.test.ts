import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLog } from '../../../src/telemetry/log.ts';
import { createRequests } from '../../../src/telemetry/request-scope.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { createUncaught } from '../../../src/telemetry/uncaught.ts';

describe('what nobody caught', () => {
  const lines: Record<string, unknown>[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(JSON.parse(chunk.toString()) as Record<string, unknown>);
      done();
    },
  });

  it('is logged with the id of the request that it belongs to, be it out of a timer, and counted by where it was', async () => {
    const metrics = createMetrics();
    const requests = createRequests();
    const uncaught = createUncaught({ metrics, requests, log: createLog({ stream, level: 'error', worker: 0 }) });
    requests.within(requests.begin('REQUEST-1', 'GET'), () =>
      setTimeout(() => uncaught.ofProcess(new Error('late')), 1),
    );
    uncaught.ofRequest(new Error('known'), 'REQUEST-2');
    await sleep(20);
    uncaught.ofProcess(new Error('of nobody'));
    assert.deepEqual(
      lines.map(({ level, requestId, error }) => [level, requestId, (error as Record<string, unknown>)['message']]),
      [
        ['error', 'REQUEST-2', 'known'],
        ['error', 'REQUEST-1', 'late'],
        ['error', '', 'of nobody'],
      ],
    );
    const text = await metrics.registry.metrics();
    assert.match(text, /^sallyport_uncaught_errors_total\{where="request"\} 1$/m);
    assert.match(text, /^sallyport_uncaught_errors_total\{where="process"\} 2$/m);
  });
});
