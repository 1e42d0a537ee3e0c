/** aws4fetch, the signer of people on edge runtimes: plain `fetch`, URLs as they stand. */
import { AwsClient } from 'aws4fetch';
import {
  bucket,
  bytes,
  endpoint,
  equal,
  LARGE_BYTES,
  ODD_KEYS,
  PART_BYTES,
  prefix,
  same,
  SIZES,
  step,
  version,
} from './step.mjs';

version('aws4fetch');
// set-up
const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = process.env;
const aws = new AwsClient({
  accessKeyId: AWS_ACCESS_KEY_ID,
  secretAccessKey: AWS_SECRET_ACCESS_KEY,
  sessionToken: AWS_SESSION_TOKEN,
  service: 's3',
  region: 'us-east-1',
  retries: 0,
});
// end of set-up
const url = (name) => `${endpoint}/${bucket}/${prefix}${name}`;
const must = async (answer) => {
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return answer;
};
const put = async (name, body, more = {}) => must(await aws.fetch(url(name), { method: 'PUT', body, ...more }));
const read = async (name, headers = {}) =>
  Buffer.from(await (await must(await aws.fetch(url(name), { headers }))).arrayBuffer());
const document = async (answer) => (await must(await answer)).text();
const field = (text, name) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1];
const large = bytes(LARGE_BYTES);
const small = bytes(1000);

for (const size of SIZES) {
  await step(`round trip of ${size} bytes`, async () => {
    const body = bytes(size);
    await put(`size-${size}`, body);
    same(await read(`size-${size}`), body);
  });
}
await step('a body with a type', async () => {
  await put('typed', 'text', { headers: { 'content-type': 'text/plain' } });
  equal((await must(await aws.fetch(url('typed'), { method: 'HEAD' }))).headers.get('content-type'), 'text/plain');
});
await step('a body with a type by itself', async () => {
  await put('blob', new Blob([small], { type: 'application/x-world' }));
  same(await read('blob'), small);
});
await step('a signed hash of the body', async () => {
  const { createHash } = await import('node:crypto');
  await put('hashed', small, { headers: { 'x-amz-content-sha256': createHash('sha256').update(small).digest('hex') } });
  same(await read('hashed'), small);
});
await step('ranges', async () => {
  await put('large', large);
  same(await read('large', { range: 'bytes=5242870-5242899' }), large.subarray(5242870, 5242900));
  same(await read('large', { range: 'bytes=-7' }), large.subarray(-7));
});
// As the library's users do: escaped where a URL needs it, by `encodeURIComponent` or by hand.
for (const key of ODD_KEYS) {
  await step(`key ${key}`, async () => {
    const path = key.split('/').map(encodeURIComponent).join('/');
    await put(`odd/${path}`, small);
    same(await read(`odd/${path}`), small);
  });
}
for (const path of ['photo%20(1).jpg', "it's.txt", 'a!b*c.txt', 'x=1/a.parquet', 'a:b@c', 'a+b', 'ü', 'a$b,c;d']) {
  await step(`path ${path}`, async () => {
    await put(`raw/${path}`, small);
    same(await read(`raw/${path}`), small);
  });
}
await step('listing by pages', async () => {
  let found = 0;
  for (let token = ''; ;) {
    const query = new URLSearchParams({ 'list-type': '2', prefix: `${prefix}odd/`, 'max-keys': '3' });
    if (token !== '') query.set('continuation-token', token);
    const text = await document(aws.fetch(`${endpoint}/${bucket}?${query}`));
    found += text.split('<Contents>').length - 1;
    token = field(text, 'NextContinuationToken') ?? '';
    if (token === '') break;
  }
  equal(found, ODD_KEYS.length);
});
await step('upload in parts', async () => {
  const made = await document(aws.fetch(`${url('parts')}?uploads`, { method: 'POST' }));
  const upload = encodeURIComponent(field(made, 'UploadId'));
  let list = '';
  for (let number = 1, from = 0; from < large.length; number += 1, from += PART_BYTES) {
    const body = large.subarray(from, from + PART_BYTES);
    const part = await must(
      await aws.fetch(`${url('parts')}?partNumber=${number}&uploadId=${upload}`, { method: 'PUT', body }),
    );
    list += `<Part><PartNumber>${number}</PartNumber><ETag>${part.headers.get('etag')}</ETag></Part>`;
  }
  const body = `<CompleteMultipartUpload>${list}</CompleteMultipartUpload>`;
  await document(aws.fetch(`${url('parts')}?uploadId=${upload}`, { method: 'POST', body }));
  same(await read('parts'), large);
});
await step('copy', async () => {
  await put('copied', undefined, { headers: { 'x-amz-copy-source': `/${bucket}/${prefix}large` } });
  same(await read('copied'), large);
});
await step('If-None-Match: *', async () => {
  const answer = await aws.fetch(url('large'), { method: 'PUT', body: 'other', headers: { 'if-none-match': '*' } });
  equal([answer.status, field(await answer.text(), 'Condition')], [412, 'If-None-Match']);
});
await step('presigned by the query', async () => {
  const signed = await aws.sign(`${url('large')}?X-Amz-Expires=60`, { aws: { signQuery: true } });
  same(Buffer.from(await (await must(await fetch(signed))).arrayBuffer()), large);
});
await step('presigned PUT', async () => {
  const signed = await aws.sign(`${url('presigned')}?X-Amz-Expires=60`, { method: 'PUT', aws: { signQuery: true } });
  await must(await fetch(signed.url, { method: 'PUT', body: small }));
  same(await read('presigned'), small);
});
await step('delete', async () => {
  await must(await aws.fetch(url('large'), { method: 'DELETE' }));
  equal((await aws.fetch(url('large'))).status, 404);
});
