/**
 * Operations that are added by half, one of each class at least. None compiles: each line below an `@ts-expect-error` is an
 * error, or the type check of the tests fails. Nothing here is put into the table.
 */
import assert from 'node:assert/strict';
import { NO_HEADERS, NONE_IGNORED } from '../../../../src/s3/operations/headers.ts';
import {
  attributes,
  batch,
  bucketRead,
  copy,
  deletion,
  document,
  form,
  list,
  local,
  NO_PARAMETERS,
  OF_VERSION,
  read,
  tableOf,
  upload,
  uploadList,
  write,
} from '../../../../src/s3/operations/constructors.ts';
import { nameOnly, type Operation } from '../../../../src/s3/operations/operation.ts';
import {
  OPERATIONS,
  type BucketReadName,
  type NamesOfClass,
  type UploadName,
} from '../../../../src/s3/operations/operations.ts';

const requested = { subresource: nameOnly('new'), parameters: NO_PARAMETERS, headers: NO_HEADERS };
const ofObject = { ...requested, level: 'object' } as const;
const ofBucket = { ...requested, level: 'bucket' } as const;
const all = Object.entries<Operation>(OPERATIONS);

describe('an operation that is added by half does not compile', () => {
  it('of the class READ', () => {
    // @ts-expect-error neither GET nor HEAD
    read(requested);
  });

  it('of the class ATTRIBUTES', () => {
    // @ts-expect-error nothing is answered
    attributes({ ...requested, requiredHeaders: [], shownHeaders: [] });
    const second = attributes({ ...requested, requiredHeaders: [], shownHeaders: [], render: () => '' });
    // @ts-expect-error the stages are written for GetObjectAttributes
    tableOf({ GetNewAttributes: second });
  });

  it('of the class WRITE', () => {
    // @ts-expect-error an object, or a part of one?
    write(requested);
  });

  it('of the class FORM', () => {
    // @ts-expect-error which headers does it take?
    form({ subresource: undefined, parameters: NO_PARAMETERS });
    // @ts-expect-error the stages are written for PostObject
    tableOf({ PostNew: form(requested) });
  });

  it('of the class LIST', () => {
    const { listing, readPage } = OPERATIONS.ListObjects;
    // @ts-expect-error nothing reads the page of the store
    list({ headers: NO_HEADERS, verb: 'LIST', listing });
    // @ts-expect-error nothing says how it is requested
    assert.throws(() => list({ headers: NO_HEADERS, verb: 'LIST', readPage }));
    // @ts-expect-error which parameter has the key to begin after?
    list({ headers: NO_HEADERS, verb: 'LIST', listing: { ...listing, startAfter: undefined }, readPage });
    // @ts-expect-error a listing is decided by its prefix
    list({ headers: NO_HEADERS, verb: 'GET', listing, readPage });
  });

  it('of the class DELETE', () => {
    // @ts-expect-error which headers does it take?
    deletion({ subresource: undefined, parameters: NO_PARAMETERS });
    // @ts-expect-error the stages are written for DeleteObject
    tableOf({ DeleteNew: deletion(requested) });
  });

  it('of the class LOCAL', () => {
    // @ts-expect-error of a bucket, or of the service?
    local({ ...requested, method: 'GET' });
    // @ts-expect-error HeadBucket has no answer
    const answers: Record<NamesOfClass<'LOCAL'>, true> = { ListBuckets: true, GetBucketLocation: true };
    assert.equal(Object.keys(answers).length, 2);
  });

  it('of the class COPY', () => {
    // @ts-expect-error an object, or a part of one?
    copy({ ...requested, objectChecksum: undefined });
    // @ts-expect-error whose checksum do its headers name?
    copy({ ...requested, puts: 'object' });
  });

  it('of the class BATCH', () => {
    // @ts-expect-error no verb decides a key
    batch(requested);
    // @ts-expect-error the stages are written for DeleteObjects
    tableOf({ DeleteNews: batch({ ...requested, verb: 'DELETE' }) });
  });

  it('of the class DOCUMENT', () => {
    // @ts-expect-error it would be answered with nothing
    document({ ...ofObject, method: 'GET', verb: 'GET_TAGS' });
    // @ts-expect-error the store would get nothing of the client's document
    document({ ...ofObject, method: 'PUT', verb: 'PUT_TAGS', changes: 'document' });
    // @ts-expect-error what is another one after it?
    document({ ...ofBucket, method: 'DELETE', verb: 'ADMIN' });
    // @ts-expect-error no verb is needed for it
    document({ ...ofObject, method: 'DELETE', changes: 'document' });
    // @ts-expect-error what does a store get of its query?
    const parameters: typeof NO_PARAMETERS = { read: ['force'] };
    assert.deepEqual(Object.keys(parameters), ['read']);
    // @ts-expect-error what does a store get of the header?
    document({ ...ofObject, headers: { force: /^1$/ }, method: 'DELETE', verb: 'PUT_TAGS', changes: 'document' });
  });

  it('that reads a document of a bucket', () => {
    const { render } = OPERATIONS.GetBucketCors;
    // @ts-expect-error `document` does not know which action of IAM it takes
    document({ ...ofBucket, method: 'GET', verb: 'ADMIN', render });
    // @ts-expect-error no session could be given it
    bucketRead({ subresource: nameOnly('new'), verb: 'ADMIN', absent: undefined, render: () => '' });
    // @ts-expect-error it would be answered with nothing
    bucketRead({ subresource: nameOnly('new'), verb: 'ADMIN', absent: undefined, iamAction: 's3:GetNew' });
  });

  it('of the class UPLOAD', () => {
    const begins = {
      ...{ ...requested, method: 'POST', ignored: NONE_IGNORED, keepsHeaders: true, conditions: 'begin' },
      ...{ objectChecksum: undefined, shownHeaders: [], tellsEncryption: true, mayAnswerEarly: false },
    } as const;
    // @ts-expect-error nothing says what its store gets
    upload({ ...begins, render: () => '' });
    // @ts-expect-error it would be answered with nothing
    upload({ ...begins, writeDocument: undefined });
    // @ts-expect-error it would be answered with nothing
    upload({ ...begins, writeDocument: undefined, render: undefined });
    // @ts-expect-error it would be answered with nothing
    upload({ ...requested, method: 'GET' });
    // @ts-expect-error AbortMultipartUpload has no sequence of requests
    const sequences: Record<UploadName, true> = {
      CreateMultipartUpload: true,
      CompleteMultipartUpload: true,
      ListParts: true,
    };
    assert.equal(Object.keys(sequences).length, 3);
    // @ts-expect-error nothing writes the client's page
    uploadList({ headers: NO_HEADERS, listing: OPERATIONS.ListMultipartUploads.listing });
  });
});

describe('an operation', () => {
  it('compiles where it is whole', () => {
    const whole = document({ ...ofObject, method: 'GET', verb: 'GET_TAGS', parameters: OF_VERSION, render: () => '' });
    assert.deepEqual([...whole.parameters], ['new', 'versionId']);
    assert.deepEqual(tableOf({ GetNew: whole }), { GetNew: whole });
    assert.equal(whole.render?.(Buffer.alloc(0), { etag: String, size: Number }, REQUEST), '');
  });

  for (const [name, operation] of all) {
    it(`requires nothing that it refuses: ${name}`, () => {
      for (const parameter of operation.requiredParameters) assert.ok(operation.parameters.has(parameter), parameter);
      for (const header of operation.requiredHeaders) assert.ok(operation.acceptedHeaders.has(header), header);
    });
  }

  it('that reads a document of a bucket takes an action of IAM that no other one takes', () => {
    const reads = all.filter(
      ([, { operationClass, level, method }]) =>
        operationClass === 'DOCUMENT' && level === 'bucket' && method === 'GET',
    );
    const actions = reads.map(([name]) => OPERATIONS[name as BucketReadName].iamAction);
    for (const action of actions) assert.match(action, /^s3:Get\w+$/);
    assert.equal(new Set(actions).size, reads.length);
    assert.equal(reads.length, 17);
  });

  it('is told from every other one of its method and level', () => {
    const addresses = all.map(([, { method, level, subresource, operationClass }]) =>
      [method, level, subresource?.name ?? '', operationClass === 'COPY'].join(' '),
    );
    assert.equal(new Set(addresses).size, all.length);
  });
});

const REQUEST = { bucket: 'b', bucketUrl: '/b', key: 'k', query: new Map() };
