/** The MinIO client for JavaScript. */
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import * as Minio from 'minio';
import {
  bucket,
  bytes,
  endpoint,
  equal,
  LARGE_BYTES,
  ODD_KEYS,
  prefix,
  refused,
  same,
  SIZES,
  step,
  version,
} from './step.mjs';

version('minio');
// set-up
const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = process.env;
const { hostname, port } = new URL(endpoint);
const client = new Minio.Client({
  endPoint: hostname,
  port: Number(port),
  useSSL: true,
  accessKey: AWS_ACCESS_KEY_ID,
  secretKey: AWS_SECRET_ACCESS_KEY,
  sessionToken: AWS_SESSION_TOKEN,
  region: 'us-east-1',
  partSize: 5 * 1024 * 1024,
});
// end of set-up
const put = (name, body, more) => client.putObject(bucket, prefix + name, body, body.length, more);
const read = async (name) => buffer(await client.getObject(bucket, prefix + name));
const list = async (stream) => {
  const items = [];
  for await (const item of stream) items.push(item);
  return items;
};
const large = bytes(LARGE_BYTES);
const small = bytes(1000);

for (const size of SIZES) {
  await step(`round trip of ${size} bytes`, async () => {
    const body = bytes(size);
    await put(`size-${size}`, body);
    same(await read(`size-${size}`), body);
    equal((await client.statObject(bucket, `${prefix}size-${size}`)).size, size);
  });
}
await step('putObject with a type and metadata', async () => {
  await put('typed', small, { 'Content-Type': 'text/plain', 'X-Amz-Meta-Team': 'x' });
  const { metaData } = await client.statObject(bucket, `${prefix}typed`);
  equal([metaData['content-type'], metaData.team], ['text/plain', 'x']);
});
await step('putObject in parts', async () => {
  await put('large', large);
  same(await read('large'), large);
});
await step('putObject of a stream whose size nobody knows', async () => {
  await client.putObject(bucket, `${prefix}stream`, Readable.from([large, small]));
  same(await read('stream'), Buffer.concat([large, small]));
});
await step('getPartialObject', async () => {
  same(
    await buffer(await client.getPartialObject(bucket, `${prefix}large`, 5242870, 30)),
    large.subarray(5242870, 5242900),
  );
});
for (const key of ODD_KEYS) {
  await step(`key ${key}`, async () => {
    await put(`odd/${key}`, small);
    same(await read(`odd/${key}`), small);
  });
}
await step('listObjectsV2', async () => {
  const keys = (await list(client.listObjectsV2(bucket, `${prefix}odd/`, true))).map(({ name }) => name);
  equal(keys.toSorted(), ODD_KEYS.map((key) => `${prefix}odd/${key}`).toSorted());
});
await step('listObjects', async () => {
  equal((await list(client.listObjects(bucket, prefix, false))).filter((item) => item.prefix !== undefined).length, 1);
});
await step('copyObject', async () => {
  await client.copyObject(bucket, `${prefix}copied`, `/${bucket}/${prefix}large`);
  same(await read('copied'), large);
});
await step('composeObject', async () => {
  const sources = ['large', 'copied'].map(
    (name) => new Minio.CopySourceOptions({ Bucket: bucket, Object: prefix + name }),
  );
  await client.composeObject(
    new Minio.CopyDestinationOptions({ Bucket: bucket, Object: `${prefix}composed` }),
    sources,
  );
  same(await read('composed'), Buffer.concat([large, large]));
});
await step('an upload is listed and removed', async () => {
  const upload = await client.initiateNewMultipartUpload(bucket, `${prefix}unfinished`, {});
  const found = await list(client.listIncompleteUploads(bucket, `${prefix}unfinished`, true));
  equal(
    found.map(({ uploadId }) => uploadId),
    [upload],
  );
  await client.removeIncompleteUpload(bucket, `${prefix}unfinished`);
  equal(await list(client.listIncompleteUploads(bucket, `${prefix}unfinished`, true)), []);
});
await step('fPutObject, fGetObject', async () => {
  const { writeFile, readFile } = await import('node:fs/promises');
  await writeFile('up', large);
  await client.fPutObject(bucket, `${prefix}file`, 'up');
  await client.fGetObject(bucket, `${prefix}file`, 'down');
  same(await readFile('down'), large);
});
await step('presigned GET and PUT', async () => {
  const put = await client.presignedPutObject(bucket, `${prefix}presigned`, 60);
  const answer = await fetch(put, { method: 'PUT', body: small });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  const get = await client.presignedGetObject(bucket, `${prefix}presigned`, 60, {
    'response-content-type': 'text/css',
  });
  const seen = await fetch(get);
  equal(seen.headers.get('content-type'), 'text/css');
  same(Buffer.from(await seen.arrayBuffer()), small);
});
await step('presigned POST', async () => {
  const policy = client.newPostPolicy();
  policy.setBucket(bucket);
  policy.setKey(`${prefix}posted`);
  policy.setExpires(new Date(Date.now() + 60_000));
  const { postURL, formData } = await client.presignedPostPolicy(policy);
  const form = new FormData();
  for (const [name, value] of Object.entries(formData)) form.append(name, value);
  form.append('file', new Blob([small]));
  const answer = await fetch(postURL, { method: 'POST', body: form });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  same(await read('posted'), small);
});
await step('tags', async () => {
  await client.setObjectTagging(bucket, `${prefix}typed`, { a: 'b' });
  equal(await client.getObjectTagging(bucket, `${prefix}typed`), [{ Key: 'a', Value: 'b' }]);
});
await step('bucketExists, listBuckets', async () => {
  equal(await client.bucketExists(bucket), true);
  equal(
    (await client.listBuckets()).some(({ name }) => name === bucket),
    true,
  );
});
await step('what is not there', async () => {
  await refused(['NoSuchKey', 'NotFound'], () => client.getObject(bucket, `${prefix}absent`));
  await refused(['NotFound'], () => client.statObject(bucket, `${prefix}absent`));
});
await step('removeObject, removeObjects', async () => {
  await client.removeObject(bucket, `${prefix}large`);
  const keys = (await list(client.listObjectsV2(bucket, prefix, true))).map(({ name }) => name);
  await client.removeObjects(bucket, keys);
  equal(await list(client.listObjectsV2(bucket, prefix, true)), []);
});
