import assert from 'node:assert/strict';
import type { Access, RequestFacts } from '../../../src/contracts/authorizer.ts';
import type { AuditIntent } from '../../../src/contracts/audit-sink.ts';
import { createPipeline } from '../../../src/pipeline/pipeline.ts';
import { requestFacts } from '../../../src/pipeline/request-facts.ts';
import { OPERATIONS, type OperationName } from '../../../src/s3/operations/operations.ts';
import { client, world } from './world.ts';

type Described = Parameters<typeof requestFacts>[0];

function factsOf(
  operation: OperationName,
  headers: Readonly<Record<string, string>> = {},
  more: Partial<Described> = {},
) {
  const request: Described = {
    ...{ operation, descriptor: OPERATIONS[operation], headers: new Map(Object.entries(headers)) },
    payload: { sizeBytes: 5, declaredHash: undefined, chunked: undefined },
    ...{ presented: 'bearer', clientAddress: '192.0.2.1' },
    ...more,
  };
  return requestFacts(request, 7);
}

describe('the facts of a request', () => {
  it('are when, from where and how it came, whatever it does', () => {
    assert.deepEqual(factsOf('GetObject'), {
      nowMs: 7,
      clientAddress: '192.0.2.1',
      wayIn: 'bearer',
      stored: undefined,
    });
    const ways = (['signed-header', 'signed-query', 'signed-form', 'nothing'] as const).map(
      (presented) => factsOf('GetObject', {}, { presented }).wayIn,
    );
    assert.deepEqual(ways, ['session', 'presigned', 'presigned', undefined]);
  });

  it('of a PUT are what its headers say', () => {
    const headers = { 'content-type': 'a/b', 'x-amz-tagging': 'a=1&b=x%20y', 'if-none-match': '*' };
    assert.deepEqual(factsOf('PutObject', headers).stored, {
      ...{ sizeBytes: 5, contentType: 'a/b', createsOnly: true },
      tags: new Map([
        ['a', '1'],
        ['b', 'x y'],
      ]),
    });
    const nothing = { sizeBytes: undefined, contentType: undefined, tags: new Map(), createsOnly: false };
    const payload = { sizeBytes: undefined, declaredHash: undefined, chunked: undefined };
    assert.deepEqual(factsOf('PutObject', { 'if-none-match': '"etag"' }, { payload }).stored, nothing);
  });

  it('of a copy and an upload in parts are not guessed', () => {
    const headers = { 'content-type': 'a/b', 'x-amz-tagging': 'a=1' };
    assert.deepEqual(factsOf('CopyObject', headers).stored, {
      contentType: undefined,
      tags: undefined,
      createsOnly: false,
    });
    const replacing = { ...headers, 'x-amz-metadata-directive': 'REPLACE', 'x-amz-tagging-directive': 'REPLACE' };
    const { stored } = factsOf('CopyObject', replacing);
    assert.deepEqual([stored?.sizeBytes, stored?.contentType, stored?.tags?.get('a')], [undefined, 'a/b', '1']);
    const begun = { contentType: 'a/b', tags: new Map([['a', '1']]), createsOnly: true };
    assert.deepEqual(factsOf('CreateMultipartUpload', headers).stored, begun);
    for (const operation of ['UploadPart', 'UploadPartCopy', 'AbortMultipartUpload'] as const) {
      assert.deepEqual(factsOf(operation, headers).stored, { createsOnly: true });
    }
    assert.deepEqual(factsOf('CompleteMultipartUpload').stored, { createsOnly: false });
    assert.deepEqual(factsOf('CompleteMultipartUpload', { 'if-none-match': '*' }).stored, { createsOnly: true });
  });

  it('of whatever else stores something are absent', () => {
    for (const [operation, { verb }] of Object.entries(OPERATIONS)) {
      if (verb !== 'PUT') assert.equal(factsOf(operation as OperationName).stored, undefined, operation);
    }
  });

  it('are what decisions and grants are asked with, and are on record', async () => {
    const made = world();
    const { authorizer } = made.dependencies;
    const decided: (RequestFacts | undefined)[] = [];
    const granted: (readonly [RequestFacts | undefined, readonly Access[] | undefined])[] = [];
    const dependencies = {
      ...made.dependencies,
      authorizer: {
        ...authorizer,
        decide: (...[principal, access, facts]: Parameters<typeof authorizer.decide>) => {
          decided.push(facts);
          return authorizer.decide(principal, access);
        },
        grants: (...[, , facts, accesses]: Parameters<typeof authorizer.grants>) => {
          granted.push([facts, accesses]);
          return [];
        },
      },
    };
    const headers = ['content-type', 'a/b', 'content-length', '5', 'authorization', 'Bearer x'];
    await createPipeline(dependencies)(client('PUT', '/box/k', headers, made.steps));
    assert.deepEqual(
      [decided[0]?.wayIn, decided[0]?.stored?.sizeBytes, typeof decided[0]?.nowMs],
      ['bearer', 5, 'number'],
    );
    assert.deepEqual(granted, [[decided[0], [{ kind: 'object', verb: 'PUT', bucket: 'box', key: 'k' }]]]);
    const { wayIn, size, contentType } = made.entries[0] as AuditIntent;
    assert.deepEqual([wayIn, size, contentType], ['bearer', 5, 'a/b']);
  });
});
