import assert from 'node:assert/strict';
import type { StoreQuestion } from '../../../src/contracts/store-session.ts';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { copyInStore, MAX_COPY_BYTES } from '../../../src/operate/copy-in-store.ts';
import { scriptedSession, type Reply } from './store-double.ts';

const from = { key: 'work/ü', etag: '"e1"', versionId: 'v1', sizeBytes: 10 };
const copy = { from, to: 'a', headers: { 'x-amz-meta-sallyport': 'E' }, tags: undefined, ifMatch: '"old"' };
const TAGS = Buffer.from('<Tagging><TagSet><Tag><Key>k</Key><Value>v w</Value></Tag></TagSet></Tagging>');

const isPart = ({ query }: StoreQuestion) => query.some(([name]) => name === 'partNumber');
const store = ({ method, query }: StoreQuestion): Reply => {
  const names = query.map(([name]) => name);
  if (names.includes('tagging')) return { body: method === 'GET' ? '<Tagging><TagSet></TagSet></Tagging>' : '' };
  if (names.includes('uploads'))
    return { body: '<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>' };
  if (names.includes('partNumber')) return { body: '<CopyPartResult><ETag>"p"</ETag></CopyPartResult>' };
  if (method === 'POST')
    return {
      headers: { 'x-amz-version-id': 'v9' },
      body: '<CompleteMultipartUploadResult><ETag>"c-6"</ETag></CompleteMultipartUploadResult>',
    };
  return {
    headers: { 'x-amz-version-id': 'v2' },
    body: '<CopyObjectResult><ETag>"e2"</ETag><LastModified>x</LastModified></CopyObjectResult>',
  };
};

describe('a copy in the store', () => {
  it('is pinned to its source and to what it replaces', async () => {
    const { session, asked } = scriptedSession(store);
    assert.deepEqual(await copyInStore(session, copy), { versionId: 'v2' });
    assert.equal(asked.length, 1);
    const { headers } = asked[0]!;
    assert.equal(headers['x-amz-copy-source'], '/stored-box/work/%C3%BC?versionId=v1');
    assert.equal(headers['x-amz-copy-source-if-match'], '"e1"');
    assert.equal(headers['if-match'], '"old"');
    assert.equal(headers['x-amz-metadata-directive'], 'REPLACE');
    assert.equal(headers['x-amz-meta-sallyport'], 'E');
  });

  it('that says 200 and then that it failed has failed', async () => {
    const { session } = scriptedSession(() => ({ body: '<Error><Code>PreconditionFailed</Code></Error>' }));
    await assert.rejects(copyInStore(session, copy), { code: 'PreconditionFailed' });
  });

  it('gives tags again that the store dropped', async () => {
    const { session, asked } = scriptedSession(store);
    await copyInStore(session, { ...copy, tags: TAGS });
    assert.equal(asked[0]?.headers['x-amz-tagging'], 'k=v%20w');
    const put = asked.find(({ method, query }) => method === 'PUT' && query[0]?.[0] === 'tagging');
    assert.match(put?.sent.toString() ?? '', /<Key>k<\/Key><Value>v w<\/Value>/);
    assert.deepEqual(put?.query[1], ['versionId', 'v2']);
  });

  it('gives tags again to a store that says nothing at all of those it dropped', async () => {
    const { session, asked } = scriptedSession((question) =>
      question.query[0]?.[0] === 'tagging' ? { body: '' } : store(question),
    );
    await copyInStore(session, { ...copy, tags: TAGS });
    assert.ok(asked.some(({ method, query }) => method === 'PUT' && query[0]?.[0] === 'tagging'));
  });

  it('above 5 GiB goes over in parts that cover every byte once, each of them pinned', async () => {
    const { session, asked } = scriptedSession(store);
    const sizeBytes = MAX_COPY_BYTES + 1;
    assert.deepEqual(await copyInStore(session, { ...copy, from: { ...from, sizeBytes } }), { versionId: 'v9' });
    const parts = asked.filter(isPart);
    let next = 0;
    for (const { headers } of parts) {
      const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers['x-amz-copy-source-range'] ?? '') ?? [];
      assert.equal(Number(first), next);
      next = Number(last) + 1;
      assert.equal(headers['x-amz-copy-source-if-match'], '"e1"');
    }
    assert.equal(next, sizeBytes);
    const completed = asked.at(-1)!;
    assert.equal(completed.headers['if-match'], '"old"');
    assert.equal(completed.sent.toString().match(/<Part>/g)?.length, parts.length);
  });

  it('above 5 GiB leaves no upload behind when a part fails', async () => {
    const { session, asked } = scriptedSession((question) => {
      if (isPart(question)) throw new GatewayError('PreconditionFailed', 'forward');
      return store(question);
    });
    const large = { ...copy, from: { ...from, sizeBytes: MAX_COPY_BYTES + 1 } };
    await assert.rejects(copyInStore(session, large), { code: 'PreconditionFailed' });
    assert.deepEqual(asked.at(-1)?.query, [['uploadId', 'u']]);
    assert.equal(asked.at(-1)?.method, 'DELETE');
  });
});
