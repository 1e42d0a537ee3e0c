import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { createStreamAudit } from '../../../src/audit/stream-audit.ts';
import { REFUSALS_PER_SECOND } from '../../../src/contracts/audit-limits.ts';
import type { AuditIntent, AuditOutcome, AuditRefusal } from '../../../src/contracts/audit-sink.ts';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { record } from './lines.ts';

const intent: AuditIntent = {
  entry: 'intent',
  time: '2026-01-01T00:00:00.000Z',
  requestId: 'r1',
  issuer: 'urn:sallyport:sidecar',
  subject: 'workload',
  groups: [],
  tokenIdHash: '',
  clientAddress: '127.0.0.1',
  operation: 'PutObject',
  bucket: 'ledger',
  key: 'line\nbreak',
  decision: 'allow',
  rule: 'sidecar/configured-bucket',
  reason: 'The bucket is configured.',
  policyVersion: 'sidecar',
};
const outcome: AuditOutcome = {
  entry: 'outcome',
  time: '2026-01-01T00:00:00.001Z',
  requestId: 'r1',
  result: 'completed',
  status: 200,
  bytesIn: 1,
  bytesOut: 0,
  durationMs: 1,
};
const refusal: AuditRefusal = {
  entry: 'refusal',
  time: '2026-01-01T00:00:00.000Z',
  requestId: 'r2',
  clientAddress: '127.0.0.1',
  method: 'GET',
  status: 403,
  error: 'HostForbidden',
};

const isUnavailable = (error: unknown): boolean => error instanceof GatewayError && error.code === 'AuditUnavailable';
const clock = { now: () => 0 };

/** A stream that takes a line when it is told to. */
class SlowPipe extends Writable {
  readonly lines: string[] = [];
  readonly #waiting: ((error?: Error) => void)[] = [];

  constructor() {
    super({ decodeStrings: false, highWaterMark: 1 });
  }

  override _write(chunk: string, _encoding: string, done: (error?: Error) => void): void {
    this.lines.push(chunk);
    this.#waiting.push(done);
  }

  take(error?: Error): void {
    this.#waiting.shift()?.(error);
  }
}

describe('the audit on a stream', () => {
  it('says that an entry is on record when the stream has taken its line, and not before', async () => {
    const pipe = new SlowPipe();
    const audit = createStreamAudit({ stream: pipe, clock });
    let recorded = false;
    const recording = record(audit, intent).then(() => (recorded = true));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(recorded, false);
    pipe.take();
    await recording;
    assert.equal(recorded, true);
  });

  it('writes one line for each entry, whatever stands in it', async () => {
    const pipe = new SlowPipe();
    const audit = createStreamAudit({ stream: pipe, clock });
    const recording = record(audit, intent);
    pipe.take();
    await recording;
    const [line = ''] = pipe.lines;
    assert.equal(line.indexOf('\n'), line.length - 1);
    assert.equal((JSON.parse(line) as AuditIntent).key, 'line\nbreak');
  });

  it('refuses every access once a line was not taken', async () => {
    const pipe = new SlowPipe();
    const audit = createStreamAudit({ stream: pipe, clock });
    const recording = record(audit, intent);
    pipe.take(new Error('EPIPE'));
    await assert.rejects(recording, isUnavailable);
    assert.equal(audit.canAudit(), false);
    assert.equal(audit.health()[0]?.state, 'degraded');
    await assert.rejects(record(audit, intent), isUnavailable);
    assert.equal(pipe.lines.length, 1);
  });

  it('refuses new accesses while its reader is too slow, and concludes those that were begun', async () => {
    const pipe = new SlowPipe();
    const audit = createStreamAudit({ stream: pipe, clock, maxQueuedEntries: 1 });
    const created = record(audit, intent);
    await assert.rejects(record(audit, intent), isUnavailable);
    assert.equal(audit.canAudit(), false);
    const ending = record(audit, outcome);
    pipe.take();
    await created;
    pipe.take();
    await ending;
    assert.equal(audit.canAudit(), true);
  });

  it('bounds what waits in bytes as well', async () => {
    const pipe = new SlowPipe();
    const audit = createStreamAudit({ stream: pipe, clock, maxQueuedBytes: 100 });
    void record(audit, intent);
    await assert.rejects(record(audit, intent), isUnavailable);
  });

  it('takes as many refusals a second as a configured audit does', async () => {
    let used = 0;
    const pipe = new Writable({
      write: (_line, _encoding, done) => {
        used += 1;
        done();
      },
    });
    const audit = createStreamAudit({ stream: pipe, clock });
    for (let count = 0; count < 2 * REFUSALS_PER_SECOND.usual; count += 1) {
      audit.refuse(refusal);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(used, REFUSALS_PER_SECOND.usual);
  });

  it('caps refusals by the second, and never lets them fail a request', () => {
    const pipe = new SlowPipe();
    let nowMs = 0;
    const audit = createStreamAudit({ stream: pipe, clock: { now: () => nowMs }, refusalsPerSecond: 2 });
    const flood = (): number => {
      for (let count = 0; count < 10; count += 1) audit.refuse(refusal);
      let used = 0;
      for (; pipe.lines.length > 0 && used < 100; used += 1) pipe.take();
      return pipe.writableLength;
    };
    flood();
    assert.ok(pipe.lines.length <= 2);
    nowMs = 1000;
    flood();
    pipe.destroy(new Error('gone'));
    assert.doesNotThrow(() => audit.refuse(refusal));
  });

  it('takes nothing more when it is closed, and waits for what was given', async () => {
    const pipe = new SlowPipe();
    const audit = createStreamAudit({ stream: pipe, clock });
    const recording = record(audit, intent);
    let closed = false;
    const closing = audit.close().then(() => (closed = true));
    await assert.rejects(record(audit, intent), isUnavailable);
    assert.equal(closed, false);
    pipe.take();
    await Promise.all([recording, closing]);
  });
});
