import assert from 'node:assert/strict';
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { HealthReport } from '../../../src/contracts/health.ts';
import { ERRORS, type ErrorCode } from '../../../src/errors/codes.ts';
import { OPERATIONS, type OperationName } from '../../../src/s3/operations/operations.ts';
import { measureConfiguration, measureKeys } from '../../../src/telemetry/configuration-metrics.ts';
import { METRICS, type MetricName } from '../../../src/telemetry/metric-table.ts';
import { createMetrics, type Metrics } from '../../../src/telemetry/metrics.ts';
import { measurePolicies } from '../../../src/telemetry/policy-metrics.ts';
import { measureService } from '../../../src/telemetry/process-metrics.ts';

describe('the metrics', () => {
  let metrics: Metrics;

  beforeEach(() => {
    metrics = createMetrics();
  });

  const summary = {
    operation: 'GetObject',
    method: 'GET',
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

  it('count requests by operation, class, end and reason, with bytes by direction', async () => {
    metrics.request(summary);
    metrics.request({
      ...summary,
      operation: undefined,
      result: 'refused',
      error: 'InvalidURI',
      bytesIn: 10,
      bytesOut: 0,
    });
    metrics.request({ ...summary, operation: 'WhoAmI' });
    const of = (operation: string, operationClass: string, outcome: string, error: string) =>
      value(
        `sallyport_requests_total{operation="${operation}",operation_class="${operationClass}",outcome="${outcome}",error_type="${error}"}`,
      );
    assert.equal(await of('GetObject', 'READ', 'completed', ''), 1);
    assert.equal(await of('unknown', 'UNKNOWN', 'refused', 'InvalidURI'), 1);
    assert.equal(await of('WhoAmI', 'IDENTITY', 'completed', ''), 1);
    assert.equal(await value('sallyport_bytes_total{direction="out"}'), 2048);
    assert.equal(await value('sallyport_bytes_total{direction="in"}'), 10);
  });

  it('have durations of requests as OpenTelemetry names them, in the buckets that it advises', async () => {
    metrics.request({ ...summary, durationMs: 60 });
    metrics.request({ ...summary, status: 206, durationMs: 9000 });
    const of = (status: number) =>
      `http_request_method="GET",http_route="GetObject",operation_class="READ",http_response_status_code="${status}"`;
    const name = 'http_server_request_duration_seconds';
    assert.equal(await value(`${name}_sum{${of(200)}}`), 0.06);
    assert.equal(await value(`${name}_bucket{le="0.05",${of(200)}}`), 0);
    assert.equal(await value(`${name}_bucket{le="0.075",${of(200)}}`), 1);
    assert.equal(await value(`${name}_bucket{le="7.5",${of(206)}}`), 0);
    assert.equal(await value(`${name}_bucket{le="10",${of(206)}}`), 1);
    const bounds = [
      ...(await metrics.registry.metrics()).matchAll(/^http_server\S*_bucket\{le="([^"]+)",[^}]*"200"\}/gm),
    ];
    assert.deepEqual(
      bounds.map(([, bound]) => bound),
      ['0.005', '0.01', '0.025', '0.05', '0.075', '0.1', '0.25', '0.5', '0.75', '1', '2.5', '5', '7.5', '10', '+Inf'],
    );
  });

  it('never have a method that a caller made up', async () => {
    for (const method of ['BREW', '', 'get', 'GET"} 1\n', 'x'.repeat(10_000)]) metrics.request({ ...summary, method });
    const text = await metrics.registry.metrics();
    assert.deepEqual([...new Set(text.match(/http_request_method="[^"]*"/g))], ['http_request_method="_OTHER"']);
  });

  it('stay bounded, whatever operations, methods and errors callers try', async () => {
    const codes = Object.keys(ERRORS) as ErrorCode[];
    for (const operation of Object.keys(OPERATIONS) as OperationName[]) {
      for (const error of codes) {
        for (const method of ['GET', 'PUT', 'BREW']) {
          metrics.request({ ...summary, operation, method, result: 'failed', error, status: ERRORS[error].status });
        }
      }
    }
    for (const error of codes) metrics.turnedAway('x'.repeat(100), error, ERRORS[error].status);
    const { length } = (await metrics.registry.metrics()).split('\n');
    const statuses = new Set(codes.map((code) => ERRORS[code].status)).size;
    const names = Object.keys(OPERATIONS).length + 1;
    assert.ok(length < names * (codes.length + 3 * 17 * statuses) + 500, `${length} lines`);
  });

  it('count what was turned away at the process, and who was throttled by which limit', async () => {
    metrics.turnedAway('GET', 'SlowDown', 503);
    metrics.turnedAway('GET', 'HeadersTooLarge', 400);
    metrics.failure('SlowDown', 'authenticate');
    metrics.failure('SlowDown', 'admit');
    metrics.failure('SlowDown', 'enforce');
    metrics.failure('SlowDown', 'assume-role');
    metrics.failure('SlowDown', 'forward');
    metrics.failure('SlowDown', undefined);
    metrics.failure('AccessDenied', 'enforce');
    for (const limit of ['process', 'caller', 'queue', 'budget', 'sts', 'store', 'form']) {
      assert.equal(await value(`sallyport_throttled_requests_total{limit="${limit}"}`), 1, limit);
    }
    const refused = 'operation="unknown",operation_class="UNKNOWN",outcome="refused"';
    assert.equal(await value(`sallyport_requests_total{${refused},error_type="SlowDown"}`), 1);
    assert.equal(await value(`sallyport_requests_total{${refused},error_type="HeadersTooLarge"}`), 1);
  });

  it('count objects that do not authenticate, from a zero before the first', async () => {
    assert.equal(await value('sallyport_integrity_failures_total'), 0);
    metrics.failure('IntegrityFailure', 'open');
    assert.equal(await value('sallyport_integrity_failures_total'), 1);
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

  it('ask for what stands at the time of a scrape: the audit, keys of issuers, ends of certificates', async () => {
    let lagMs = 1500;
    let ends: readonly (readonly [string, number])[] = [['listen.tls.certFile', 1_800_000_000_000]];
    metrics.audit(() => ({ freeBytes: 5000, minFreeBytes: 1000, queuedEntries: 3, lagMs }));
    metrics.auditCommitted(2);
    metrics.issuerKeys(() => [['corp', { ageMs: 2000, maxAgeMs: 86_400_000 }]]);
    metrics.certificates(() => ends);
    assert.equal(await value('sallyport_audit_free_bytes'), 5000);
    assert.equal(await value('sallyport_audit_min_free_bytes'), 1000);
    assert.equal(await value('sallyport_audit_queued_entries'), 3);
    assert.equal(await value('sallyport_audit_lag_seconds'), 1.5);
    assert.equal(await value('sallyport_audit_commit_duration_seconds_bucket{le="0.0025"}'), 1);
    assert.equal(await value('sallyport_issuer_keys_age_seconds{issuer="corp"}'), 2);
    assert.equal(await value('sallyport_issuer_keys_max_age_seconds{issuer="corp"}'), 86_400);
    const end = 'sallyport_certificate_expiry_timestamp_seconds{certificate="listen.tls.certFile"}';
    assert.equal(await value(end), 1_800_000_000);
    lagMs = 0;
    ends = [];
    assert.equal(await value('sallyport_audit_lag_seconds'), 0);
    assert.equal(await value(end), undefined);
  });

  it('say of dependencies whether they are up, of all buckets together, and nothing where nothing is known', async () => {
    const ofBuckets: HealthReport[] = [
      { name: 'bucket:reports', state: 'ok', checkedAtMs: 4000 },
      { name: 'bucket:scratch', state: 'unknown' },
    ];
    const reports: HealthReport[] = [
      { name: 'store:main', state: 'ok', checkedAtMs: 9000 },
      { name: 'keyring:vault', state: 'degraded', detail: 'answers 503', checkedAtMs: 10_500 },
      { name: 'sts:main', state: 'unknown' },
    ];
    metrics.dependencies(() => [...reports, ...ofBuckets], { now: () => 10_000 });
    const up = (dependency: string) => value(`sallyport_dependency_up{dependency="${dependency}"}`);
    const age = (dependency: string) => value(`sallyport_dependency_check_age_seconds{dependency="${dependency}"}`);
    assert.deepEqual([await up('store:main'), await age('store:main')], [1, 1]);
    // A clock that was set back makes no age negative.
    assert.deepEqual([await up('keyring:vault'), await age('keyring:vault')], [0, 0]);
    assert.deepEqual([await up('sts:main'), await age('sts:main')], [undefined, undefined]);
    assert.deepEqual([await up('bucket'), await age('bucket')], [1, 6]);
    ofBuckets.push({ name: 'bucket:gone', state: 'degraded', checkedAtMs: 9000 });
    reports.splice(0, 1);
    assert.deepEqual([await up('bucket'), await age('bucket')], [0, 6]);
    assert.equal(await up('store:main'), undefined);
  });

  it('say of a service what it is, whether it is ready and when it began', async () => {
    const registry = new Registry();
    let ready = false;
    measureService(registry, { version: '1.2.3', ready: () => Promise.resolve(ready) });
    const before = await registry.metrics();
    assert.ok(before.includes('sallyport_build_info{version="1.2.3"} 1\n'));
    assert.ok(before.includes('sallyport_ready 0\n'));
    const startedAt = Number(/^process_start_time_seconds (\S+)$/m.exec(before)?.[1]);
    assert.ok(Math.abs(startedAt - performance.timeOrigin / 1000) < 1);
    ready = true;
    assert.ok((await registry.metrics()).includes('sallyport_ready 1\n'));
    // Where the process counts itself already.
    measureService(metrics.registry, { version: '1.2.3', ready: () => true });
    assert.notEqual(await value('process_start_time_seconds'), undefined);
  });

  it('are those of the table, with its labels, and no others', async () => {
    metrics.audit(() => ({ freeBytes: 1, minFreeBytes: 1, queuedEntries: 0, lagMs: 0 }));
    metrics.issuerKeys(() => []);
    metrics.certificates(() => []);
    metrics.dependencies(() => [], { now: Date.now });
    measureConfiguration(metrics.registry, { isRefused: () => false, waiting: () => 0 });
    measureKeys(metrics.registry, () => []);
    metrics.revocations(() => ({ entries: 0, ageMs: 0 }));
    metrics.grants(() => 0);
    metrics.waiting(() => 0);
    metrics.breakers(() => 0);
    measurePolicies(metrics.registry, { inForce: () => '', refused: () => undefined, preview: () => undefined });
    measureService(metrics.registry, { version: '1', ready: () => true });
    const theirs = new Registry();
    collectDefaultMetrics({ register: theirs });
    const known = new Set(theirs.getMetricsAsArray().map(({ name }) => name));
    const own = metrics.registry.getMetricsAsArray().filter(({ name }) => !known.has(name));
    const ofPrimary: MetricName = 'sallyport_workers_replaced_total';
    assert.deepEqual([...own.map(({ name }) => name), ofPrimary].toSorted(), Object.keys(METRICS).toSorted());
    for (const metric of own as unknown as readonly {
      name: MetricName;
      type: string;
      labelNames: readonly string[];
    }[]) {
      assert.equal(metric.type, METRICS[metric.name].type, metric.name);
      assert.deepEqual(metric.labelNames, METRICS[metric.name].labels, metric.name);
    }
    await metrics.registry.metrics();
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
      metrics.auditCommitted(number);
    }
    const of = 'operation="GetObject",operation_class="READ",outcome="completed",error_type=""';
    assert.equal(await value(`sallyport_requests_total{${of}}`), 3);
    assert.equal(await value('sallyport_stage_duration_seconds_sum{stage="seal"}'), 0);
    assert.equal(await value('sallyport_bytes_total{direction="in"}'), 0);
  });
});
