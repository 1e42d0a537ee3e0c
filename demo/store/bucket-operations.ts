/**
 * Buckets themselves: list, create, delete, location, versioning, tagging. Never: a bucket that goes while it holds
 * anything, or object lock without versioning.
 */
import { demand, demandBucket, OWNER, readDocument, sendEmpty, sendXml, type S3Exchange } from './exchange.ts';
import { invalidArgument, notImplemented, StoreError } from './store-error.ts';
import { MAX_BUCKET_TAGS, parseTagging, taggingElements } from './tags.ts';
import { childText, malformed, onlyChildren } from './xml-reader.ts';

export function listBuckets(exchange: S3Exchange): Promise<void> {
  const { files, response } = exchange;
  demand(exchange, 's3:ListAllMyBuckets', '*');
  sendXml(response, 'ListAllMyBucketsResult', {
    Owner: OWNER,
    Buckets: {
      Bucket: files.bucketNames.map((name) => ({
        Name: name,
        CreationDate: new Date(files.settings(name).createdMs).toISOString(),
      })),
    },
  });
  return Promise.resolve();
}

export function headBucket(exchange: S3Exchange): Promise<void> {
  demandBucket(exchange, 's3:ListBucket');
  exchange.files.settings(exchange.request.bucket);
  sendEmpty(exchange.response, 200, { 'x-amz-bucket-region': 'us-east-1' });
  return Promise.resolve();
}

/** Of us-east-1 the answer is empty. */
export function getBucketLocation(exchange: S3Exchange): Promise<void> {
  demandBucket(exchange, 's3:GetBucketLocation');
  exchange.files.settings(exchange.request.bucket);
  sendXml(exchange.response, 'LocationConstraint', {});
  return Promise.resolve();
}

export async function createBucket(exchange: S3Exchange): Promise<void> {
  const { request, files, response } = exchange;
  const { bucket, headers } = request;
  demandBucket(exchange, 's3:CreateBucket');
  const lock = headers.get('x-amz-bucket-object-lock-enabled')?.toLowerCase() ?? 'false';
  if (lock !== 'true' && lock !== 'false') throw invalidArgument('x-amz-bucket-object-lock-enabled is not a boolean.');
  const objectLock = lock === 'true';
  if (objectLock) {
    demandBucket(exchange, 's3:PutBucketObjectLockConfiguration');
    demandBucket(exchange, 's3:PutBucketVersioning');
  }
  if ((headers.get('x-amz-acl') ?? 'private') !== 'private') throw notImplemented('ACLs of buckets');
  if (/\.\.|^\d+\.\d+\.\d+\.\d+$|^xn--|-s3alias$/.test(bucket))
    throw new StoreError('InvalidBucketName', 400, 'The specified bucket is not valid.');
  if ((headers.get('content-length') ?? '0') !== '0' || headers.has('transfer-encoding')) {
    const root = await readDocument(exchange, 'CreateBucketConfiguration');
    onlyChildren(root, ['LocationConstraint']);
    // The one region that is here is the one that may not be named.
    if ((childText(root, 'LocationConstraint') ?? '') !== '')
      throw new StoreError('InvalidLocationConstraint', 400, 'The specified location-constraint is not valid');
  } else exchange.proceed();
  await files.createBucket(bucket, { objectLock, tags: [], ...(objectLock ? { versioning: 'Enabled' } : {}) });
  sendEmpty(response, 200, { location: `/${bucket}` });
}

export async function deleteBucket(exchange: S3Exchange): Promise<void> {
  const { request, files, uploads, response } = exchange;
  demandBucket(exchange, 's3:DeleteBucket');
  await files.deleteBucket(request.bucket);
  uploads.forget(request.bucket);
  sendEmpty(response, 204);
}

export function getBucketVersioning(exchange: S3Exchange): Promise<void> {
  const { request, files, response } = exchange;
  demandBucket(exchange, 's3:GetBucketVersioning');
  sendXml(response, 'VersioningConfiguration', { Status: files.settings(request.bucket).versioning });
  return Promise.resolve();
}

export async function putBucketVersioning(exchange: S3Exchange): Promise<void> {
  const { request, files, response } = exchange;
  demandBucket(exchange, 's3:PutBucketVersioning');
  const { objectLock } = files.settings(request.bucket);
  const root = await readDocument(exchange, 'VersioningConfiguration');
  onlyChildren(root, ['Status', 'MfaDelete']);
  if (childText(root, 'MfaDelete') === 'Enabled') throw notImplemented('MFA delete');
  const versioning = childText(root, 'Status');
  if (versioning !== 'Enabled' && versioning !== 'Suspended') throw malformed();
  if (objectLock && versioning === 'Suspended')
    throw new StoreError(
      'InvalidBucketState',
      409,
      'An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.',
    );
  await files.changeSettings(request.bucket, { versioning });
  sendEmpty(response, 200);
}

export function getBucketTagging(exchange: S3Exchange): Promise<void> {
  const { request, files, response } = exchange;
  demandBucket(exchange, 's3:GetBucketTagging');
  const { tags } = files.settings(request.bucket);
  if (tags.length === 0) throw new StoreError('NoSuchTagSet', 404, 'The TagSet does not exist');
  sendXml(response, 'Tagging', taggingElements(tags));
  return Promise.resolve();
}

export async function putBucketTagging(exchange: S3Exchange): Promise<void> {
  const { request, files, response } = exchange;
  demandBucket(exchange, 's3:PutBucketTagging');
  files.settings(request.bucket);
  const tags = parseTagging(await readDocument(exchange, 'Tagging'), MAX_BUCKET_TAGS);
  await files.changeSettings(request.bucket, { tags });
  sendEmpty(response, 204);
}

export async function deleteBucketTagging(exchange: S3Exchange): Promise<void> {
  const { request, files, response } = exchange;
  demandBucket(exchange, 's3:PutBucketTagging');
  await files.changeSettings(request.bucket, { tags: [] });
  sendEmpty(response, 204);
}
