import assert from 'node:assert/strict';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { acceptsOpenMetrics, combined, countsOf, exposed, measuredBy } from '../../../src/telemetry/exposition.ts';
import { keptCounter, KeptHistogram } from '../../../src/telemetry/kept-series.ts';

const trace = (digit: string) => ({ traceId: digit.repeat(32), spanId: digit.repeat(16) });

/** A process that had so many requests, the last of which took so long. */
function processWith(requests: number, seconds: number, traceDigit?: string): Registry {
  const registry = new Registry();
  const registers = [registry];
  keptCounter({ name: 'requests_total', help: 'Requests.', labelNames: ['kind'], registers })({ kind: 'GET' }).total =
    requests;
  new Gauge({ name: 'in_flight', help: 'Now.', registers }).set(requests);
  new Histogram({ name: 'gc_seconds', help: 'One of prom-client.', registers }).observe(seconds);
  const histogram = new KeptHistogram(
    { name: 'request_seconds', help: 'Time.', labelNames: ['kind'], registers },
    [0.1, 1],
  );
  histogram.series({ kind: 'GET' }).observe(seconds, traceDigit === undefined ? undefined : trace(traceDigit));
  return registry;
}

/** As it comes over IPC. */
const sent = async (registry: Registry) =>
  JSON.parse(JSON.stringify(await measuredBy(registry))) as Awaited<ReturnType<typeof measuredBy>>;

describe('the exposition of metrics', () => {
  it('is that of prom-client for one process', async () => {
    const registry = processWith(3, 0.5);
    new Counter({ name: 'odd_total', help: 'Says "\\ \n".', labelNames: ['what'], registers: [registry] }).inc({
      what: '"\\\n',
    });
    const { contentType, text } = await exposed(await measuredBy(registry), false);
    assert.equal(text, await registry.metrics());
    assert.equal(contentType, registry.contentType);
  });

  it('adds processes up, and goes on with the counts of those that have ended, not with how they were', async () => {
    const [one, two, ended] = [processWith(3, 0.5), processWith(4, 0.05), processWith(5, 2)];
    const past = await combined([[], countsOf(await sent(ended))]);
    const { text } = await exposed(await combined([await sent(one), await sent(two), past]), false);
    assert.match(text, /^requests_total\{kind="GET"\} 12$/m);
    assert.match(text, /^in_flight 7$/m);
    assert.match(text, /^request_seconds_bucket\{le="0.1",kind="GET"\} 1$/m);
    assert.match(text, /^request_seconds_bucket\{le="1",kind="GET"\} 2$/m);
    assert.match(text, /^request_seconds_bucket\{le="\+Inf",kind="GET"\} 3$/m);
    assert.match(text, /^request_seconds_sum\{kind="GET"\} 2.55$/m);
  });

  it('has exemplars in OpenMetrics alone: of each bucket the newest that is recorded', async () => {
    const [one, two, untraced] = [processWith(1, 0.5, 'a'), processWith(1, 0.5, 'b'), processWith(1, 0.05)];
    const [first, second] = [await sent(one), await sent(two)];
    const older = first.map((metric) => ({
      ...metric,
      values: metric.values.map((value) =>
        !value.exemplar ? value : { ...value, exemplar: { ...value.exemplar, timestamp: 1 } },
      ),
    }));
    const all = await combined([second, older, await sent(untraced)]);
    const { contentType, text } = await exposed(all, true);
    assert.match(contentType, /^application\/openmetrics-text; version=1\.0\.0/);
    assert.match(text, /^# TYPE requests counter$/m);
    assert.match(text, /^requests_total\{kind="GET"\} 3$/m);
    assert.match(text, /# EOF\n$/);
    const lines = text.split('\n').filter((line) => line.includes(' # {'));
    assert.equal(lines.length, 1);
    const [line = ''] = lines;
    const ids = `trace_id="${'b'.repeat(32)}",span_id="${'b'.repeat(16)}"`;
    assert.ok(line.startsWith(`request_seconds_bucket{le="1",kind="GET"} 3 # {${ids}} 0.5 `), line);
    assert.doesNotMatch((await exposed(all, false)).text, /trace_id/);
  });

  it('is in OpenMetrics for those who say that they read it', () => {
    for (const accept of [
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;q=0.5',
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=1.0.0;q=0.4,*/*;q=0.2',
      'Application/OpenMetrics-Text; version=1.0.0; charset=utf-8',
    ]) {
      assert.ok(acceptsOpenMetrics(accept), accept);
    }
    for (const accept of [undefined, '*/*', 'text/plain;version=1.0.0', 'application/openmetrics-text;version=0.0.1']) {
      assert.ok(!acceptsOpenMetrics(accept), accept);
    }
  });
});
