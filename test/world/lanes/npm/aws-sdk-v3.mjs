/** The AWS SDK for JavaScript, version 3: everything by default, credentials as a container has them. */
import {
  S3Client,
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  paginateListObjectsV2,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import {
  bucket as Bucket,
  bytes,
  equal,
  LARGE_BYTES,
  ODD_KEYS,
  PART_BYTES,
  prefix,
  refused,
  same,
  SIZES,
  step,
  version,
} from './step.mjs';

version('@aws-sdk/client-s3');
// set-up
const s3 = new S3Client({ forcePathStyle: true, maxAttempts: 1 });
// end of set-up
const at = (name) => ({ Bucket, Key: `${prefix}${name}` });
const put = (name, Body, more = {}) => s3.send(new PutObjectCommand({ ...at(name), Body, ...more }));
const read = async (name, more = {}) =>
  (await s3.send(new GetObjectCommand({ ...at(name), ...more }))).Body.transformToByteArray();
const head = (name, more = {}) => s3.send(new HeadObjectCommand({ ...at(name), ...more }));
const source = (name) => encodeURI(`${Bucket}/${prefix}${name}`);
const ALGORITHMS = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'];
const large = bytes(LARGE_BYTES);
const small = bytes(1000);

for (const size of SIZES) {
  await step(`round trip of ${size} bytes`, async () => {
    const body = bytes(size);
    await put(`size-${size}`, body);
    same(await read(`size-${size}`), body);
    equal((await head(`size-${size}`)).ContentLength, size);
  });
}
for (const ChecksumAlgorithm of ALGORITHMS) {
  const field = `Checksum${ChecksumAlgorithm}`;
  await step(`PutObject with ${ChecksumAlgorithm}`, async () => {
    const sent = await put(`sum-${ChecksumAlgorithm}`, small, { ChecksumAlgorithm });
    same(await read(`sum-${ChecksumAlgorithm}`), small);
    const told = await head(`sum-${ChecksumAlgorithm}`, { ChecksumMode: 'ENABLED' });
    equal([typeof told[field], told[field]], ['string', sent[field]]);
  });
  await step(`upload in parts with ${ChecksumAlgorithm}`, async () => {
    const params = { ...at(`parts-${ChecksumAlgorithm}`), Body: large, ChecksumAlgorithm };
    const done = await new Upload({ client: s3, params, partSize: PART_BYTES }).done();
    same(await read(`parts-${ChecksumAlgorithm}`), large);
    const told = await head(`parts-${ChecksumAlgorithm}`, { ChecksumMode: 'ENABLED' });
    equal([typeof told[field], told[field]], ['string', done[field]]);
  });
}
await step('upload of a stream, checksum in a trailer', async () => {
  const { Readable } = await import('node:stream');
  const done = await put('stream', Readable.from([small, small]), { ContentLength: 2000 });
  same(await read('stream'), Buffer.concat([small, small]));
  const told = await head('stream', { ChecksumMode: 'ENABLED' });
  equal([typeof told.ChecksumCRC32, told.ChecksumCRC32], ['string', done.ChecksumCRC32]);
});
await step('upload in parts', async () => {
  await new Upload({ client: s3, params: { ...at('large'), Body: large }, partSize: PART_BYTES }).done();
  same(await read('large'), large);
});
await step('ranges', async () => {
  same(await read('large', { Range: 'bytes=5242870-5242899' }), large.subarray(5242870, 5242900));
  same(await read('large', { Range: 'bytes=-7' }), large.subarray(-7));
});
await step('a part by its number', async () => {
  same(await read('large', { PartNumber: 2 }), large.subarray(PART_BYTES, 2 * PART_BYTES));
  equal((await head('large', { PartNumber: 2 })).PartsCount, 4);
});
await step('GetObjectAttributes', async () => {
  const ObjectAttributes = ['ETag', 'Checksum', 'ObjectParts', 'ObjectSize', 'StorageClass'];
  const { ObjectSize } = await s3.send(new GetObjectAttributesCommand({ ...at('large'), ObjectAttributes }));
  equal(ObjectSize, LARGE_BYTES);
});
for (const key of ODD_KEYS) {
  await step(`key ${key}`, async () => {
    await put(`odd/${key}`, small);
    same(await read(`odd/${key}`), small);
  });
}
await step('listing by pages', async () => {
  const keys = [];
  const asked = { Bucket, Prefix: `${prefix}odd/`, FetchOwner: true };
  for await (const { Contents } of paginateListObjectsV2({ client: s3, pageSize: 3 }, asked)) {
    for (const { Key, Owner } of Contents)
      keys.push(Owner?.ID === undefined ? 'no owner' : Key.slice(`${prefix}odd/`.length));
  }
  equal(keys.toSorted(), ODD_KEYS.toSorted());
});
await step('CopyObject', async () => {
  await s3.send(new CopyObjectCommand({ ...at('copied'), CopySource: source('large') }));
  same(await read('copied'), large);
});
await step('CopyObject with a checksum', async () => {
  const asked = { ...at('copied'), CopySource: source('sum-CRC32'), ChecksumAlgorithm: 'SHA256' };
  const { CopyObjectResult } = await s3.send(new CopyObjectCommand(asked));
  equal(typeof CopyObjectResult.ChecksumSHA256, 'string');
  equal((await head('copied', { ChecksumMode: 'ENABLED' })).ChecksumSHA256, CopyObjectResult.ChecksumSHA256);
});
await step('UploadPartCopy', async () => {
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand(at('part-copies')));
  const Parts = [];
  for (const [index, range] of ['0-9999999', '10000000-20000002'].entries()) {
    const asked = { ...at('part-copies'), UploadId, PartNumber: index + 1, CopySource: source('large') };
    const { CopyPartResult } = await s3.send(
      new UploadPartCopyCommand({ ...asked, CopySourceRange: `bytes=${range}` }),
    );
    Parts.push({ PartNumber: index + 1, ETag: CopyPartResult.ETag });
  }
  await s3.send(new CompleteMultipartUploadCommand({ ...at('part-copies'), UploadId, MultipartUpload: { Parts } }));
  same(await read('part-copies'), large);
});
await step('an upload found by listing is resumed, with checksums', async () => {
  const made = await s3.send(new CreateMultipartUploadCommand({ ...at('resumed'), ChecksumAlgorithm: 'CRC32C' }));
  equal(made.ChecksumAlgorithm, 'CRC32C');
  const sums = { ChecksumAlgorithm: 'CRC32C' };
  const part = (UploadId, PartNumber, Body) =>
    s3.send(new UploadPartCommand({ ...at('resumed'), UploadId, PartNumber, Body, ...sums }));
  await part(made.UploadId, 1, large.subarray(0, PART_BYTES));
  const { Uploads } = await s3.send(new ListMultipartUploadsCommand({ Bucket, Prefix: `${prefix}resumed` }));
  equal(
    Uploads.map(({ UploadId }) => UploadId),
    [made.UploadId],
  );
  const { UploadId } = Uploads[0];
  await part(UploadId, 2, small);
  const listed = await s3.send(new ListPartsCommand({ ...at('resumed'), UploadId }));
  const Parts = listed.Parts.map(({ PartNumber, ETag, ChecksumCRC32C }) => ({ PartNumber, ETag, ChecksumCRC32C }));
  equal(
    Parts.map(({ ChecksumCRC32C }) => typeof ChecksumCRC32C),
    ['string', 'string'],
  );
  await s3.send(new CompleteMultipartUploadCommand({ ...at('resumed'), UploadId, MultipartUpload: { Parts } }));
  same(await read('resumed'), Buffer.concat([large.subarray(0, PART_BYTES), small]));
});
await step('a wrong checksum at Complete', async () => {
  const more = { ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' };
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ ...at('wrong'), ...more }));
  const asked = { ...at('wrong'), UploadId, PartNumber: 1, Body: small, ChecksumAlgorithm: 'CRC32' };
  const { ETag } = await s3.send(new UploadPartCommand(asked));
  const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
  const complete = {
    ...at('wrong'),
    UploadId,
    MultipartUpload,
    ChecksumCRC32: 'AAAAAA==',
    ChecksumType: 'FULL_OBJECT',
  };
  await refused(['BadDigest', 'InvalidRequest'], () => s3.send(new CompleteMultipartUploadCommand(complete)));
  await refused(['NoSuchKey'], () => read('wrong'));
});
await step('an upload is aborted', async () => {
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand(at('aborted')));
  await s3.send(new AbortMultipartUploadCommand({ ...at('aborted'), UploadId }));
  await refused(['NoSuchUpload'], () => s3.send(new ListPartsCommand({ ...at('aborted'), UploadId })));
});
await step('conditions', async () => {
  const { ETag } = await put('conditions', small);
  same(await read('conditions', { IfMatch: ETag }), small);
  await refused([304], () => read('conditions', { IfNoneMatch: ETag }));
  await refused(['PreconditionFailed'], () => put('conditions', 'other', { IfNoneMatch: '*' }));
  await refused(['PreconditionFailed'], () => put('conditions', 'other', { IfMatch: '"0"' }));
  await put('conditions', 'other', { IfMatch: ETag });
});
await step('a large write that is refused by its condition', async () => {
  await refused(['PreconditionFailed'], () => put('conditions', large, { IfNoneMatch: '*' }));
});
await step('content encoding, disposition in UTF-8', async () => {
  const more = {
    ContentEncoding: 'gzip',
    ContentDisposition: 'attachment; filename="e.txt"',
    CacheControl: 'no-cache',
  };
  await put('headers', small, more);
  const { ContentEncoding, ContentDisposition, CacheControl } = await head('headers');
  equal({ ContentEncoding, ContentDisposition, CacheControl }, more);
});
await step('presigned GET and PUT', async () => {
  const url = await getSignedUrl(s3, new PutObjectCommand(at('presigned')), { expiresIn: 60 });
  // The SDK signs the checksum of no body into the URL.
  const answer = await fetch(url, { method: 'PUT', body: small });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  same(Buffer.from(await read('presigned')), small);
  const seen = await fetch(await getSignedUrl(s3, new GetObjectCommand(at('large')), { expiresIn: 60 }));
  same(Buffer.from(await seen.arrayBuffer()), large);
});
await step('HeadBucket, ListBuckets by pages', async () => {
  await s3.send(new HeadBucketCommand({ Bucket }));
  const { Buckets } = await s3.send(new ListBucketsCommand({ MaxBuckets: 10 }));
  equal(
    Buckets.some(({ Name }) => Name === Bucket),
    true,
  );
});
await step('DeleteObject', async () => {
  await s3.send(new DeleteObjectCommand(at('large')));
  await refused(['NoSuchKey'], () => read('large'));
});
await step('DeleteObjects', async () => {
  for await (const { Contents } of paginateListObjectsV2({ client: s3 }, { Bucket, Prefix: prefix })) {
    const Delete = { Objects: Contents.map(({ Key }) => ({ Key })) };
    const { Errors } = await s3.send(new DeleteObjectsCommand({ Bucket, Delete }));
    equal(Errors ?? [], []);
  }
});
