/** The watch over buckets, with a probe that answers what a test says: the real ones are tried in test/conformance/store-health.test.ts. */
import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import type { Bucket } from '../../../src/contracts/bucket.ts';
import { GatewayError, type StoreRefusal } from '../../../src/errors/gateway-error.ts';
import type { Verdict } from '../../../src/objects/bucket-probe.ts';
import { createBucketWatch, type BucketWatch } from '../../../src/objects/bucket-watch.ts';

const bucketNamed = (name: string, storeBucket = name): Bucket => ({
  ...{ name, id: name, storeBucket, style: 'path', roleArn: 'role', encryption: 'off', prefixes: [] },
  store: { name: 'main', endpoint: 'http://store', region: 'here' },
});
const OK: Verdict = { state: 'ok' };
const DOWN: Verdict = { state: 'degraded', detail: 'nothing listens' };
const refusedWith = (refusal: StoreRefusal) => new GatewayError('ServiceUnavailable', { refusal });
const NO_ANSWER = refusedWith({ by: 'store', status: undefined, code: 'ECONNREFUSED' });
const SECONDS = 1000;

describe('the watch over buckets', () => {
  let nowMs: number;
  let verdicts: Record<string, Verdict | undefined>;
  let requested: string[];
  let waiting: (() => void)[];
  let said: string[];
  let lookups: string[];
  let watch: BucketWatch;

  function watching(names: readonly string[], canProbe = true): BucketWatch {
    watch = createBucketWatch({
      buckets: names.map((name) => bucketNamed(name)),
      probe: {
        canProbe: () => canProbe,
        probe: ({ name }) => {
          requested.push(name);
          const verdict = verdicts[name];
          if (verdict !== undefined) return Promise.resolve(verdict);
          return new Promise((resolve) => waiting.push(() => resolve(OK)));
        },
      },
      clock: { now: () => nowMs },
      observer: {
        event: (event, fields) => said.push([event, fields?.['detail']].filter(Boolean).join(': ')),
        lookup: (why) => lookups.push(why),
      },
    });
    return watch;
  }
  const stateOf = (name: string) => watch.health().find((report) => report.name === `bucket:${name}`)?.state;
  /** What its own timer does, at this time. */
  const later = async (ms: number): Promise<void> => {
    nowMs += ms;
    watch.close();
    watch.start();
    for (let times = 0; times < 20; times += 1) await turn();
  };

  beforeEach(() => {
    nowMs = 1_000_000;
    [verdicts, requested, waiting, said, lookups] = [{}, [], [], [], []];
  });
  afterEach(() => watch.close());

  it('says unknown, and holds back, until each bucket was asked; then it says what it heard', async () => {
    verdicts = { one: OK };
    watching(['one', 'two']);
    assert.deepEqual([stateOf('one'), stateOf('two'), requested], ['unknown', 'unknown', []]);
    await later(0);
    assert.deepEqual([stateOf('one'), stateOf('two'), watch.mayServe()], ['ok', 'unknown', false]);
    waiting[0]?.();
    await later(0);
    assert.deepEqual([stateOf('two'), watch.mayServe()], ['ok', true]);
    assert.deepEqual(lookups, ['health', 'health']);
  });

  it('does not hold back for longer than ten seconds for a store that says nothing at all', async () => {
    verdicts = { one: OK };
    watching(['one', 'silent']).start();
    for (let times = 0; times < 20; times += 1) await turn();
    nowMs += 9 * SECONDS;
    assert.equal(watch.mayServe(), false);
    nowMs += 2 * SECONDS;
    assert.deepEqual([watch.mayServe(), stateOf('silent')], [true, 'unknown']);
  });

  it('holds back while no bucket works, and never again once one did', async () => {
    verdicts = { one: DOWN, two: DOWN };
    watching(['one', 'two']);
    await later(0);
    nowMs += 60 * SECONDS;
    assert.equal(watch.mayServe(), false);
    verdicts = { one: DOWN, two: OK };
    await later(60 * SECONDS);
    assert.deepEqual([watch.mayServe(), stateOf('one'), stateOf('two')], [true, 'degraded', 'ok']);
    verdicts = { one: DOWN, two: DOWN };
    await later(120 * SECONDS);
    assert.deepEqual([watch.mayServe(), stateOf('two')], [true, 'degraded']);
  });

  it('asks four at once at most, and of one bucket no second time before the first answer', async () => {
    watching(['a', 'b', 'c', 'd', 'e', 'f']);
    await later(0);
    await later(300 * SECONDS);
    assert.deepEqual(requested, ['a', 'b', 'c', 'd']);
    for (const answer of waiting.splice(0)) answer();
    await later(0);
    assert.deepEqual(requested.slice(4).toSorted(), ['e', 'f']);
  });

  it('asks a bucket that works once a minute or so, and not at all while requests in it succeed', async () => {
    verdicts = { one: OK };
    watching(['one']);
    await later(0);
    await later(59 * SECONDS);
    assert.equal(requested.length, 1);
    await later(32 * SECONDS);
    assert.equal(requested.length, 2);
    for (let minute = 0; minute < 10; minute += 1) {
      watch.succeeded(bucketNamed('one'));
      await later(50 * SECONDS);
    }
    assert.equal(requested.length, 2);
  });

  it('lets a request that fails ask sooner, but no two times within five seconds, however many fail', async () => {
    verdicts = { one: OK };
    watching(['one']);
    await later(0);
    for (let request = 0; request < 50; request += 1) {
      watch.failed(bucketNamed('one'), NO_ANSWER);
      await later(100);
    }
    assert.equal(requested.length, 2);
    // What policy or a caller is to blame for asks nothing.
    watch.failed(bucketNamed('one'), new GatewayError('AccessDenied'));
    await later(20 * SECONDS);
    assert.equal(requested.length, 2);
  });

  it('asks a bucket that does not work again and again, every 45 seconds at last, and says it once', async () => {
    verdicts = { one: DOWN };
    watching(['one']);
    for (let second = 0; second < 600; second += 1) await later(SECONDS);
    assert.ok(requested.length >= 14 && requested.length <= 26, String(requested.length));
    assert.deepEqual(said, ['bucket_unavailable: nothing listens']);
    verdicts = { one: OK };
    await later(46 * SECONDS);
    assert.deepEqual([said.length, stateOf('one')], [2, 'ok']);
  });

  it('believes a request that succeeds more than its own last answer', async () => {
    verdicts = { one: DOWN };
    watching(['one']);
    await later(0);
    watch.succeeded(bucketNamed('one', ''));
    assert.equal(stateOf('one'), 'degraded', 'a listing of buckets says nothing of one');
    watch.succeeded(bucketNamed('one'));
    assert.deepEqual([stateOf('one'), watch.mayServe()], ['ok', true]);
  });

  it('holds nothing back for a store that only callers can ask, and learns of it by what they meet', async () => {
    watching(['one'], false);
    await later(0);
    assert.deepEqual([stateOf('one'), watch.mayServe(), requested], ['unknown', true, []]);
    watch.failed(bucketNamed('one'), refusedWith({ by: 'store', status: 403, code: 'AccessDenied' }));
    assert.equal(stateOf('one'), 'unknown', 'this may be the caller');
    watch.failed(bucketNamed('one'), NO_ANSWER);
    assert.equal(stateOf('one'), 'degraded');
    watch.succeeded(bucketNamed('one'));
    assert.equal(stateOf('one'), 'ok');
    await later(600 * SECONDS);
    assert.deepEqual(requested, []);
  });
});
