import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  pageOfBuckets,
  parseBucketsQuery,
  readBuckets,
  writeBuckets,
} from '../../../../src/s3/documents/list-buckets.ts';
import { childrenOf, readXml, textOf } from '../../../../src/s3/documents/xml-reader.ts';

const query = (parameters: Readonly<Record<string, string>> = {}) =>
  parseBucketsQuery({ query: new Map(Object.entries(parameters)) });
const names = ['archive', 'box', 'box-2', 'logs'];
const ALL = names.map((name) => ({ name, region: name === 'logs' ? 'eu-west-1' : 'us-east-1' }));

describe('s3/documents/list-buckets', () => {
  it('gives every bucket once, in order, over pages of any size', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.stringMatching(/^[a-z0-9.-]{1,63}$/)),
        fc.integer({ min: 1, max: 9 }),
        (all, max) => {
          const buckets = all.sort().map((name) => ({ name, region: 'r' }));
          const seen: string[] = [];
          let token: string | undefined;
          do {
            const requested = query({
              'max-buckets': String(max),
              ...(token === undefined ? {} : { 'continuation-token': token }),
            });
            const { page, next } = pageOfBuckets(buckets, requested);
            assert.ok(page.length <= max);
            seen.push(...page.map(({ name }) => name));
            token = next;
          } while (token !== undefined);
          assert.deepEqual(seen, all);
        },
      ),
    );
  });

  it('gives those of a prefix and of a region, and of a prefix that no name can have none', () => {
    const of = (parameters: Readonly<Record<string, string>>) =>
      pageOfBuckets(ALL, query(parameters)).page.map(({ name }) => name);
    assert.deepEqual(of({}), names);
    assert.deepEqual(of({ prefix: 'box' }), ['box', 'box-2']);
    assert.deepEqual(of({ 'bucket-region': 'eu-west-1' }), ['logs']);
    assert.deepEqual(of({ prefix: 'b*' }), []);
  });

  it('takes one to 10,000 at a time and the tokens that it gave, and nothing else', () => {
    for (const max of ['1', '10000']) assert.equal(query({ 'max-buckets': max }).maxBuckets, Number(max));
    for (const max of ['0', '10001', '-1', '1e3', '', ' 1']) {
      assert.throws(() => query({ 'max-buckets': max }), { code: 'InvalidArgument' }, max);
    }
    for (const token of ['', '*', 'YQ==', Buffer.from('<x>').toString('base64url')]) {
      assert.throws(() => query({ 'continuation-token': token }), { code: 'InvalidArgument' }, token);
    }
    assert.throws(() => query({ 'bucket-region': 'A' }), { code: 'InvalidArgument' });
  });

  it("writes the store's dates, the caller as owner, and regions where pages were requested", () => {
    const shown = [
      { name: 'a', region: 'r', created: '2026-01-02T03:04:05.000Z' },
      { name: 'b', region: 'r' },
    ];
    const read = (parameters: Readonly<Record<string, string>>) =>
      readXml(Buffer.from(writeBuckets(shown, query(parameters), { owner: 'alice <a@b>', next: 'YQ' })), 10_000)!;
    const plain = read({});
    const buckets = childrenOf(childrenOf(plain, 'Buckets')[0]!, 'Bucket');
    assert.deepEqual(
      buckets.map((bucket) => textOf(bucket, 'CreationDate')),
      ['2026-01-02T03:04:05.000Z', '1970-01-01T00:00:00.000Z'],
    );
    assert.equal(textOf(buckets[0]!, 'BucketRegion'), undefined);
    assert.equal(textOf(childrenOf(plain, 'Owner')[0]!, 'ID'), 'alice <a@b>');
    const paged = read({ 'max-buckets': '2' });
    assert.equal(textOf(childrenOf(childrenOf(paged, 'Buckets')[0]!, 'Bucket')[0]!, 'BucketRegion'), 'r');
    assert.equal(textOf(paged, 'ContinuationToken'), 'YQ');
  });

  it("believes of a store's list the dates that are some", () => {
    const bucket = (name: string, date: string) =>
      `<Bucket><Name>${name}</Name><CreationDate>${date}</CreationDate></Bucket>`;
    const document = `<ListAllMyBucketsResult><Buckets>${bucket('a', '2026-01-02T03:04:05.678Z')}${bucket('b', 'soon')}</Buckets></ListAllMyBucketsResult>`;
    assert.deepEqual([...readBuckets(Buffer.from(document))], [['a', '2026-01-02T03:04:05.678Z']]);
    assert.throws(() => readBuckets(Buffer.from('<Other/>')), { code: 'InternalError' });
  });
});
