/**
 * Traces through the whole product, as the demo starts it: curl, the shipped haproxy.cfg, the gateway's processes, STS and
 * store. The collector is a double; the store's requests are seen where it receives them.
 */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import diagnostics from 'node:diagnostics_channel';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { needs } from '../support/needs.ts';
import { startStack, type Stack } from '../support/stack/stack.ts';
import { startTraceCollector, type ReceivedSpan, type TraceCollector } from '../support/stack/trace-collector.ts';

const REQUEST_START = 'http.server.request.start';

describe('a trace', function () {
  this.timeout(90_000);
  let stack: Stack;
  let collector: TraceCollector;
  const stored: IncomingHttpHeaders[] = [];
  const see = (message: unknown): void => void stored.push((message as { request: IncomingMessage }).request.headers);

  before(async function () {
    needs(this, 'curl', spawnSync('curl', ['--version']).status === 0);
    collector = await startTraceCollector();
    diagnostics.subscribe(REQUEST_START, see);
    stack = await startStack(
      'embedded',
      { log: { level: 'debug' } },
      {
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
        OTEL_SERVICE_NAME: 'files',
      },
    );
  });
  after(async () => {
    diagnostics.unsubscribe(REQUEST_START, see);
    await stack.stop();
    await collector.stop();
  });

  async function curl(...options: readonly string[]): Promise<string> {
    const token = await stack.token('alice');
    const { stdout } = await promisify(execFile)('curl', [
      ...['-sS', '--cacert', stack.caFile, '-H', `Authorization: Bearer ${token}`, ...options],
    ]);
    return stdout;
  }

  /** The spans of a trace, once its server's is among them: that one ends last. */
  async function spansOf(traceId: string): Promise<readonly ReceivedSpan[]> {
    const mine = (spans: readonly ReceivedSpan[]) => spans.filter((span) => span.traceId === traceId);
    return mine(await collector.until((spans) => mine(spans).some(({ kind }) => kind === 2)));
  }

  it('joins client, edge, stages, STS and store, the log and the record', async () => {
    const [traceId, clientSpan] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')];
    const context = ['-H', `traceparent: 00-${traceId}-${clientSpan}-01`, '-H', 'tracestate: vendor=secret'];
    const target = `${stack.frontUrl}/reports/2026/traced-key`;
    await curl(...context, '-H', 'baggage: who=alice', '-T', import.meta.filename, target);
    const spans = await spansOf(traceId);
    const named = (name: string): ReceivedSpan => {
      const span = spans.find((each) => each.name === name);
      assert.ok(span, `${name} among ${spans.map((each) => each.name).join(' ')}`);
      return span;
    };
    const [server, assume, sts] = [named('PutObject'), named('assume-role'), named('STS.AssumeRole')];
    const [forward, put] = [named('forward'), named('S3.PutObject')];
    assert.deepEqual([server.kind, forward.kind, put.kind, sts.kind], [2, 1, 3, 3]);
    assert.equal(server.parentSpanId, clientSpan);
    for (const stage of ['receive', 'authenticate', 'authorize', 'enforce', 'plan', 'record', 'seal', 'respond']) {
      assert.equal(named(stage).parentSpanId, server.spanId, stage);
    }
    assert.equal(assume.parentSpanId, server.spanId);
    assert.equal(sts.parentSpanId, assume.spanId);
    assert.equal(put.parentSpanId, forward.spanId);
    assert.equal(put.attributes['aws.s3.bucket'], 'reports');
    assert.equal(put.attributes['http.response.status_code'], 200);
    assert.equal(typeof put.attributes['aws.request_id'], 'string');
    assert.equal(server.attributes['http.route'], 'PutObject');
    assert.equal(server.attributes['http.response.status_code'], 200);
    assert.equal(server.resource['service.name'], 'files');
    assert.equal(server.resource['deployment.environment.name'], 'test');
    const all = JSON.stringify(spans);
    for (const hidden of ['traced-key', 'alice', 'Bearer']) assert.ok(!all.includes(hidden), hidden);

    const outgoing = stored.filter(({ traceparent }) => String(traceparent).includes(traceId));
    assert.deepEqual(
      outgoing.map(({ traceparent }) => String(traceparent).split('-')[2]).toSorted(),
      spans
        .filter(({ kind }) => kind === 3)
        .map(({ spanId }) => spanId)
        .toSorted(),
    );
    for (const { authorization = '', tracestate, baggage } of outgoing) {
      assert.ok(!authorization.includes('traceparent'));
      assert.deepEqual([tracestate, baggage], [undefined, undefined]);
    }

    const requestId = String(server.attributes['sallyport.request_id']);
    const records = (await stack.auditLines()).filter((line) => line['requestId'] === requestId);
    assert.equal(records.length, 2);
    for (const record of records) {
      assert.deepEqual([record['traceId'], record['spanId']], [traceId, server.spanId]);
    }
    const [, gatewayLog = ''] = stack.logs();
    let line: string | undefined;
    while (line === undefined) {
      const lines = (await readFile(gatewayLog, 'utf8')).split('\n');
      line = lines.find((text) => text.includes('"request_ended"') && text.includes(requestId));
      if (line === undefined) await sleep(20);
    }
    const logged = JSON.parse(line) as Record<string, unknown>;
    assert.deepEqual([logged['traceId'], logged['spanId']], [traceId, server.spanId]);

    const observed = (await stack.metrics('application/openmetrics-text; version=1.0.0')).split('\n');
    const exemplar = ` # {trace_id="${traceId}",span_id="${server.spanId}"} `;
    const marked = observed.filter((text) => text.includes(exemplar));
    assert.equal(marked.length, 1, observed.join('\n'));
    assert.match(marked[0] ?? '', /^http_server_request_duration_seconds_bucket\{[^}]*http_route="PutObject"/);
    assert.ok(!(await stack.metrics()).includes(traceId));
  });

  it('of a refusal names its stage and its code, and reaches no store', async () => {
    const traceId = randomBytes(16).toString('hex');
    const context = ['-H', `traceparent: 00-${traceId}-${'1'.repeat(16)}-01`];
    await curl(...context, `${stack.frontUrl}/finance/x`);
    const spans = await spansOf(traceId);
    const enforce = spans.find(({ name }) => name === 'enforce');
    assert.equal(enforce?.attributes['error.type'], 'AccessDenied');
    assert.ok(spans.every(({ kind }) => kind !== 3));
    const server = spans.find(({ kind }) => kind === 2);
    assert.equal(server?.attributes['sallyport.result'], 'denied');
    assert.equal(server.attributes['sallyport.error_code'], 'AccessDenied');
  });

  it('begins with the gateway where the context of the client is not valid, and costs health checks nothing', async () => {
    const traceId = randomBytes(16).toString('hex').toUpperCase();
    const target = `${stack.frontUrl}/reports/2026/none`;
    await curl('-H', `traceparent: 00-${traceId}-${'1'.repeat(16)}-01`, target);
    const isRoot = ({ kind, parentSpanId, name }: ReceivedSpan) =>
      kind === 2 && parentSpanId === '' && name === 'GetObject';
    const spans = await collector.until((all) => all.some(isRoot));
    assert.ok(!JSON.stringify(spans).toUpperCase().includes(traceId));
    assert.deepEqual(
      spans.filter(({ kind, name }) => kind === 2 && !/Object/.test(name)),
      [],
    );
  });
});
