import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { createOtlpTracer } from '../../../src/telemetry/otlp-tracer.ts';
import { createRequests } from '../../../src/telemetry/request-scope.ts';
import { startTracing } from '../../../src/telemetry/start-tracing.ts';
import { tracingSettings, type Sampling } from '../../../src/telemetry/tracing-settings.ts';
import { COMPILE_CACHE } from '../../support/compile-cache.ts';
import { startTraceCollector, type ReceivedSpan, type TraceCollector } from '../../support/stack/trace-collector.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CLIENT = '00f067aa0ba902b7';
const traceparent = `00-${TRACE}-${CLIENT}-01`;
const ENDPOINT = 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT';
const ALWAYS: Sampling = { root: 'on', isParentBased: true };

describe('traces', () => {
  let collector: TraceCollector;

  before(async () => {
    collector = await startTraceCollector();
  });
  after(() => collector.stop());

  /** The exporter reads its own variables of the process when it is made. */
  function traced(sampling: Sampling, isPropagated = true, url = `${collector.url}/v1/traces`) {
    const events: (readonly [string, unknown])[] = [];
    const requests = createRequests();
    const before = process.env[ENDPOINT];
    process.env[ENDPOINT] = url;
    const tracer = createOtlpTracer({ sampling, isPropagated }, (event) => events.push([event, requests.trace()]));
    if (before === undefined) Reflect.deleteProperty(process.env, ENDPOINT);
    else process.env[ENDPOINT] = before;
    return { tracer, requests, traces: requests.traceBy(tracer), events };
  }

  it('join the client, the request, its stages and the calls out of them, over promises and timers', async () => {
    const { tracer, requests, traces } = traced(ALWAYS);
    const context = requests.begin('ID', 'GET', { traceparent, tracestate: 'vendor=1,not a member' });
    const done = Promise.withResolvers<Readonly<Record<string, string>>>();
    requests.within(context, () => {
      void traces.stage('open', async () => {
        await sleep(1);
        const sent = await traces.call('S3.GetObject', { 'aws.s3.bucket': 'b' }, (span) =>
          Promise.resolve(span?.headers ?? {}),
        );
        done.resolve(sent);
      });
    });
    const sent = await done.promise;
    assert.throws(() =>
      requests.within(context, () => {
        traces.stage('enforce', () => {
          throw new GatewayError('AccessDenied');
        });
      }),
    );
    await sleep(1);
    requests.end(context, 403);
    await tracer.close();
    const mine = collector.spans.filter(({ traceId }) => traceId === TRACE);
    const named = (name: string) => mine.find((span) => span.name === name);
    const [server, open, call, enforce] = ['GET', 'open', 'S3.GetObject', 'enforce'].map(named);
    assert.deepEqual([server?.kind, open?.kind, call?.kind], [2, 1, 3]);
    assert.equal(server?.parentSpanId, CLIENT);
    assert.equal(open?.parentSpanId, server.spanId);
    assert.equal(call?.parentSpanId, open.spanId);
    assert.equal(enforce?.parentSpanId, server.spanId);
    assert.equal(enforce.attributes['error.type'], 'AccessDenied');
    assert.equal(server.attributes['sallyport.request_id'], 'ID');
    assert.equal(server.attributes['http.response.status_code'], 403);
    assert.equal(server.resource['service.name'], 'sallyport');
    // The client's own text goes to the collector alone.
    assert.equal(server.traceState, 'vendor=1');
    assert.deepEqual(sent, { traceparent: `00-${TRACE}-${call.spanId}-01` });
    assert.deepEqual(context.trace, { traceId: TRACE, spanId: server.spanId });
  });

  it('begin anew where what the client sent is not valid', async () => {
    const { tracer, requests } = traced(ALWAYS);
    const bad = ['nonsense', `00-${TRACE.toUpperCase()}-${CLIENT}-01`, `${traceparent}, ${traceparent}`];
    for (const header of bad) {
      const context = requests.begin('ID', 'GET', { traceparent: header });
      assert.match(context.trace?.traceId ?? '', /^[0-9a-f]{32}$/);
      assert.notEqual(context.trace?.traceId, TRACE);
      requests.end(context, 200);
    }
    await tracer.close();
  });

  it('tell what failed by a name of ours: of answers from 500 on, of work that rejects, and where no answer went out', async () => {
    const { tracer, requests, traces } = traced(ALWAYS);
    for (const [number, status] of [500, 499, undefined].entries()) {
      requests.end(requests.begin(`FAIL-${number}`, 'GET', {}), status);
    }
    const rejecting = requests.begin('REJECTS', 'GET', {});
    const done = Promise.withResolvers<undefined>();
    requests.within(rejecting, () => {
      traces.current()?.rename('GetObject');
      const reasons = [new TypeError('with a hidden text'), 'a hidden text'];
      const all = reasons.map((reason, number) =>
        traces.stage(`reject-${number}`, () => new Promise((_resolve, reject) => void setTimeout(reject, 1, reason))),
      );
      void Promise.allSettled(all).then(() => done.resolve(undefined));
    });
    await done.promise;
    requests.end(rejecting, 200);
    await tracer.close();
    const failureOf = (isIt: (span: ReceivedSpan) => boolean) => collector.spans.find(isIt)?.attributes['error.type'];
    const ofRequest = (id: string) => failureOf(({ attributes }) => attributes['sallyport.request_id'] === id);
    assert.deepEqual(['FAIL-0', 'FAIL-1', 'FAIL-2'].map(ofRequest), ['500', undefined, 'no answer']);
    assert.equal(
      failureOf(({ name }) => name === 'reject-0'),
      'TypeError',
    );
    assert.equal(
      failureOf(({ name }) => name === 'reject-1'),
      'unknown',
    );
    assert.ok(collector.spans.some(({ name }) => name === 'GetObject'));
    assert.ok(!JSON.stringify(collector.spans).includes('hidden'));
  });

  it('make no span of what belongs to no request', () => {
    const { traces } = traced(ALWAYS);
    assert.equal(
      traces.call('S3.HeadBucket', {}, (span) => span),
      undefined,
    );
    assert.equal(
      traces.stage('open', () => 1),
      1,
    );
    assert.equal(traces.current(), undefined);
  });

  it('that are not sampled hand the context on, and send nothing', async () => {
    const before = collector.spans.length;
    const { tracer, requests, traces } = traced({ root: 'off', isParentBased: true });
    const context = requests.begin('ID', 'GET', {});
    requests.within(context, () =>
      traces.stage('open', () =>
        traces.call('S3.GetObject', {}, (span) => {
          const { traceId = '', spanId = '' } = context.trace ?? {};
          assert.equal(span?.headers['traceparent'], `00-${traceId}-${spanId}-00`);
        }),
      ),
    );
    requests.end(context, 200);
    // What the client wants goes before it; not where the sampler looks at nobody.
    assert.equal(requests.begin('ID', 'GET', { traceparent }).span?.isRecorded, true);
    await tracer.close();
    assert.equal(collector.spans.length, before);
    const strict = traced({ root: 'off', isParentBased: false });
    assert.equal(strict.requests.begin('ID', 'GET', { traceparent }).span?.isRecorded, false);
    await strict.tracer.close();
  });

  it('neither take nor hand on a context without a propagator for it', async () => {
    const { tracer, requests, traces } = traced(ALWAYS, false);
    const context = requests.begin('ID', 'GET', { traceparent });
    assert.notEqual(context.trace?.traceId, TRACE);
    requests.within(context, () => traces.call('S3.GetObject', {}, (span) => assert.deepEqual(span?.headers, {})));
    requests.end(context, 200);
    await tracer.close();
  });

  it('cost a line of the log where nobody takes them, and end in their time', async function () {
    this.timeout(10_000);
    const { tracer, requests, events } = traced(ALWAYS, true, 'http://127.0.0.1:1/v1/traces');
    requests.end(requests.begin('ID', 'GET', {}), 200);
    const startedMs = performance.now();
    await tracer.close();
    assert.ok(performance.now() - startedMs < 4000);
    assert.ok(events.length <= 1 && events.every(([event]) => event === 'trace_export_failed'));
  });

  it('that are refused are told of once, as no request of anybody, and again when they are taken', async () => {
    const { tracer, requests, events } = traced(ALWAYS);
    // A full batch is sent at once.
    const batch = async (): Promise<void> => {
      const seen = collector.requests;
      requests.within(requests.begin('ID', 'GET', {}), () => {
        for (let spans = 0; spans < 600; spans += 1) requests.end(requests.begin('ID', 'GET', {}), 200);
      });
      while (collector.requests === seen) await sleep(5);
    };
    collector.answer(400);
    await batch();
    await batch();
    collector.answer(200);
    await batch();
    await tracer.close();
    assert.deepEqual(events, [
      ['trace_export_failed', undefined],
      ['trace_export_recovered', undefined],
    ]);
  });

  it('that are off keep the id of a client that traces, and nothing else', () => {
    const requests = createRequests();
    const context = requests.begin('ID', 'GET', { traceparent });
    assert.deepEqual(context, { requestId: 'ID', trace: { traceId: TRACE } });
    assert.equal(requests.begin('ID', 'GET', { traceparent: 'nonsense' }).trace, undefined);
    assert.equal(requests.begin('ID', 'GET', {}).trace, undefined);
    requests.within(context, () => assert.deepEqual(requests.trace(), { traceId: TRACE }));
    assert.equal(requests.trace(), undefined);
  });

  it('are on by the standard variables alone', async () => {
    const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };
    const samplerOf = (name: string, argument = '') =>
      tracingSettings({ ...endpoint, OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: argument })?.sampling;
    assert.equal(tracingSettings({}), undefined);
    assert.equal(tracingSettings({ ...endpoint, OTEL_SDK_DISABLED: 'TRUE' }), undefined);
    assert.equal(tracingSettings({ ...endpoint, OTEL_TRACES_EXPORTER: 'none' }), undefined);
    assert.deepEqual(tracingSettings(endpoint), { sampling: ALWAYS, isPropagated: true });
    assert.deepEqual(tracingSettings({ OTEL_TRACES_EXPORTER: 'otlp' })?.sampling, ALWAYS);
    assert.deepEqual(samplerOf('always_off'), { root: 'off', isParentBased: false });
    assert.deepEqual(samplerOf('parentbased_traceidratio', '0.25'), { root: 0.25, isParentBased: true });
    assert.equal(tracingSettings({ ...endpoint, OTEL_PROPAGATORS: 'none' })?.isPropagated, false);
    assert.equal(tracingSettings({ ...endpoint, OTEL_PROPAGATORS: 'baggage, tracecontext' })?.isPropagated, true);
    for (const bad of [
      { OTEL_TRACES_EXPORTER: 'zipkin' },
      { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
      { OTEL_TRACES_SAMPLER: 'jaeger_remote' },
      { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '7' },
    ]) {
      const told: string[] = [];
      assert.equal(await startTracing({ ...endpoint, ...bad }, (event) => told.push(event)), undefined);
      assert.deepEqual(told, ['tracing_misconfigured']);
    }
  });

  it('load neither SDK nor exporter where they are off', async function () {
    this.timeout(60_000);
    const script = fileURLToPath(new URL('loaded-modules.ts', import.meta.url));
    const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('OTEL_')));
    const loaded = async (env: Readonly<Record<string, string>>): Promise<string[]> => {
      const { stdout } = await promisify(execFile)(process.execPath, [script], {
        env: { ...clean, ...COMPILE_CACHE, ...env },
      });
      return JSON.parse(stdout) as string[];
    };
    // Of its types and constants prom-client takes some.
    const isOurs = (url: string) => !url.includes('@opentelemetry/api/');
    assert.deepEqual((await loaded({})).filter(isOurs), []);
    const on = await loaded({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
    assert.ok(on.some((url) => url.includes('@opentelemetry/sdk-trace')));
  });
});
