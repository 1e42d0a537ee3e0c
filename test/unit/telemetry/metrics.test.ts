import assert from 'node:assert/strict';
import { createMetrics, type Metrics } from '../../../src/telemetry/metrics.ts';

describe('the metrics', () => {
  let metrics: Metrics;

  beforeEach(() => {
    metrics = createMetrics();
  });

  const summary = {
    requestId: 'A',
    operation: 'GetObject',
    result: 'completed',
    status: 200,
    durationMs: 40,
    bytesIn: 0,
    bytesOut: 1024,
  } as const;

  async function value(sample: string): Promise<number | undefined> {
    const line = (await metrics.registry.metrics()).split('\n').find((each) => each.startsWith(`${sample} `));
    return line === undefined ? undefined : Number(line.slice(sample.length + 1));
  }

  it('count requests by operation and outcome, with durations in seconds and bytes by direction', async () => {
    metrics.request(summary);
    metrics.request({ ...summary, operation: undefined, result: 'refused', bytesIn: 10, bytesOut: 0 });
    assert.equal(await value('sallyport_requests_total{operation="GetObject",outcome="completed"}'), 1);
    assert.equal(await value('sallyport_requests_total{operation="unknown",outcome="refused"}'), 1);
    assert.equal(await value('sallyport_request_duration_seconds_sum{operation="GetObject"}'), 0.04);
    assert.equal(await value('sallyport_bytes_total{direction="out"}'), 1024);
    assert.equal(await value('sallyport_bytes_total{direction="in"}'), 10);
  });

  it('count stages, calls, caches and requests in progress', async () => {
    metrics.stage('authorize', 0.1);
    metrics.call('sts', 'error', 20);
    metrics.call('sts', 'ok', 20);
    metrics.cache('token', true);
    metrics.cache('token', false);
    metrics.lookup('list');
    metrics.inFlight(1);
    metrics.inFlight(1);
    metrics.inFlight(-1);
    assert.equal(await value('sallyport_stage_duration_seconds_bucket{le="0.0002",stage="authorize"}'), 1);
    assert.equal(await value('sallyport_calls_total{service="sts",outcome="error"}'), 1);
    assert.equal(await value('sallyport_call_duration_seconds_count{service="sts"}'), 2);
    assert.equal(await value('sallyport_cache_requests_total{cache="token",result="hit"}'), 1);
    assert.equal(await value('sallyport_cache_requests_total{cache="token",result="miss"}'), 1);
    assert.equal(await value('sallyport_looks_total{operation="list"}'), 1);
    assert.equal(await value('sallyport_in_flight'), 1);
  });

  it('show the clock offset of each store as it was seen last', async () => {
    metrics.clockOffset('main', 90_000);
    metrics.clockOffset('main', -1500);
    assert.equal(await value('sallyport_clock_offset_seconds{store="main"}'), -1.5);
  });

  it('show the process and the lag of its event loop', async () => {
    assert.notEqual(await value('process_resident_memory_bytes'), undefined);
    assert.notEqual(await value('nodejs_eventloop_lag_p99_seconds'), undefined);
  });

  it('never fail a request for a number that makes no sense', async () => {
    for (const number of [NaN, Infinity, -1]) {
      metrics.request({ ...summary, durationMs: number, bytesIn: number, bytesOut: number });
      metrics.stage('seal', number);
      metrics.call('store', 'ok', number);
      metrics.clockOffset('main', number);
    }
    assert.equal(await value('sallyport_requests_total{operation="GetObject",outcome="completed"}'), 3);
    assert.equal(await value('sallyport_stage_duration_seconds_sum{stage="seal"}'), 0);
    assert.equal(await value('sallyport_bytes_total{direction="in"}'), 0);
  });
});
