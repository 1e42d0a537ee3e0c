import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as after } from 'node:timers/promises';
import type { AuditEntry, AuditOutcome } from '../../../src/contracts/audit-sink.ts';
import type { RequestSummary } from '../../../src/contracts/observer.ts';
import type { CopyResult } from '../../../src/contracts/stored-objects.ts';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { EarlyAnswer } from '../../../src/pipeline/early-answer.ts';
import { createPipeline } from '../../../src/pipeline/pipeline.ts';
import type { PipelineDependencies } from '../../../src/pipeline/dependencies.ts';
import { errorDocument } from '../../../src/s3/documents/xml.ts';
import { client, world, type Behaviour } from './world.ts';

const RESULT: CopyResult = {
  etag: '"9e107d9d372bb6826bd81d3542a419d6"',
  lastModified: '2026-11-21T12:00:00.000Z',
  versionId: 'v2',
  sourceVersionId: 'v1',
  keyId: 'local:1',
};
const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n';
const SOON = { afterMs: 20, everyMs: 10 };
const LATER = { afterMs: 60_000, everyMs: 10 };
const COPY = { method: 'PUT', target: '/safe/k', headers: ['x-amz-copy-source', '/safe/s'] };
const failure = () => new GatewayError('PreconditionFailed', { clientFields: { Condition: 'If-Match' } });

interface Case {
  /** `left` is aborted when the client leaves; `signs` waits until it has had so many signs of life. */
  readonly copyObject: (left: AbortSignal, signs: (count: number) => Promise<void>) => Promise<CopyResult>;
  readonly times?: PipelineDependencies['earlyAnswer'];
  readonly behaviour?: Behaviour;
  readonly leaves?: 'at once' | 'when the answer has begun';
}

async function run({ copyObject, times = SOON, behaviour, leaves }: Case) {
  const { dependencies, steps, entries } = world(behaviour);
  const summaries: RequestSummary[] = [];
  const left = new AbortController();
  const exchange = { ...client(COPY.method, COPY.target, COPY.headers, steps), signal: left.signal };
  if (leaves === 'at once') left.abort();
  const signs = async (count: number): Promise<void> => {
    while (exchange.sent.length < count) await after(1);
  };
  const { write } = exchange;
  exchange.write = async (chunk) => {
    await write(chunk);
    if (leaves === 'when the answer has begun') left.abort();
  };
  await createPipeline({
    ...dependencies,
    earlyAnswer: times,
    copies: { ...dependencies.copies, copyObject: () => copyObject(left.signal, signs) },
    observer: { ...dependencies.observer, request: (summary) => summaries.push(summary) },
  })(exchange);
  const outcomes = entries.filter((entry): entry is AuditOutcome => entry.entry === 'outcome');
  return { exchange, steps, outcomes, summary: summaries[0]!, body: exchange.sent.join('') };
}

const slowly = (ms: number, end: () => CopyResult) => async () => {
  await after(ms);
  return end();
};

/** Ends when the client has had the declaration and three blanks. */
const onceStarted = (end: () => CopyResult) => async (_: AbortSignal, signs: (count: number) => Promise<void>) => {
  await signs(4);
  return end();
};

const onceLeft = (end: () => CopyResult) => async (left: AbortSignal) => {
  if (!left.aborted) await once(left, 'abort');
  return end();
};

describe('an answer that may begin early', () => {
  it('has its own length and all headers where the end comes in time', async () => {
    const { exchange, body } = await run({ copyObject: slowly(30, () => RESULT), times: LATER });
    assert.equal(exchange.answerHeaders['content-length'], String(body.length));
    assert.equal(exchange.answerHeaders['x-amz-version-id'], 'v2');
    assert.ok(body.startsWith(`${DECLARATION}<CopyObjectResult`));
  });

  it('keeps the status of a failure that comes in time', async () => {
    const { exchange, outcomes } = await run({
      copyObject: slowly(1, () => {
        throw failure();
      }),
      times: LATER,
    });
    assert.equal(exchange.status(), 412);
    assert.equal(outcomes[0]?.status, 412);
  });

  it('begins with the declaration and goes on in blanks until the document follows, one XML document in all', async () => {
    const { exchange, body, steps, outcomes, summary } = await run({ copyObject: onceStarted(() => RESULT) });
    assert.equal(exchange.status(), 200);
    assert.equal(exchange.answerHeaders['content-type'], 'application/xml');
    assert.equal(exchange.answerHeaders['content-length'], String(Buffer.byteLength(body)));
    assert.ok(body.startsWith(`${DECLARATION}  `), body);
    assert.match(body.slice(DECLARATION.length), /^ {2,}<CopyObjectResult .*<\/CopyObjectResult>$/);
    assert.ok(exchange.sent.length >= 4, 'signs of life came one by one');
    assert.ok(steps.indexOf('answer 200') < steps.indexOf('outcome durable'));
    assert.ok(steps.indexOf('outcome durable') < steps.indexOf('end'), 'the outcome is durable before the last byte');
    assert.deepEqual([outcomes[0]?.result, outcomes[0]?.status, summary.result], ['completed', 200, 'completed']);
  });

  it('of a failure that comes late ends in its error document, and is on record as a failure behind a 200', async () => {
    const { exchange, body, steps, outcomes, summary } = await run({
      copyObject: onceStarted(() => {
        throw failure();
      }),
    });
    assert.equal(exchange.status(), 200);
    assert.equal(exchange.answerHeaders['content-length'], String(Buffer.byteLength(body)));
    assert.match(body.slice(DECLARATION.length), /^ +<Error><Code>PreconditionFailed<\/Code>.*<\/Error>$/);
    assert.match(body, /<Condition>If-Match<\/Condition>/);
    assert.deepEqual(steps.slice(-2), ['outcome durable', 'end']);
    assert.ok(outcomes.length > 0);
    for (const { result, status, error } of outcomes)
      assert.deepEqual([result, status, error], ['failed', 200, 'PreconditionFailed']);
    assert.deepEqual([summary.result, summary.status], ['failed', 200]);
  });

  it('says no success that could not be recorded', async () => {
    const audit = (entry: AuditEntry) =>
      entry.entry === 'outcome' ? Promise.reject(new GatewayError('AuditUnavailable')) : Promise.resolve();
    const { body, summary } = await run({ copyObject: onceStarted(() => RESULT), behaviour: { audit } });
    assert.match(body.slice(DECLARATION.length), /^ +<Error><Code>ServiceUnavailable<\/Code>.*<\/Error>$/);
    assert.equal(summary.result, 'failed');
  });

  it('is broken off, and not ended, where the client left and the work was aborted', async () => {
    const { exchange, steps, outcomes, summary } = await run({
      leaves: 'when the answer has begun',
      copyObject: onceLeft(() => {
        throw new GatewayError('RequestTimeout');
      }),
    });
    assert.equal(steps.at(-1), 'destroy');
    assert.ok(!steps.includes('end'));
    assert.deepEqual([outcomes[0]?.result, outcomes[0]?.status, summary.result], ['aborted', 200, 'aborted']);
    const signs = exchange.sent.length;
    await after(40);
    assert.equal(exchange.sent.length, signs, 'nothing is said to one who left');
  });

  it('has room for the longest key there is, in whatever spelling, and breaks off where a document had none', async () => {
    for (const [character, fits] of [
      ['&', true],
      ['%22', true],
      ['x'.repeat(40), false],
    ] as const) {
      const key = character.repeat(1024);
      const steps: string[] = [];
      const exchange = client('PUT', `/safe/${key}`, COPY.headers, steps);
      const early = new EarlyAnswer(exchange, SOON);
      await early.during(() => after(50));
      const fields = { Rule: '"'.repeat(100) };
      const resource = exchange.raw.target;
      early.end(errorDocument({ code: 'SlowDown', message: 'm', resource, requestId: 'r', fields }));
      assert.equal(steps.at(-1), fits ? 'end' : 'destroy', character);
      const sentBytes = Buffer.byteLength(exchange.sent.join(''));
      assert.equal(exchange.answerHeaders['content-length'] === String(sentBytes), fits);
    }
  });

  it('never begins for a client that left before', async () => {
    const { exchange, outcomes } = await run({
      leaves: 'at once',
      copyObject: slowly(60, () => {
        throw new GatewayError('RequestTimeout');
      }),
    });
    assert.equal(exchange.status(), undefined);
    assert.equal(outcomes[0]?.status, 0);
  });

  it('records a success that took effect although the client left meanwhile', async () => {
    const { outcomes, summary } = await run({
      leaves: 'when the answer has begun',
      copyObject: onceLeft(() => RESULT),
    });
    assert.deepEqual([outcomes[0]?.result, summary.result], ['completed', 'completed']);
  });

  it('begins early for CompleteMultipartUpload as well, and for nothing whose clients do not look for errors in a 200', async () => {
    const slow = async (): Promise<never> => {
      await after(60);
      throw new GatewayError('NoSuchUpload');
    };
    const document =
      '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>a</ETag></Part></CompleteMultipartUpload>';
    for (const [method, early] of [
      ['POST', true],
      ['DELETE', false],
    ] as const) {
      const { dependencies, steps } = world();
      const headers = method === 'POST' ? ['content-length', String(document.length)] : [];
      const body = (async function* () {
        if (method === 'POST') yield await Promise.resolve(Buffer.from(document));
      })();
      const exchange = client(method, '/safe/k?uploadId=u', headers, steps, body);
      const uploads = { ...dependencies.uploads, complete: slow, abort: slow };
      await createPipeline({ ...dependencies, uploads, earlyAnswer: SOON })(exchange);
      assert.equal(exchange.status(), early ? 200 : 404, method);
      assert.match(exchange.sent.join(''), /<Error><Code>NoSuchUpload</);
    }
  });

  it('waits for a client that reads nothing, and says no more meanwhile', async () => {
    const { dependencies } = world();
    const exchange = client(COPY.method, COPY.target, COPY.headers);
    let writes = 0;
    let drained: () => void = () => undefined;
    const stuck = {
      ...exchange,
      write: () => {
        writes += 1;
        return new Promise<void>((resolve) => (drained = resolve));
      },
    };
    const copies = { ...dependencies.copies, copyObject: slowly(120, () => RESULT) };
    await createPipeline({ ...dependencies, copies, earlyAnswer: SOON })(stuck);
    assert.equal(writes, 1);
    drained();
    await after(30);
    assert.equal(writes, 1, 'nothing follows the end');
  });
});
