/**
 * One list of calls that uses every operation of a store, made with the JS SDK. What it gives for each call (a status, an
 * error code, what an answer holds) must be the same wherever S3 is spoken.
 */
import * as S3 from '@aws-sdk/client-s3';

/** What a call gave, without what differs between any two stores (ids, dates). */
export interface Outcome {
  readonly call: string;
  readonly outcome: unknown;
}

/** Stores differ in whether the ETag in a document has its quotes. */
const unquoted = (etag: string | undefined) => etag?.replaceAll('"', '');

const MIB = 1024 ** 2;

/** Makes the calls, but for those to leave out, in a bucket that does not exist yet; leaves nothing behind. */
export async function makeCalls(
  client: S3.S3Client,
  Bucket: string,
  leaveOut: readonly string[] = [],
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  async function call<T>(name: string, answer: Promise<T>, show: (answer: T) => unknown = () => 'ok'): Promise<T> {
    try {
      const setup = await answer;
      outcomes.push({ call: name, outcome: show(setup) });
      return setup;
    } catch (error) {
      const { name: code, $metadata } = error as S3.S3ServiceException;
      if (($metadata as typeof $metadata | undefined) === undefined) throw error;
      outcomes.push({ call: name, outcome: `${$metadata.httpStatusCode ?? 0} ${code}` });
      return {} as T;
    }
  }
  const put = (Key: string, Body: string | Buffer, more: Partial<S3.PutObjectCommandInput> = {}) =>
    client.send(new S3.PutObjectCommand({ Bucket, Key, Body, ...more }));
  const get = (Key: string, more: Partial<S3.GetObjectCommandInput> = {}) =>
    client.send(new S3.GetObjectCommand({ Bucket, Key, ...more }));
  const head = (Key: string, more: Partial<S3.HeadObjectCommandInput> = {}) =>
    client.send(new S3.HeadObjectCommand({ Bucket, Key, ...more }));
  const remove = (Key: string, VersionId?: string) =>
    client.send(new S3.DeleteObjectCommand({ Bucket, Key, ...(VersionId === undefined ? {} : { VersionId }) }));
  const text = async ({ Body }: S3.GetObjectCommandOutput) => (await Body?.transformToString())?.slice(0, 20);
  const callText = async (name: string, answer: Promise<S3.GetObjectCommandOutput>) =>
    call(
      name,
      answer.then(async (setup) => ({ ...setup, read: await text(setup) })),
      ({ read, ContentRange }) => [read, ContentRange],
    );

  // buckets
  await call('head of a missing bucket', client.send(new S3.HeadBucketCommand({ Bucket })));
  await call('list of a missing bucket', client.send(new S3.ListObjectsV2Command({ Bucket })));
  await call('create bucket', client.send(new S3.CreateBucketCommand({ Bucket })));
  await call('head of the bucket', client.send(new S3.HeadBucketCommand({ Bucket })));
  await call('versioning of a new bucket', client.send(new S3.GetBucketVersioningCommand({ Bucket })), (a) => a.Status);
  await call('tags of a new bucket', client.send(new S3.GetBucketTaggingCommand({ Bucket })));
  const TagSet = [{ Key: 'team', Value: 'a b' }];
  await call('tag the bucket', client.send(new S3.PutBucketTaggingCommand({ Bucket, Tagging: { TagSet } })));
  await call('its tags', client.send(new S3.GetBucketTaggingCommand({ Bucket })), (a) => a.TagSet);
  await call('untag the bucket', client.send(new S3.DeleteBucketTaggingCommand({ Bucket })));

  // objects
  await call('put', put('a', 'hello', { ContentType: 'text/plain', Metadata: { color: 'red' } }), (a) => a.ETag);
  await call('head', head('a'), (a) => [a.ContentLength, a.ContentType, a.Metadata, a.ETag]);
  await callText('get', get('a'));
  await callText('get a range', get('a', { Range: 'bytes=1-2' }));
  await callText('get a suffix', get('a', { Range: 'bytes=-2' }));
  await call('get past the end', get('a', { Range: 'bytes=9-' }));
  await call('get what is missing', get('missing'));
  await call('head of what is missing', head('missing'));
  await call('get if another', get('a', { IfMatch: '"00000000000000000000000000000000"' }));
  await call('put if nothing is there', put('a', 'x', { IfNoneMatch: '*' }));
  await call(
    'a response header of our choice',
    get('a', { ResponseContentType: 'text/x' }).then(async (a) => (await text(a), a)),
    (a) => a.ContentType,
  );
  await call('put with a wrong digest', put('b', 'x', { ContentMD5: 'AAAAAAAAAAAAAAAAAAAAAA==' }));

  // tags
  await call('put with tags', put('tagged', 't', { Tagging: 'x=1&y=2' }));
  const tags = (Key: string) => client.send(new S3.GetObjectTaggingCommand({ Bucket, Key }));
  const byKey = (set: readonly S3.Tag[] = []) => set.map(({ Key, Value }) => `${Key ?? ''}=${Value ?? ''}`).sort();
  await call('tags', tags('tagged'), (a) => byKey(a.TagSet));
  const tag = new S3.PutObjectTaggingCommand({ Bucket, Key: 'tagged', Tagging: { TagSet } });
  await call('replace tags', client.send(tag));
  await call('replaced tags', tags('tagged'), (a) => byKey(a.TagSet));
  await call('delete tags', client.send(new S3.DeleteObjectTaggingCommand({ Bucket, Key: 'tagged' })));
  await call('no tags', tags('tagged'), (a) => byKey(a.TagSet));
  await call('tags of what is missing', tags('missing'));
  await call('ACL', client.send(new S3.GetObjectAclCommand({ Bucket, Key: 'a' })), (a) =>
    a.Grants?.map(({ Permission, Grantee }) => [Permission, Grantee?.Type]),
  );

  // copies
  const copy = (Key: string, source: string, more: Partial<S3.CopyObjectCommandInput> = {}) =>
    client.send(new S3.CopyObjectCommand({ Bucket, Key, CopySource: `${Bucket}/${source}`, ...more }));
  await call('copy', copy('copied', 'a'), (a) => unquoted(a.CopyObjectResult?.ETag));
  await call('head of the copy', head('copied'), (a) => [a.ContentType, a.Metadata]);
  await call(
    'copy with other metadata',
    copy('copied', 'a', { MetadataDirective: 'REPLACE', Metadata: { color: 'blue' }, ContentType: 'text/csv' }),
  );
  await call('head of that', head('copied'), (a) => [a.ContentType, a.Metadata]);
  if (!leaveOut.includes('copy onto itself')) await call('copy onto itself', copy('a', 'a'));
  await call('copy if another', copy('copied', 'a', { CopySourceIfMatch: '"00000000000000000000000000000000"' }));
  if (!leaveOut.includes('copy of what is missing')) await call('copy of what is missing', copy('copied', 'missing'));

  // listings
  for (const key of ['d/1', 'd/2', 'd/e/3', 'z z']) await put(key, key);
  const list = (more: Partial<S3.ListObjectsV2CommandInput> = {}) =>
    client.send(new S3.ListObjectsV2Command({ Bucket, ...more }));
  const page = (a: S3.ListObjectsV2CommandOutput) => [
    a.Contents?.map(({ Key, Size }) => [Key, Size]),
    a.CommonPrefixes,
    a.KeyCount,
    a.IsTruncated,
  ];
  await call('list', list(), page);
  await call('list in groups', list({ Delimiter: '/' }), page);
  await call('list a prefix in groups', list({ Prefix: 'd/', Delimiter: '/' }), page);
  await call('list after a key', list({ StartAfter: 'copied' }), page);
  const first = await call('first page', list({ MaxKeys: 3 }), page);
  if (first.NextContinuationToken !== undefined)
    await call('second page', list({ MaxKeys: 9, ContinuationToken: first.NextContinuationToken }), page);
  await call(
    'list the old way',
    client.send(new S3.ListObjectsCommand({ Bucket, Marker: 'copied', MaxKeys: 2 })),
    (a) => [a.Contents?.map(({ Key }) => Key), a.IsTruncated],
  );

  // uploads
  const create = (Key: string) => client.send(new S3.CreateMultipartUploadCommand({ Bucket, Key }));
  const { UploadId } = await call('create an upload', create('big'), (a) => a.Key);
  const of = { Bucket, Key: 'big', UploadId };
  const part = async (PartNumber: number, Body: Buffer) => ({
    PartNumber,
    ETag: (await client.send(new S3.UploadPartCommand({ ...of, PartNumber, Body }))).ETag,
  });
  const five = Buffer.alloc(5 * MIB, 'p');
  const parts: S3.CompletedPart[] = [await part(1, five)];
  const copied = new S3.UploadPartCopyCommand({
    ...of,
    PartNumber: 2,
    CopySource: `${Bucket}/a`,
    CopySourceRange: 'bytes=1-3',
  });
  const second = await call('copy a part', client.send(copied), (a) => unquoted(a.CopyPartResult?.ETag));
  parts.push({ PartNumber: 2, ETag: second.CopyPartResult?.ETag });
  await call('uploads', client.send(new S3.ListMultipartUploadsCommand({ Bucket })), (a) =>
    a.Uploads?.map(({ Key }) => Key),
  );
  await call('parts', client.send(new S3.ListPartsCommand(of)), (a) =>
    a.Parts?.map(({ PartNumber, Size, ETag }) => [PartNumber, Size, ETag]),
  );
  await call('one part a page', client.send(new S3.ListPartsCommand({ ...of, MaxParts: 1 })), (a) => [
    a.Parts?.length,
    a.IsTruncated,
    a.NextPartNumberMarker,
  ]);
  const complete = (Parts: S3.CompletedPart[]) =>
    client.send(new S3.CompleteMultipartUploadCommand({ ...of, MultipartUpload: { Parts } }));
  if (!leaveOut.includes('complete in a wrong order'))
    await call('complete in a wrong order', complete([...parts].reverse()));
  await call('complete with a wrong part', complete([{ PartNumber: 1, ETag: '"00000000000000000000000000000000"' }]));
  await call('complete', complete(parts), (a) => unquoted(a.ETag));
  await call('the object', head('big'), (a) => [a.ContentLength, a.ETag]);
  await callText('its second part', get('big', { PartNumber: 2 }));
  await call('complete again with another list', complete([parts[1]!]));
  const small = await create('small');
  const smallPart = { Bucket, Key: 'small', UploadId: small.UploadId };
  const sent: S3.CompletedPart[] = [];
  for (const PartNumber of [1, 2])
    sent.push({
      PartNumber,
      ETag: (await client.send(new S3.UploadPartCommand({ ...smallPart, PartNumber, Body: 'tiny' }))).ETag,
    });
  await call(
    'complete with parts that are too small',
    client.send(new S3.CompleteMultipartUploadCommand({ ...smallPart, MultipartUpload: { Parts: sent } })),
  );
  await call('abort', client.send(new S3.AbortMultipartUploadCommand(smallPart)));
  await call('parts of what was aborted', client.send(new S3.ListPartsCommand(smallPart)));

  // versions
  const versioning = (Status: S3.BucketVersioningStatus) =>
    client.send(new S3.PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status } }));
  await call('enable versioning', versioning('Enabled'));
  const one = await call('first version', put('v', 'one'), (a) => a.VersionId !== undefined);
  await call('second version', put('v', 'two'), (a) => a.VersionId !== undefined);
  await callText('get the newest', get('v'));
  await callText('get the first', get('v', { VersionId: one.VersionId }));
  await callText('get what was there before versioning', get('a', { VersionId: 'null' }));
  const marker = await call('delete', remove('v'), (a) => [a.DeleteMarker, a.VersionId !== undefined]);
  await call('get what is deleted', get('v'));
  await call('get the delete marker', get('v', { VersionId: marker.VersionId }));
  const versions = (more: Partial<S3.ListObjectVersionsCommandInput> = {}) =>
    client.send(new S3.ListObjectVersionsCommand({ Bucket, ...more }));
  const shown = (a: S3.ListObjectVersionsCommandOutput) => [
    a.Versions?.map(({ Key, IsLatest, Size }) => [Key, IsLatest, Size]),
    a.DeleteMarkers?.map(({ Key, IsLatest }) => [Key, IsLatest]),
    a.CommonPrefixes,
    a.IsTruncated,
  ];
  await call('versions of a prefix', versions({ Prefix: 'v' }), shown);
  await call('versions in groups', versions({ Delimiter: '/' }), shown);
  await call('delete the marker', remove('v', marker.VersionId), (a) => a.DeleteMarker);
  await callText('get what came back', get('v'));
  await call('delete one version', remove('v', one.VersionId), (a) => a.DeleteMarker);
  await call('get the version that is gone', get('v', { VersionId: one.VersionId }));
  await call('suspend versioning', versioning('Suspended'));
  await call('versioning of the bucket', client.send(new S3.GetBucketVersioningCommand({ Bucket })), (a) => a.Status);
  await call('put a null version', put('v', 'three'));
  await callText('get the null version', get('v', { VersionId: 'null' }));

  // locks
  await call('retention without object lock', client.send(new S3.GetObjectRetentionCommand({ Bucket, Key: 'a' })));

  // the end
  await call('delete a bucket that is not empty', client.send(new S3.DeleteBucketCommand({ Bucket })));
  const all = await versions();
  const Objects = [...(all.Versions ?? []), ...(all.DeleteMarkers ?? [])].map(({ Key, VersionId }) => ({
    Key,
    VersionId,
  }));
  await call(
    'delete all versions at once',
    client.send(new S3.DeleteObjectsCommand({ Bucket, Delete: { Objects } })),
    (a) => [a.Deleted?.map(({ Key }) => Key).sort(), a.Errors],
  );
  await call('delete bucket', client.send(new S3.DeleteBucketCommand({ Bucket })));
  await call('head of the bucket that is gone', client.send(new S3.HeadBucketCommand({ Bucket })));
  return outcomes;
}
