/** The AWS SDK for JavaScript, version 2, as its users wrote it: callbacks turned into promises, everything by default. */
import AWS from 'aws-sdk';
import {
  bucket as Bucket,
  bytes,
  endpoint,
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

version('aws-sdk');
// set-up
AWS.config.update({ region: 'us-east-1' });
const sts = new AWS.STS({ endpoint });
const { readFileSync } = await import('node:fs');
const { Credentials } = await sts
  .assumeRoleWithWebIdentity({
    RoleArn: process.env.AWS_ROLE_ARN,
    RoleSessionName: 'world',
    WebIdentityToken: readFileSync(process.env.AWS_WEB_IDENTITY_TOKEN_FILE, 'utf8'),
  })
  .promise();
const credentials = new AWS.Credentials(Credentials.AccessKeyId, Credentials.SecretAccessKey, Credentials.SessionToken);
const s3 = new AWS.S3({ endpoint, s3ForcePathStyle: true, credentials, signatureVersion: 'v4', maxRetries: 0 });
// end of set-up
const at = (name) => ({ Bucket, Key: `${prefix}${name}` });
const read = async (name, more = {}) => (await s3.getObject({ ...at(name), ...more }).promise()).Body;
const large = bytes(LARGE_BYTES);
const small = bytes(1000);
const source = (name) => encodeURI(`${Bucket}/${prefix}${name}`);

await step('who am I', async () => {
  await new AWS.STS({ endpoint, credentials }).getCallerIdentity().promise();
});
for (const size of SIZES) {
  await step(`round trip of ${size} bytes`, async () => {
    const body = bytes(size);
    await s3.putObject({ ...at(`size-${size}`), Body: body }).promise();
    same(await read(`size-${size}`), body);
    equal((await s3.headObject(at(`size-${size}`)).promise()).ContentLength, size);
  });
}
await step('putObject of text with a type and metadata', async () => {
  await s3.putObject({ ...at('text'), Body: 'text', ContentType: 'text/plain', Metadata: { team: 'x' } }).promise();
  const { ContentType, Metadata } = await s3.headObject(at('text')).promise();
  equal({ ContentType, Metadata }, { ContentType: 'text/plain', Metadata: { team: 'x' } });
});
await step('upload in parts', async () => {
  await s3.upload({ ...at('large'), Body: large }, { partSize: PART_BYTES, queueSize: 3 }).promise();
  same(await read('large'), large);
});
await step('upload of a stream', async () => {
  const { Readable } = await import('node:stream');
  await s3.upload({ ...at('stream'), Body: Readable.from([small, small]) }).promise();
  same(await read('stream'), Buffer.concat([small, small]));
});
await step('ranges', async () => {
  same(await read('large', { Range: 'bytes=5242870-5242899' }), large.subarray(5242870, 5242900));
  same(await read('large', { Range: 'bytes=-7' }), large.subarray(-7));
  same(await read('large', { Range: 'bytes=19999999-' }), large.subarray(19999999));
});
for (const key of ODD_KEYS) {
  await step(`key ${key}`, async () => {
    await s3.putObject({ ...at(`odd/${key}`), Body: small }).promise();
    same(await read(`odd/${key}`), small);
  });
}
await step('listing by pages, version 2', async () => {
  const keys = [];
  for (let ContinuationToken; ;) {
    const page = await s3.listObjectsV2({ Bucket, Prefix: `${prefix}odd/`, MaxKeys: 3, ContinuationToken }).promise();
    keys.push(...page.Contents.map(({ Key }) => Key.slice(`${prefix}odd/`.length)));
    if (!page.IsTruncated) break;
    ContinuationToken = page.NextContinuationToken;
  }
  equal(keys.toSorted(), ODD_KEYS.toSorted());
});
await step('listing by pages, version 1', async () => {
  const { Contents, IsTruncated } = await s3.listObjects({ Bucket, Prefix: `${prefix}odd/`, MaxKeys: 3 }).promise();
  equal([Contents.length, IsTruncated, typeof Contents[0].Owner?.ID], [3, true, 'string']);
});
await step('listing with a delimiter', async () => {
  const { CommonPrefixes } = await s3.listObjectsV2({ Bucket, Prefix: prefix, Delimiter: '/' }).promise();
  equal(CommonPrefixes, [{ Prefix: `${prefix}odd/` }]);
});
await step('copyObject', async () => {
  await s3.copyObject({ ...at('copied'), CopySource: source('large') }).promise();
  same(await read('copied'), large);
});
await step('copyObject with new metadata', async () => {
  const changed = { MetadataDirective: 'REPLACE', Metadata: { team: 'y' }, ContentType: 'text/css' };
  await s3.copyObject({ ...at('copied'), CopySource: source('text'), ...changed }).promise();
  equal((await s3.headObject(at('copied')).promise()).Metadata, { team: 'y' });
});
await step('uploadPartCopy', async () => {
  const { UploadId } = await s3.createMultipartUpload(at('part-copies')).promise();
  const Parts = [];
  for (const [index, range] of ['0-9999999', '10000000-20000002'].entries()) {
    const given = { ...at('part-copies'), UploadId, PartNumber: index + 1, CopySource: source('large') };
    const { CopyPartResult } = await s3.uploadPartCopy({ ...given, CopySourceRange: `bytes=${range}` }).promise();
    Parts.push({ PartNumber: index + 1, ETag: CopyPartResult.ETag });
  }
  await s3.completeMultipartUpload({ ...at('part-copies'), UploadId, MultipartUpload: { Parts } }).promise();
  same(await read('part-copies'), large);
});
await step('an upload found by listing is resumed', async () => {
  const { UploadId } = await s3.createMultipartUpload(at('resumed')).promise();
  await s3.uploadPart({ ...at('resumed'), UploadId, PartNumber: 1, Body: large.subarray(0, PART_BYTES) }).promise();
  const { Uploads } = await s3.listMultipartUploads({ Bucket, Prefix: `${prefix}resumed` }).promise();
  equal(
    Uploads.map((upload) => upload.UploadId),
    [UploadId],
  );
  const listed = { ...at('resumed'), UploadId: Uploads[0].UploadId };
  await s3.uploadPart({ ...listed, PartNumber: 2, Body: small }).promise();
  const { Parts } = await s3.listParts(listed).promise();
  const MultipartUpload = { Parts: Parts.map(({ PartNumber, ETag }) => ({ PartNumber, ETag })) };
  await s3.completeMultipartUpload({ ...listed, MultipartUpload }).promise();
  same(await read('resumed'), Buffer.concat([large.subarray(0, PART_BYTES), small]));
});
await step('an upload is aborted', async () => {
  const { UploadId } = await s3.createMultipartUpload(at('aborted')).promise();
  await s3.uploadPart({ ...at('aborted'), UploadId, PartNumber: 1, Body: small }).promise();
  await s3.abortMultipartUpload({ ...at('aborted'), UploadId }).promise();
  await refused(['NoSuchUpload'], () => s3.listParts({ ...at('aborted'), UploadId }).promise());
});
await step('conditions of reads', async () => {
  const { ETag } = await s3.headObject(at('text')).promise();
  same(await read('text', { IfMatch: ETag }), Buffer.from('text'));
  await refused(['NotModified', 304], () => read('text', { IfNoneMatch: ETag }));
  await refused(['PreconditionFailed'], () => read('text', { IfMatch: '"0"' }));
});
await step('If-None-Match: * of a write', async () => {
  await refused(['PreconditionFailed'], () => {
    const put = s3.putObject({ ...at('text'), Body: 'other' });
    put.on('build', () => (put.httpRequest.headers['If-None-Match'] = '*'));
    return put.promise();
  });
  same(await read('text'), Buffer.from('text'));
});
await step('Content-MD5 is computed', async () => {
  const md5 = new AWS.S3({ ...s3.config, computeChecksums: true });
  await md5.putObject({ ...at('md5'), Body: small }).promise();
  same(await read('md5'), small);
});
await step('presigned GET', async () => {
  const url = s3.getSignedUrl('getObject', { ...at('text'), Expires: 60 });
  equal(await (await fetch(url)).text(), 'text');
});
await step('presigned PUT with a type', async () => {
  const url = s3.getSignedUrl('putObject', { ...at('presigned'), Expires: 60, ContentType: 'text/plain' });
  const answer = await fetch(url, { method: 'PUT', body: 'presigned', headers: { 'content-type': 'text/plain' } });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  same(await read('presigned'), Buffer.from('presigned'));
});
await step('presigned POST', async () => {
  const post = s3.createPresignedPost({ Bucket, Fields: { key: `${prefix}posted` } });
  const form = new FormData();
  for (const [name, value] of Object.entries(post.fields)) form.append(name, value);
  form.append('file', new Blob(['posted']));
  const answer = await fetch(post.url, { method: 'POST', body: form });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  same(await read('posted'), Buffer.from('posted'));
});
await step('tags', async () => {
  await s3.putObjectTagging({ ...at('text'), Tagging: { TagSet: [{ Key: 'a', Value: 'b' }] } }).promise();
  equal((await s3.getObjectTagging(at('text')).promise()).TagSet, [{ Key: 'a', Value: 'b' }]);
});
await step('what is not there', async () => {
  await refused(['NoSuchKey'], () => read('absent'));
  await refused(['NotFound', 404], () => s3.headObject(at('absent')).promise());
});
await step('headBucket, listBuckets, getBucketLocation', async () => {
  await s3.headBucket({ Bucket }).promise();
  const { Buckets } = await s3.listBuckets().promise();
  equal(
    Buckets.some(({ Name }) => Name === Bucket),
    true,
  );
  await s3.getBucketLocation({ Bucket }).promise();
});
await step('waiters', async () => {
  const $waiter = { delay: 1, maxAttempts: 2 };
  await s3.waitFor('objectExists', { ...at('text'), $waiter }).promise();
  await s3.waitFor('bucketExists', { Bucket, $waiter }).promise();
});
await step('deleteObject', async () => {
  await s3.deleteObject(at('text')).promise();
  await refused(['NoSuchKey'], () => read('text'));
});
await step('deleteObjects', async () => {
  const { Contents } = await s3.listObjectsV2({ Bucket, Prefix: prefix }).promise();
  const Objects = Contents.map(({ Key }) => ({ Key }));
  const { Deleted, Errors } = await s3.deleteObjects({ Bucket, Delete: { Objects } }).promise();
  equal([Deleted.length, Errors], [Objects.length, []]);
  equal((await s3.listObjectsV2({ Bucket, Prefix: prefix }).promise()).Contents, []);
});
