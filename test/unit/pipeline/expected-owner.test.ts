import assert from 'node:assert/strict';
import type { AuditEntry } from '../../../src/contracts/audit-sink.ts';
import { createPipeline } from '../../../src/pipeline/pipeline.ts';
import { client, world, type Behaviour } from './world.ts';

const OWNER = 'x-amz-expected-bucket-owner';
const SOURCE_OWNER = 'x-amz-source-expected-bucket-owner';
const OURS = '111122223333';
const THEIRS = '444455556666';
const COPY = ['x-amz-copy-source', 'chest/s'] as const;

/** A request on a pipeline whose bucket `box` has an owner, and whose others have none. */
async function run(method: string, target: string, headers: readonly string[], behaviour: Behaviour = {}) {
  const { dependencies, sent, entries } = world({ answer: () => ({ status: 404 }), ...behaviour });
  const buckets = new Map(
    [...dependencies.buckets].map(([name, bucket]) => [name, name === 'box' ? { ...bucket, account: OURS } : bucket]),
  );
  const exchange = client(method, target, headers);
  await createPipeline({ ...dependencies, buckets })(exchange);
  return { status: exchange.status(), answer: exchange.sent.join(''), sent, entries: entries as AuditEntry[] };
}

describe('the expected owner of a bucket', () => {
  for (const [method, target] of [
    ['GET', '/box/k'],
    ['DELETE', '/box/k'],
    ['GET', '/box?list-type=2'],
    ['POST', '/box/k?uploads'],
    ['GET', '/box/k?tagging'],
  ] as const) {
    it(`lets ${method} ${target} pass to the store where it is the configured one, and nowhere else`, async () => {
      assert.equal((await run(method, target, [OWNER, OURS])).sent.length, 1);
      const { status, answer, sent, entries } = await run(method, target, [OWNER, THEIRS]);
      assert.equal(status, 403);
      assert.match(answer, /<Code>AccessDenied</);
      assert.deepEqual(sent, []);
      assert.equal(entries.at(-1)?.entry, 'outcome');
    });
  }

  it('is looked at before what is known of a bucket is told', async () => {
    const isThere: Behaviour = { answer: () => ({ status: 200 }) };
    for (const [owner, status] of [
      [OURS, 200],
      [THEIRS, 403],
    ] as const) {
      assert.equal((await run('HEAD', '/box', [OWNER, owner], isThere)).status, status);
      assert.equal((await run('GET', '/box?location', [OWNER, owner], isThere)).status, status);
    }
  });

  it('is told to no store', async () => {
    assert.equal((await run('GET', '/box/k', [OWNER, OURS])).sent[0]?.headers[OWNER], undefined);
  });

  it('is never taken for right where none is configured', async () => {
    for (const [method, target] of [
      ['GET', '/chest/k'],
      ['HEAD', '/chest'],
    ] as const) {
      const { status, sent } = await run(method, target, [OWNER, OURS]);
      assert.equal(status, 403);
      assert.deepEqual(sent, []);
    }
  });

  it('is one of each end of a copy', async () => {
    assert.equal((await run('PUT', '/box/k', [...COPY, OWNER, OURS])).sent.length, 1);
    for (const [name, value] of [
      [OWNER, THEIRS],
      [SOURCE_OWNER, OURS],
      [SOURCE_OWNER, THEIRS],
    ] as const) {
      const { status, sent } = await run('PUT', '/box/k', [...COPY, name, value]);
      assert.equal(status, 403);
      assert.deepEqual(sent, []);
    }
    assert.equal((await run('PUT', '/chest/k', ['x-amz-copy-source', 'box/s', SOURCE_OWNER, OURS])).sent.length, 1);
  });

  it('tells nothing of a bucket to who may not use it', async () => {
    const [right, wrong] = await Promise.all(
      [OURS, THEIRS].map((owner) => run('GET', '/box/k', [OWNER, owner], { decision: 'deny' })),
    );
    assert.equal(right?.answer, wrong?.answer);
    assert.equal(right?.entries.at(-1)?.entry, 'denial');
  });
});
