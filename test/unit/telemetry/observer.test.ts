import assert from 'node:assert/strict';
import { LOG_EVENTS, type LogEvent } from '../../../src/contracts/log-events.ts';
import type { Observer } from '../../../src/contracts/observer.ts';
import { ERRORS, type ErrorCode } from '../../../src/errors/codes.ts';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { createLog, type Log, type LogLevel } from '../../../src/telemetry/log.ts';
import { createMetrics, type Metrics } from '../../../src/telemetry/metrics.ts';
import { createObserver } from '../../../src/telemetry/observer.ts';
import { rememberSpans } from '../../support/stack/remembered-spans.ts';
import { LineCatcher } from './line-catcher.ts';

describe('the observer', () => {
  let caught: LineCatcher;
  let metrics: Metrics;
  let log: Log;
  let nowMs: number;

  function start(level: LogLevel = 'info'): Observer {
    caught = new LineCatcher();
    metrics = createMetrics();
    log = createLog({ stream: caught, level, worker: 0 });
    nowMs = 1_000_000;
    return createObserver({ metrics, log, clock: { now: () => nowMs } });
  }

  async function lines(): Promise<Record<string, unknown>[]> {
    await log.flush();
    return caught.lines();
  }

  it('logs a failure with its code, stage, detail and the id that joins it to the audit', async () => {
    const observer = start();
    observer.failure(
      { requestId: 'ID-1' },
      new GatewayError('ServiceUnavailable', { detail: 'sts is down' }).at('assume-role'),
    );
    const [line] = await lines();
    assert.equal(line?.['level'], 'error');
    assert.equal(line['requestId'], 'ID-1');
    assert.deepEqual(line['error'], {
      type: 'GatewayError',
      code: 'ServiceUnavailable',
      stage: 'assume-role',
      detail: 'sts is down',
    });
  });

  it('names the span of a request by its operation, and says its end and its code there', () => {
    const { traces, spans } = rememberSpans();
    metrics = createMetrics();
    log = createLog({ stream: new LineCatcher(), level: 'info' });
    const observer = createObserver({ metrics, log, clock: { now: () => 0 }, traces });
    const end = {
      requestId: 'ID',
      method: 'GET',
      result: 'failed',
      status: 500,
      durationMs: 1,
      bytesIn: 0,
      bytesOut: 0,
    } as const;
    traces.stage('GET', () => {
      observer.failure({ requestId: 'ID' }, new GatewayError('SlowDown'));
      observer.request({ ...end, operation: 'GetObject' });
    });
    traces.stage('GET', () => {
      observer.failure({ requestId: 'ID' }, new TypeError('a hidden text'));
      observer.request({ ...end, operation: undefined });
    });
    assert.deepEqual(
      spans.map(({ name, attributes }) => [name, attributes['sallyport.error_code'], attributes['sallyport.result']]),
      [
        ['GetObject', 'SlowDown', 'failed'],
        ['GET', 'InternalError', 'failed'],
      ],
    );
  });

  it("logs what is ours as an error, and what is a client's below a warning", async () => {
    const observer = start('debug');
    const codes = Object.keys(ERRORS) as ErrorCode[];
    for (const code of codes) observer.failure({ requestId: 'ID' }, new GatewayError(code).at('respond'));
    observer.failure({ requestId: 'ID' }, new TypeError('unexpected'));
    const levels = new Map((await lines()).map(({ level, message }) => [message, level]));
    for (const code of codes) {
      const level = levels.get(`${code} at respond`);
      if (ERRORS[code].status === 500) assert.equal(level, 'error');
      if (['InvalidToken', 'AccessDenied', 'NotImplemented'].includes(code)) assert.equal(level, 'info');
      if ([400, 404, 412].includes(ERRORS[code].status)) assert.equal(level, 'debug');
    }
    assert.equal(levels.get('AccessDeniedByStore at respond'), 'warn');
    assert.equal(levels.get('an unexpected failure'), 'error');
  });

  it('writes a bounded number of lines in a flood of different requests, and says how many it left out', async () => {
    const observer = start();
    const fail = (index: number): void => {
      const detail = `attempt ${index}`;
      observer.failure({ requestId: `ID-${index}` }, new GatewayError('InvalidToken', { detail }));
    };
    for (let index = 0; index < 5000; index++) fail(index);
    const during = (await lines()).length;
    assert.ok(during <= 10);
    nowMs += 10_000;
    fail(5000);
    assert.equal((await lines()).at(-1)?.['suppressed'], 5000 - during);
    const text = await metrics.registry.metrics();
    assert.ok(text.includes(`sallyport_log_lines_suppressed_total ${5000 - during}\n`));
  });

  it('bounds the lines of many events, and keeps the budgets of levels apart', async () => {
    const observer = start();
    const names = (Object.keys(LOG_EVENTS) as LogEvent[]).filter((name) => LOG_EVENTS[name].level === 'info');
    for (let index = 0; index < 5000; index++) observer.event(names[index % names.length] ?? assert.fail());
    const during = (await lines()).length;
    assert.ok(during <= 200);
    observer.failure({ requestId: 'ID' }, new GatewayError('AuditUnavailable'));
    observer.event('audit_disk_stalled');
    assert.equal((await lines()).length, during + 2);
  });

  it('tells of each bucket, however many cannot be used', async () => {
    const observer = start();
    for (let index = 0; index < 30; index++) observer.event('bucket_unavailable', { bucket: `b${index}` });
    assert.equal((await lines()).length, 30);
  });

  it('does not go silent when the clock is set back', async () => {
    const observer = start();
    for (let index = 0; index < 100; index++) observer.event('audit_disk_stalled');
    const before = (await lines()).length;
    nowMs -= 3_600_000;
    observer.event('audit_disk_stalled');
    assert.equal((await lines()).length, before + 1);
  });

  it('warns about a clock that is more than a minute off, once per change and store', async () => {
    const observer = start();
    for (const offsetMs of [59_000, 61_000, 62_000, -61_000, 1000, 2000, -90_000]) observer.clockOffset('a', offsetMs);
    observer.clockOffset('b', 120_000);
    assert.deepEqual(
      (await lines()).map(({ level, store, offsetSeconds }) => [level, store, offsetSeconds]),
      [
        ['warn', 'a', 61],
        ['info', 'a', 1],
        ['warn', 'a', -90],
        ['warn', 'b', 120],
      ],
    );
    assert.ok((await metrics.registry.metrics()).includes('sallyport_clock_offset_seconds{store="a"} -90\n'));
  });

  it('counts every request and logs single ones at debug only', async () => {
    const summary = {
      requestId: 'ID',
      operation: 'PutObject',
      method: 'PUT',
      result: 'completed',
      status: 200,
    } as const;
    for (const [level, expected] of [
      ['info', 0],
      ['debug', 1],
    ] as const) {
      const observer = start(level);
      observer.request({ ...summary, durationMs: 1, bytesIn: 1, bytesOut: 0 });
      assert.equal((await lines()).length, expected);
      const text = await metrics.registry.metrics();
      assert.match(text, /^sallyport_requests_total\{operation="PutObject",[^}]*outcome="completed"[^}]*\} 1$/m);
    }
  });
});
