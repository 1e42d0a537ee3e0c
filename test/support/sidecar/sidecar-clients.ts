/** What a workload does through a sidecar, with clients that know of no sidecar and have no credentials worth the name. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { DUMMY, type SidecarWorld } from './sidecar-world.ts';

const run = promisify(execFile);
const LARGE_BYTES = 9 * 1024 * 1024;

const variables = (endpoint: string): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '',
  HOME: '/nonexistent',
  AWS_ACCESS_KEY_ID: DUMMY.accessKeyId,
  AWS_SECRET_ACCESS_KEY: DUMMY.secretAccessKey,
  AWS_SESSION_TOKEN: DUMMY.sessionToken,
  AWS_ENDPOINT_URL_S3: endpoint,
  AWS_REGION: 'us-east-1',
  AWS_DEFAULT_REGION: 'us-east-1',
  AWS_EC2_METADATA_DISABLED: 'true',
});

/** An SDK client of the sidecar, as it is by default. */
export const sdkClient = ({ endpoint }: SidecarWorld, more: S3ClientConfig = {}): S3Client =>
  // A copy: the SDK writes into what it is given.
  new S3Client({
    endpoint,
    region: 'eu-west-3',
    credentials: { ...DUMMY },
    forcePathStyle: true,
    maxAttempts: 1,
    ...more,
  });

/** JS SDK v3: put, head, get, range, list, multipart, presigned GET and PUT, delete. */
export async function exerciseSdk(world: SidecarWorld, Bucket: string): Promise<void> {
  const client = sdkClient(world);
  const put = await client.send(new PutObjectCommand({ Bucket, Key: 'sdk/ü +%', Body: 'plain words' }));
  assert.match(put.ETag ?? '', /^"/);
  const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'sdk/ü +%' }));
  assert.equal(head.ContentLength, 11);
  const part = await client.send(new GetObjectCommand({ Bucket, Key: 'sdk/ü +%', Range: 'bytes=6-10' }));
  assert.equal(await part.Body?.transformToString(), 'words');
  const body = randomBytes(LARGE_BYTES);
  await new Upload({ client, params: { Bucket, Key: 'sdk/large', Body: body } }).done();
  const large = await client.send(new GetObjectCommand({ Bucket, Key: 'sdk/large' }));
  assert.ok(body.equals((await large.Body?.transformToByteArray()) ?? new Uint8Array()));
  const listed = await client.send(new ListObjectsV2Command({ Bucket, Prefix: 'sdk/' }));
  assert.deepEqual(
    listed.Contents?.map(({ Key, Size }) => [Key, Size]),
    [
      ['sdk/large', LARGE_BYTES],
      ['sdk/ü +%', 11],
    ],
  );
  const url = await getSignedUrl(client, new GetObjectCommand({ Bucket, Key: 'sdk/ü +%' }), { expiresIn: 60 });
  assert.equal(await (await fetch(url)).text(), 'plain words');
  // By default the URL would hold the checksum of no body.
  const presigner = sdkClient(world, { requestChecksumCalculation: 'WHEN_REQUIRED' });
  const upload = await getSignedUrl(presigner, new PutObjectCommand({ Bucket, Key: 'sdk/signed' }), { expiresIn: 60 });
  assert.equal((await fetch(upload, { method: 'PUT', body: 'by a URL' })).status, 200);
  await client.send(new DeleteObjectCommand({ Bucket, Key: 'sdk/large' }));
  presigner.destroy();
  client.destroy();
}

/** curl, which signs by `--aws-sigv4`. */
export async function exerciseCurl({ endpoint, folder }: SidecarWorld, bucket: string): Promise<void> {
  const config = join(folder, 'curlrc');
  await writeFile(
    config,
    `aws-sigv4 = "aws:amz:us-east-1:s3"\nuser = "${DUMMY.accessKeyId}:${DUMMY.secretAccessKey}"\n` +
      `header = "x-amz-security-token: ${DUMMY.sessionToken}"\nheader = "x-amz-content-sha256: UNSIGNED-PAYLOAD"\n`,
  );
  const curl = async (...args: readonly string[]) =>
    (await run('curl', ['-q', '-sS', '--fail-with-body', '-K', config, ...args])).stdout;
  await curl('-X', 'PUT', '--data-binary', 'from curl', `${endpoint}/${bucket}/curl/one`);
  assert.equal(await curl(`${endpoint}/${bucket}/curl/one`), 'from curl');
  assert.match(await curl(`${endpoint}/${bucket}?list-type=2&prefix=curl/`), /<Key>curl\/one<\/Key>/);
}

/** The AWS CLI at `program`: cp of small and large files, ls, rm. */
export async function exerciseAwsCli(program: string, world: SidecarWorld, bucket: string): Promise<void> {
  const { folder, endpoint } = world;
  const aws = async (...args: readonly string[]) =>
    (await run(program, ['--endpoint-url', endpoint, 's3', ...args], { env: variables(endpoint) })).stdout;
  const body = randomBytes(LARGE_BYTES);
  await writeFile(join(folder, 'up'), body);
  await aws('cp', join(folder, 'up'), `s3://${bucket}/cli/large`);
  await aws('cp', `s3://${bucket}/cli/large`, join(folder, 'down'));
  assert.ok(body.equals(await readFile(join(folder, 'down'))));
  assert.match(await aws('ls', `s3://${bucket}/cli/`), new RegExp(`${LARGE_BYTES} large`));
  await aws('rm', `s3://${bucket}/cli/large`);
  assert.doesNotMatch(await aws('ls', `s3://${bucket}`), /cli\//);
}

const BOTO3 = `
import boto3, os, sys
bucket = sys.argv[1]
s3 = boto3.client('s3')
s3.put_object(Bucket=bucket, Key='boto3/one', Body=b'from boto3')
assert s3.get_object(Bucket=bucket, Key='boto3/one')['Body'].read() == b'from boto3'
large = os.urandom(9 * 1024 * 1024)
upload = s3.create_multipart_upload(Bucket=bucket, Key='boto3/large')['UploadId']
parts = []
for number, piece in enumerate([large[:5 * 1024 * 1024], large[5 * 1024 * 1024:]], 1):
    tag = s3.upload_part(Bucket=bucket, Key='boto3/large', UploadId=upload, PartNumber=number, Body=piece)['ETag']
    parts.append({'ETag': tag, 'PartNumber': number})
s3.complete_multipart_upload(Bucket=bucket, Key='boto3/large', UploadId=upload, MultipartUpload={'Parts': parts})
assert s3.get_object(Bucket=bucket, Key='boto3/large')['Body'].read() == large
keys = [(each['Key'], each['Size']) for each in s3.list_objects_v2(Bucket=bucket, Prefix='boto3/')['Contents']]
assert keys == [('boto3/large', len(large)), ('boto3/one', 10)], keys
s3.delete_objects(Bucket=bucket, Delete={'Objects': [{'Key': 'boto3/large'}]})
print('done')
`;

/** boto3 of the Python at `program`, told everything by the standard variables. */
export async function exerciseBoto3(program: string, { endpoint }: SidecarWorld, bucket: string): Promise<void> {
  const { stdout } = await run(program, ['-c', BOTO3, bucket], { env: variables(endpoint) });
  assert.equal(stdout, 'done\n');
}
