/** Ranges and conditions of reads and writes, decided by a real store, in encrypted prefixes and in plain ones. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { field, ObjectCalls } from '../support/store/object-calls.ts';
import { startSmallGateway, type SmallGateway } from '../support/stack/small-gateway.ts';

const BODY = randomBytes(200_000);
const PREFIXES = ['sealed/', 'moving/', 'plain/'] as const;

describe('ranges and conditions', function () {
  this.timeout(60_000);
  let world: SmallGateway;
  let token: string;
  const run = randomBytes(4).toString('hex');

  before(async () => {
    const rules = { encryption: 'required', prefixes: { 'moving/': 'migrating', 'plain/': 'off' } };
    world = await startSmallGateway({ buckets: { reports: rules } });
    token = world.token('analysts');
  });
  after(() => world.stop());

  const at = (prefix: string, name: string) =>
    new ObjectCalls(() => world.client, token, 'reports', `${prefix}${name}-${run}`);

  for (const prefix of PREFIXES) {
    describe(prefix, () => {
      it('gives with If-Range the part of the same entity, by its ETag or its date', async () => {
        const object = at(prefix, 'same');
        await object.must('PUT', '', {}, BODY);
        const { headers } = await object.must('HEAD');
        const etag = String(headers.etag);
        for (const ifRange of [etag, etag.replaceAll('"', ''), String(headers['last-modified'])]) {
          for (const method of ['GET', 'HEAD']) {
            const requested = { range: 'bytes=70000-70009', 'if-range': ifRange };
            const answer = await object.call(method, '', requested);
            assert.equal(answer.status, 206, `${method} ${ifRange}`);
            assert.equal(answer.headers['content-range'], `bytes 70000-70009/${BODY.length}`);
            if (method === 'GET') assert.deepEqual(answer.body, BODY.subarray(70_000, 70_010));
          }
        }
      });

      it('gives with If-Range all of another entity, and never a part of it', async () => {
        const object = at(prefix, 'other');
        const stale = String((await object.must('PUT', '', {}, BODY)).headers.etag);
        const newer = randomBytes(90_000);
        await object.must('PUT', '', {}, newer);
        const { headers } = await object.must('HEAD');
        const later = new Date(Date.now() + 3_600_000).toUTCString();
        const earlier = 'Sat, 21 Nov 2020 10:00:00 GMT';
        for (const ifRange of [stale, `W/${String(headers.etag)}`, later, earlier, 'neither', '"']) {
          // The second does not exist in what is there now, and must not be a 416 all the same.
          for (const range of ['bytes=5-9', 'bytes=150000-150009']) {
            const answer = await object.call('GET', '', { range, 'if-range': ifRange });
            assert.equal(answer.status, 200, `${range} ${ifRange}`);
            assert.equal(answer.headers['content-range'], undefined);
            assert.deepEqual(answer.body, newer);
          }
        }
      });

      it('refuses with If-Range what the same entity does not have', async () => {
        const object = at(prefix, 'beyond');
        const { headers } = await object.must('PUT', '', {}, BODY);
        const answer = await object.call('GET', '', { range: 'bytes=200000-', 'if-range': String(headers.etag) });
        assert.equal(answer.code, 'InvalidRange');
      });

      it('still holds a read with If-Range to the other conditions of its client', async () => {
        const object = at(prefix, 'both');
        const { headers } = await object.must('PUT', '', {}, BODY);
        const requested = { range: 'bytes=1-2', 'if-range': String(headers.etag) };
        assert.equal((await object.call('GET', '', { ...requested, 'if-match': '"another"' })).status, 412);
        assert.equal(
          (await object.call('GET', '', { ...requested, 'if-none-match': String(headers.etag) })).status,
          304,
        );
      });

      it('says with a range that is not to be had how large the object is', async () => {
        for (const size of [0, 10]) {
          const object = at(prefix, `of-${size}`);
          await object.must('PUT', '', {}, BODY.subarray(0, size));
          const refused = await object.call('GET', '', { range: 'bytes=10-8388607' });
          assert.equal(refused.status, 416);
          assert.equal(refused.code, 'InvalidRange');
          assert.equal(field(refused, 'RangeRequested'), 'bytes=10-8388607');
          assert.equal(field(refused, 'ActualObjectSize'), String(size));
          assert.equal(refused.headers['content-range'], `bytes */${size}`);
        }
      });

      it('decides the conditions of a read in their order: If-Match and If-Unmodified-Since first', async () => {
        const object = at(prefix, 'order');
        await object.must('PUT', '', {}, BODY);
        const { headers } = await object.must('HEAD');
        const [etag, modified] = [String(headers.etag), String(headers['last-modified'])];
        const [other, before] = ['"another-1"', 'Sat, 21 Nov 2020 10:00:00 GMT'];
        const cases: readonly (readonly [number, Readonly<Record<string, string>>])[] = [
          [412, { 'if-match': other, 'if-modified-since': modified }],
          [412, { 'if-unmodified-since': before, 'if-modified-since': modified }],
          [412, { 'if-match': other, 'if-none-match': etag }],
          [412, { 'if-unmodified-since': before, 'if-none-match': etag }],
          [412, { 'if-match': other, 'if-unmodified-since': modified }],
          [200, { 'if-match': etag, 'if-unmodified-since': before }],
          [200, { 'if-none-match': other, 'if-modified-since': modified }],
          [304, { 'if-none-match': etag, 'if-modified-since': before }],
          [304, { 'if-match': etag, 'if-modified-since': modified }],
          [304, { 'if-unmodified-since': modified, 'if-modified-since': modified }],
        ];
        for (const [status, conditions] of cases) {
          for (const method of ['GET', 'HEAD']) {
            const answer = await object.call(method, '', conditions);
            assert.equal(answer.status, status, `${method} ${JSON.stringify(conditions)}`);
          }
        }
      });

      it('names the condition that failed, of reads and of writes', async () => {
        const object = at(prefix, 'conditions');
        const { headers } = await object.must('PUT', '', {}, BODY);
        const condition = async (method: string, requested: Readonly<Record<string, string>>, body?: Buffer) => {
          const refused = await object.call(method, '', requested, body);
          assert.equal(refused.status, 412, JSON.stringify(requested));
          return field(refused, 'Condition');
        };
        const long = 'Sat, 21 Nov 2020 10:00:00 GMT';
        assert.equal(await condition('GET', { 'if-match': '"another"' }), 'If-Match');
        assert.equal(await condition('GET', { 'if-unmodified-since': long }), 'If-Unmodified-Since');
        assert.equal(await condition('GET', { 'if-match': '"another"', 'if-unmodified-since': long }), 'If-Match');
        const copy = { 'x-amz-copy-source': `reports/${object.key}`, 'x-amz-metadata-directive': 'REPLACE' };
        if (world.kind === 'embedded') {
          assert.equal(await condition('PUT', { 'if-none-match': '*' }, BODY), 'If-None-Match');
          assert.equal(await condition('PUT', { 'if-match': '"another"' }, BODY), 'If-Match');
          const ofSource = { ...copy, 'x-amz-copy-source-if-none-match': String(headers.etag) };
          assert.equal(await condition('PUT', ofSource), 'x-amz-copy-source-If-None-Match');
        }
      });
    });
  }
});
