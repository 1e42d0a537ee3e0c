import assert from 'node:assert/strict';
import type { AuditEntry } from '../../../src/contracts/audit-sink.ts';
import type { Access } from '../../../src/contracts/authorizer.ts';
import type { Copies, CopyEnds, CopyResult, ObjectCopy, PartCopy } from '../../../src/contracts/stored-objects.ts';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { createPipeline } from '../../../src/pipeline/pipeline.ts';
import { client, world } from './world.ts';

const MD5 = '9e107d9d372bb6826bd81d3542a419d6';
const RESULT: CopyResult = {
  etag: `"${MD5}"`,
  lastModified: '2026-11-21T12:00:00.000Z',
  versionId: 'v2',
  sourceVersionId: 'v1',
  keyId: 'local:1',
};

/** A client's copy on a pipeline whose copies say what they were asked. */
async function run(
  target: string,
  source: string,
  headers: readonly string[] = [],
  fail?: GatewayError,
  status = 200,
  denied: readonly string[] = [],
) {
  const denies = (access: Access) => access.kind === 'object' && denied.includes(access.verb);
  const { dependencies, sent, entries } = world({ answer: () => ({ status }), denies });
  const objects: { ends: CopyEnds; copy: ObjectCopy }[] = [];
  const copied: { ends: CopyEnds; copy: PartCopy }[] = [];
  const done = () => (fail === undefined ? Promise.resolve(RESULT) : Promise.reject(fail));
  const untagged: ObjectCopy[] = [];
  const copies: Copies = {
    ...dependencies.copies,
    copyUntagged: (_, copy) => {
      untagged.push(copy);
      return done();
    },
    copyObject: (ends, copy) => {
      objects.push({ ends, copy });
      return done();
    },
    copyPart: (ends, copy) => {
      copied.push({ ends, copy });
      return done();
    },
  };
  const exchange = client('PUT', target, ['x-amz-copy-source', source, ...headers]);
  await createPipeline({ ...dependencies, copies })(exchange);
  return { exchange, objects, untagged, copied, sent, entries: entries as AuditEntry[] };
}

describe('the tags of a copy', () => {
  for (const denied of ['GET_TAGS', 'PUT_TAGS']) {
    it(`stay behind where policy does not grant ${denied}, however the ends are kept`, async () => {
      const plain = await run('/box/k', '/box/s', [], undefined, 200, [denied]);
      assert.equal(plain.exchange.status(), 200);
      assert.deepEqual(
        plain.untagged.map(({ tags }) => tags),
        [''],
      );
      assert.deepEqual(plain.sent, []);
      const sealed = await run('/safe/k', '/box/s', [], undefined, 200, [denied]);
      assert.equal(sealed.objects[0]?.copy.tags, '');
    });
  }

  it('are named where the store refuses the copy and policy grants not both verbs, and only there', async () => {
    const refused = new GatewayError('AccessDeniedByStore');
    for (const target of ['/box/k', '/safe/k']) {
      for (const denied of [['GET_TAGS'], ['PUT_TAGS']]) {
        const { exchange } = await run(target, '/box/s', [], refused, 200, denied);
        assert.equal(exchange.status(), 403);
        assert.match(exchange.sent.join(''), /store\. A copy .* GET_TAGS on the source and PUT_TAGS on the target\.</);
      }
    }
    assert.doesNotMatch((await run('/safe/k', '/box/s', [], refused)).exchange.sent.join(''), /TAGS/);
    const part = '/safe/k?partNumber=1&uploadId=u';
    assert.doesNotMatch((await run(part, '/box/s', [], refused, 200, ['GET_TAGS'])).exchange.sent.join(''), /TAGS/);
  });

  it('go along where policy grants both', async () => {
    const sealed = await run('/safe/k', '/box/s');
    assert.equal(sealed.objects[0]?.copy.tags, undefined);
    assert.deepEqual((await run('/box/k', '/box/s')).untagged, []);
  });
});

describe('a copy of which an end is sealed', () => {
  it('reaches each end by the session of its bucket, and asks the store for nothing itself', async () => {
    for (const [target, source] of [
      ['safe', 'box'],
      ['box', 'safe'],
      ['safe', 'safe'],
    ] as const) {
      const { exchange, objects, sent } = await run(`/${target}/k`, `/${source}/s?versionId=v1`);
      assert.equal(exchange.status(), 200);
      const [{ ends, copy } = assert.fail()] = objects;
      assert.equal(ends.from.bucket.name, source);
      assert.equal(ends.to.bucket.name, target);
      assert.deepEqual(copy.origin, { key: 's', versionId: 'v1', conditions: {} });
      assert.equal(copy.key, 'k');
      assert.deepEqual(sent, []);
    }
  });

  it('maps the conditions of each end as that end is kept', async () => {
    const conditions = ['x-amz-copy-source-if-match', `"${MD5}-1"`, 'if-match', '"b-1"'];
    const [sealed] = (await run('/safe/k', '/safe/s', conditions)).objects;
    assert.deepEqual(sealed?.copy.origin.conditions, { 'if-match': `"${MD5}"` });
    assert.deepEqual(sealed.copy.conditions, { 'if-match': 'b' });
    const [opened] = (await run('/box/k', '/safe/s', conditions)).objects;
    assert.deepEqual(opened?.copy.origin.conditions, { 'if-match': `"${MD5}"` });
    assert.deepEqual(opened.copy.conditions, { 'if-match': 'b-1' });
    const [closed] = (await run('/safe/k', '/box/s', conditions)).objects;
    assert.deepEqual(closed?.copy.origin.conditions, { 'if-match': `"${MD5}-1"` });
    assert.deepEqual(closed.copy.conditions, { 'if-match': 'b' });
  });

  it("shows the new object's ETag as its place is kept, and both versions", async () => {
    for (const [target, source, etag] of [
      ['safe', 'box', `${MD5}-1`],
      ['box', 'safe', MD5],
    ] as const) {
      const { exchange, entries } = await run(`/${target}/k`, `/${source}/s`);
      const document = exchange.sent.join('');
      assert.match(document, new RegExp(`<CopyObjectResult .*<ETag>&quot;${etag}&quot;</ETag>`));
      assert.match(document, /<LastModified>2026-11-21T12:00:00.000Z</);
      assert.equal(exchange.answerHeaders['x-amz-version-id'], 'v2');
      assert.equal(exchange.answerHeaders['x-amz-copy-source-version-id'], 'v1');
      const outcomes = entries.filter(({ entry }) => entry === 'outcome');
      assert.equal(outcomes.length, 2);
      for (const outcome of outcomes) assert.equal('keyId' in outcome && outcome.keyId, 'local:1');
    }
  });

  it('replaces what is kept beside the object, and its tags, only where the client says so', async () => {
    const described = ['content-type', 'text/csv', 'x-amz-meta-a', 'b', 'x-amz-tagging', 'c=d'];
    const [kept] = (await run('/safe/k', '/safe/s', [...described, 'x-amz-storage-class', 'COLD'])).objects;
    assert.deepEqual(kept?.copy.headers, { 'x-amz-storage-class': 'COLD' });
    assert.equal(kept.copy.kept, undefined);
    assert.equal(kept.copy.tags, undefined);
    const replaced = ['x-amz-metadata-directive', 'REPLACE', 'x-amz-tagging-directive', 'REPLACE'];
    const [changed] = (await run('/safe/k', '/safe/s', [...described, ...replaced])).objects;
    assert.deepEqual(changed?.copy.headers, {});
    assert.deepEqual(changed.copy.kept, { 'content-type': 'text/csv', 'x-amz-meta-a': 'b' });
    assert.equal(changed.copy.tags, 'c=d');
    assert.equal((await run('/safe/k', '/safe/s', replaced)).objects[0]?.copy.tags, '');
    const [summed] = (await run('/safe/k', '/safe/s', ['x-amz-checksum-algorithm', 'sha256'])).objects;
    assert.equal(summed?.copy.checksum, 'SHA256');
    assert.deepEqual(summed.copy.headers, {});
  });

  it('names a part, its upload and its range', async () => {
    const range = ['x-amz-copy-source-range', 'bytes=5-9', 'x-amz-copy-source-if-none-match', '"a-1"'];
    const { copied, exchange } = await run('/safe/k?partNumber=7&uploadId=u', '/safe/s', range);
    assert.deepEqual(copied[0]?.copy, {
      origin: { key: 's', versionId: undefined, conditions: { 'if-none-match': '"a"' } },
      upload: { key: 'k', uploadId: 'u' },
      number: 7,
      range: { first: 5, last: 9 },
    });
    assert.match(exchange.sent.join(''), /<CopyPartResult /);
    const whole = await run('/safe/k?partNumber=7&uploadId=u', '/safe/s');
    assert.equal(whole.copied[0]?.copy.range, undefined);
  });

  it('is made here as well where a store refuses a part between plain prefixes, which its session may read', async () => {
    const refused = await run('/box/k?partNumber=7&uploadId=u', '/chest/s', [], undefined, 403);
    assert.equal(refused.exchange.status(), 200);
    assert.equal(refused.sent.length, 1);
    assert.equal(refused.copied[0]?.ends.from.bucket.name, 'chest');
    for (const [target, status] of [
      ['/box/k', 403],
      ['/box/k?partNumber=7&uploadId=u', 412],
    ] as const) {
      const { exchange, copied, objects } = await run(target, '/chest/s', [], undefined, status);
      assert.equal(exchange.status(), status);
      assert.deepEqual([...copied, ...objects], []);
    }
  });

  it('fails for the client and on record, at both ends', async () => {
    const { exchange, entries } = await run('/safe/k', '/box/s', [], new GatewayError('IntegrityFailure'));
    assert.equal(exchange.status(), 500);
    const outcomes = entries.filter(({ entry }) => entry === 'outcome');
    assert.deepEqual(
      outcomes.map((outcome) => 'error' in outcome && outcome.error),
      ['IntegrityFailure', 'IntegrityFailure'],
    );
  });
});

describe('a copy between plain prefixes', () => {
  for (const [host, directive] of [
    ['s3.eu-central-1.amazonaws.com', 'EXCLUDE'],
    ['store.invalid', undefined],
  ] as const) {
    it(`says of annotations to ${host}: ${directive ?? 'nothing'}`, async () => {
      const { dependencies, sent } = world({ answer: () => ({ status: 403 }) });
      const buckets = new Map(
        [...dependencies.buckets].map(([name, bucket]) => [
          name,
          { ...bucket, store: { ...bucket.store, endpoint: `https://${host}` } },
        ]),
      );
      await createPipeline({ ...dependencies, buckets })(client('PUT', '/box/k', ['x-amz-copy-source', 'chest/s']));
      assert.equal(sent.length, 1);
      assert.equal(sent[0]?.headers['x-amz-object-annotation-directive'], directive);
    });
  }
});
