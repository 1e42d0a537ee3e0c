import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import * as S3 from '@aws-sdk/client-s3';
import { send } from '../../../support/store/store-client.ts';
import { ANSWERS } from './answers.ts';
import { makeCalls } from './calls.ts';
import { startTestStore, OWNER, type TestStore } from './fixture.ts';

const Bucket = 'box';

describe('an operation of the embedded store', () => {
  let setup: TestStore;
  beforeEach(async () => {
    setup = await startTestStore();
  });
  afterEach(() => setup.close());

  const put = (Key: string, Body: string, more: Partial<S3.PutObjectCommandInput> = {}) =>
    setup.client.send(new S3.PutObjectCommand({ Bucket, Key, Body, ...more }));
  const text = async (Key: string, more: Partial<S3.GetObjectCommandInput> = {}) =>
    (await setup.client.send(new S3.GetObjectCommand({ Bucket, Key, ...more }))).Body!.transformToString();
  const versioning = (Status: S3.BucketVersioningStatus) =>
    setup.client.send(new S3.PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status } }));
  const upload = async (
    Key: string,
    bodies: readonly string[],
    more: Partial<S3.CreateMultipartUploadCommandInput> = {},
  ) => {
    const { UploadId } = await setup.client.send(new S3.CreateMultipartUploadCommand({ Bucket, Key, ...more }));
    const parts: S3.CompletedPart[] = [];
    for (const [index, Body] of bodies.entries()) {
      const at = { Bucket, Key, UploadId, PartNumber: index + 1 };
      const ChecksumAlgorithm = more.ChecksumAlgorithm ?? 'CRC32';
      const sent = await setup.client.send(new S3.UploadPartCommand({ ...at, Body, ChecksumAlgorithm }));
      parts.push({ ...sent, PartNumber: index + 1 });
    }
    return { Bucket, Key, UploadId, MultipartUpload: { Parts: parts } };
  };
  const complete = (input: S3.CompleteMultipartUploadCommandInput) =>
    setup.client.send(new S3.CompleteMultipartUploadCommand(input));
  const refused = (promise: Promise<unknown>, name: string) => assert.rejects(promise, { name });

  it('gives what S3 gives, for a list of calls that uses all of them', async () => {
    const strict = await startTestStore(5 * 1024 ** 2);
    const outcomes = await makeCalls(strict.client, 'calls').finally(strict.close);
    assert.deepEqual(Object.fromEntries(outcomes.map(({ call, outcome }) => [call, outcome])), ANSWERS);
  });

  describe('on uploads', () => {
    it('keeps an upload and its parts, and a completed object, over a restart', async () => {
      const created = await upload('k', ['one', 'two']);
      await setup.reopen();
      const { ETag } = await complete(created);
      const md5 = (content: string | Buffer) => createHash('md5').update(content).digest();
      assert.equal(ETag, `"${md5(Buffer.concat([md5('one'), md5('two')])).toString('hex')}-2"`);
      await setup.reopen();
      assert.equal(await text('k'), 'onetwo');
      assert.equal(await text('k', { PartNumber: 2 }), 'two');
      await refused(setup.client.send(new S3.ListPartsCommand(created)), 'NoSuchUpload');
    });

    it('takes the last of the parts of one number, and only the parts that are named', async () => {
      const created = await upload('k', ['one', 'two']);
      const again = { Bucket, Key: 'k', UploadId: created.UploadId, PartNumber: 1, Body: 'uno' };
      const { ETag } = await setup.client.send(new S3.UploadPartCommand(again));
      await refused(complete(created), 'InvalidPart');
      await complete({ ...created, MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] } });
      assert.equal(await text('k'), 'uno');
    });

    it('does not complete an upload under another key, or twice', async () => {
      const created = await upload('k', ['one']);
      await refused(complete({ ...created, Key: 'other' }), 'NoSuchUpload');
      await complete(created);
      await refused(complete(created), 'NoSuchUpload');
    });

    it('completes only where the condition on the object holds', async () => {
      const created = await upload('k', ['one']);
      await put('k', 'before');
      await refused(complete({ ...created, IfNoneMatch: '*' }), 'PreconditionFailed');
      assert.equal(await text('k'), 'before');
    });

    it('gives composite and full checksums, and refuses parts of another algorithm', async () => {
      const sha = (content: string | Buffer) => createHash('sha256').update(content).digest();
      const composite = await complete(await upload('c', ['one', 'two'], { ChecksumAlgorithm: 'SHA256' }));
      const expected = sha(Buffer.concat([sha('one'), sha('two')])).toString('base64');
      assert.deepEqual([composite.ChecksumSHA256, composite.ChecksumType], [`${expected}-2`, 'COMPOSITE']);
      for (const ChecksumAlgorithm of ['CRC64NVME', 'CRC32C', 'CRC32'] as const) {
        const created = await upload('f', ['one', 'two'], { ChecksumAlgorithm, ChecksumType: 'FULL_OBJECT' });
        const full = await complete(created);
        const single = await put('s', 'onetwo', { ChecksumAlgorithm });
        const name = `Checksum${ChecksumAlgorithm}` as const;
        assert.equal(full[name], single[name]);
        assert.notEqual(full[name], undefined);
      }
      const crc = await setup.client.send(
        new S3.CreateMultipartUploadCommand({ Bucket, Key: 'm', ChecksumAlgorithm: 'CRC32' }),
      );
      const part = { Bucket, Key: 'm', UploadId: crc.UploadId, PartNumber: 1, Body: 'x' };
      const other = new S3.UploadPartCommand({ ...part, ChecksumAlgorithm: 'SHA1' });
      await refused(setup.client.send(other), 'InvalidRequest');
    });

    it('lists uploads page by page, each once, in groups where asked', async () => {
      for (const key of ['a/1', 'a/2', 'b', 'b', 'c']) await upload(key, []);
      const seen: (string | undefined)[] = [];
      for (let markers = {}; ;) {
        const page = await setup.client.send(new S3.ListMultipartUploadsCommand({ Bucket, MaxUploads: 2, ...markers }));
        seen.push(...(page.Uploads ?? []).map(({ Key, UploadId }) => `${Key!} ${UploadId!}`));
        if (page.IsTruncated !== true) break;
        markers = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
      }
      assert.deepEqual([seen.length, new Set(seen).size], [5, 5]);
      const grouped = new S3.ListMultipartUploadsCommand({ Bucket, Delimiter: '/' });
      const { CommonPrefixes, Uploads } = await setup.client.send(grouped);
      assert.deepEqual([CommonPrefixes, Uploads?.length], [[{ Prefix: 'a/' }], 3]);
    });

    it('copies a range into a part and refuses one that the source does not have', async () => {
      await put('source', '0123456789');
      const created = await upload('k', []);
      const copy = (CopySourceRange: string) =>
        setup.client.send(
          new S3.UploadPartCopyCommand({ ...created, PartNumber: 1, CopySource: 'box/source', CopySourceRange }),
        );
      for (const range of ['bytes=5-10', 'bytes=5-', 'bytes=-3', 'bytes=5-2'])
        await refused(copy(range), 'InvalidArgument');
      const { CopyPartResult } = await copy('bytes=2-4');
      await complete({ ...created, MultipartUpload: { Parts: [{ PartNumber: 1, ETag: CopyPartResult!.ETag }] } });
      assert.equal(await text('k'), '234');
    });
  });

  describe('on versions', () => {
    it('keeps each version over a restart, and gives them newest first, page by page', async () => {
      await put('k', 'null');
      await versioning('Enabled');
      for (const body of ['one', 'two']) await put('k', body);
      await setup.client.send(new S3.DeleteObjectCommand({ Bucket, Key: 'k' }));
      await put('l', 'other');
      await setup.reopen();
      const seen: unknown[] = [];
      for (let markers = {}; ;) {
        const page = await setup.client.send(new S3.ListObjectVersionsCommand({ Bucket, MaxKeys: 1, ...markers }));
        for (const one of [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])]) {
          const isMarker = page.DeleteMarkers !== undefined;
          seen.push(isMarker ? 'marker' : await text(one.Key!, { VersionId: one.VersionId }));
        }
        if (page.IsTruncated !== true) break;
        markers = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker };
      }
      assert.deepEqual(seen, ['marker', 'two', 'one', 'null', 'other']);
    });

    it('replaces only the null version while versioning is suspended', async () => {
      await versioning('Enabled');
      const { VersionId } = await put('k', 'kept');
      await versioning('Suspended');
      await put('k', 'first');
      assert.equal((await put('k', 'second')).VersionId, 'null');
      const gone = await setup.client.send(new S3.DeleteObjectCommand({ Bucket, Key: 'k' }));
      assert.deepEqual([gone.DeleteMarker, gone.VersionId], [true, 'null']);
      await refused(text('k'), 'NoSuchKey');
      assert.equal(await text('k', { VersionId }), 'kept');
      const { Versions } = await setup.client.send(new S3.ListObjectVersionsCommand({ Bucket }));
      assert.equal(Versions?.length, 1);
    });

    it('copies an old version onto its own key, and refuses a marker as a source', async () => {
      await versioning('Enabled');
      const { VersionId } = await put('k', 'old');
      await put('k', 'new');
      const copy = (source: string) =>
        setup.client.send(new S3.CopyObjectCommand({ Bucket, Key: 'k', CopySource: source }));
      assert.equal((await copy(`box/k?versionId=${VersionId!}`)).CopySourceVersionId, VersionId);
      assert.equal(await text('k'), 'old');
      const marker = await setup.client.send(new S3.DeleteObjectCommand({ Bucket, Key: 'k' }));
      await refused(copy(`box/k?versionId=${marker.VersionId!}`), 'InvalidRequest');
      await refused(copy('box/k'), 'NoSuchKey');
    });

    it('tells a version id that cannot be from one that is not there', async () => {
      await put('k', 'x');
      await refused(text('k', { VersionId: 'nonsense' }), 'InvalidArgument');
      await refused(text('k', { VersionId: 'A'.repeat(32) }), 'NoSuchVersion');
    });
  });

  describe('on locks', () => {
    const locked = { Bucket: 'vault', Key: 'k' };
    const erase = (VersionId: string | undefined, more: Partial<S3.DeleteObjectCommandInput> = {}) =>
      setup.client.send(new S3.DeleteObjectCommand({ ...locked, VersionId, ...more }));
    const until = (days: number) => new Date(Date.now() + days * 86_400_000);
    const retain = (Retention: S3.ObjectLockRetention, more: Partial<S3.PutObjectRetentionCommandInput> = {}) =>
      setup.client.send(new S3.PutObjectRetentionCommand({ ...locked, Retention, ...more }));
    let VersionId: string | undefined;

    beforeEach(async () => {
      await setup.client.send(new S3.CreateBucketCommand({ Bucket: 'vault', ObjectLockEnabledForBucket: true }));
      ({ VersionId } = await setup.client.send(new S3.PutObjectCommand({ ...locked, Body: 'x' })));
    });

    it('protects a version under legal hold until it is lifted', async () => {
      const hold = (Status: S3.ObjectLockLegalHoldStatus) =>
        setup.client.send(new S3.PutObjectLegalHoldCommand({ ...locked, LegalHold: { Status } }));
      await refused(setup.client.send(new S3.GetObjectLegalHoldCommand(locked)), 'NoSuchObjectLockConfiguration');
      await hold('ON');
      await refused(erase(VersionId, { BypassGovernanceRetention: true }), 'AccessDenied');
      assert.equal((await erase(undefined)).DeleteMarker, true);
      await refused(hold('OFF'), 'MethodNotAllowed');
      const lift = { ...locked, VersionId, LegalHold: { Status: 'OFF' } } as const;
      await setup.client.send(new S3.PutObjectLegalHoldCommand(lift));
      await erase(VersionId);
    });

    it('protects a version under governance until its end, but from one who may bypass it', async () => {
      await retain({ Mode: 'GOVERNANCE', RetainUntilDate: until(2) });
      const { Retention } = await setup.client.send(new S3.GetObjectRetentionCommand(locked));
      assert.equal(Retention?.Mode, 'GOVERNANCE');
      await refused(erase(VersionId), 'AccessDenied');
      await refused(retain({ Mode: 'GOVERNANCE', RetainUntilDate: until(1) }), 'AccessDenied');
      const resource = ['arn:aws:s3:::vault/*'];
      const alice = await setup.session([{ Effect: 'Allow', Action: 's3:DeleteObjectVersion', Resource: resource }]);
      const bypass = { ...locked, VersionId, BypassGovernanceRetention: true };
      await refused(alice.send(new S3.DeleteObjectCommand(bypass)), 'AccessDenied');
      await setup.client.send(new S3.DeleteObjectCommand(bypass));
    });

    it('protects a version under compliance from everybody until its end', async () => {
      await retain({ Mode: 'COMPLIANCE', RetainUntilDate: until(1) });
      await refused(erase(VersionId, { BypassGovernanceRetention: true }), 'AccessDenied');
      await refused(retain({}, { BypassGovernanceRetention: true }), 'AccessDenied');
      await retain({ Mode: 'COMPLIANCE', RetainUntilDate: until(2) });
    });

    it('refuses locks in a bucket without them, and to suspend versioning in one with them', async () => {
      await refused(put('k', 'x', { ObjectLockLegalHoldStatus: 'ON' }), 'InvalidRequest');
      const suspend = { Bucket: 'vault', VersioningConfiguration: { Status: 'Suspended' } } as const;
      await refused(setup.client.send(new S3.PutBucketVersioningCommand(suspend)), 'InvalidBucketState');
    });
  });

  describe('on objects', () => {
    it('verifies each checksum of a body and gives it back when asked', async () => {
      for (const ChecksumAlgorithm of ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const) {
        const name = `Checksum${ChecksumAlgorithm}` as const;
        const sent = await put('k', '123456789', { ChecksumAlgorithm });
        const head = await setup.client.send(new S3.HeadObjectCommand({ Bucket, Key: 'k', ChecksumMode: 'ENABLED' }));
        assert.equal(head[name], sent[name]);
        await refused(put('k', 'other', { [name]: sent[name] }), 'BadDigest');
      }
      // The check value of CRC-64/NVME, of the bytes 123456789.
      const checked = await put('k', '123456789', { ChecksumAlgorithm: 'CRC64NVME' });
      assert.equal(Buffer.from(checked.ChecksumCRC64NVME!, 'base64').toString('hex'), 'ae8b14860a799888');
      const two = { 'x-amz-checksum-crc32': 'AAAAAA==', 'x-amz-checksum-crc32c': 'AAAAAA==' };
      const at = { bucket: Bucket, key: 'k', keys: OWNER, body: 'x' };
      const answer = await send(setup.store.port, { method: 'PUT', ...at, headers: two });
      assert.equal(answer.code, 'InvalidRequest');
    });

    it('keeps storage class and encryption, and does not read what is archived', async () => {
      await put('k', 'x', { StorageClass: 'GLACIER', ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'alias/k' });
      const head = await setup.client.send(new S3.HeadObjectCommand({ Bucket, Key: 'k' }));
      assert.deepEqual(
        [head.StorageClass, head.ServerSideEncryption, head.SSEKMSKeyId],
        ['GLACIER', 'aws:kms', 'alias/k'],
      );
      await refused(text('k'), 'InvalidObjectState');
      await refused(put('k', 'x', { StorageClass: 'COLD' as S3.StorageClass }), 'InvalidStorageClass');
      await refused(put('k', 'x', { SSEKMSKeyId: 'k' }), 'InvalidArgument');
    });

    it('verifies the checksum behind a framed body in any pieces, and keeps neither the body nor its framing otherwise', async () => {
      const framed = (value: string, body = 'abcdefgh') =>
        `5\r\n${body.slice(0, 5)}\r\n3\r\n${body.slice(5)}\r\n0\r\nx-amz-checksum-crc32:${value}\r\n\r\n`;
      const right = 'ru8qUA==';
      const at = { method: 'PUT', bucket: Bucket, key: 'framed', keys: OWNER } as const;
      const headers = {
        'content-encoding': 'gzip,aws-chunked',
        'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
        'x-amz-decoded-content-length': '8',
        'x-amz-trailer': 'x-amz-checksum-crc32',
      };
      const putFramed = (body: string) => send(setup.store.port, { ...at, headers, body });
      for (const [body, code] of [
        [framed('AAAAAA=='), 'BadDigest'],
        [framed(right, 'abcdefgi'), 'BadDigest'],
        [framed(right).replace('3\r\n', '4\r\n'), 'IncompleteBody'],
        [framed(right).replace('5\r\n', '4\r\n'), 'InvalidRequest'],
        [framed(right).replace('crc32:', 'sha1:'), 'MalformedTrailerError'],
        [framed(right).slice(0, 14), 'MalformedTrailerError'],
      ] as const) {
        const answer = await putFramed(body);
        assert.deepEqual([answer.status, answer.code], [400, code], body);
      }
      await refused(text('framed'), 'NoSuchKey');
      const answer = await putFramed(framed(right));
      assert.deepEqual([answer.status, answer.headers['x-amz-checksum-crc32']], [200, right]);
      const kept = await setup.client.send(new S3.GetObjectCommand({ Bucket, Key: 'framed' }));
      assert.deepEqual([await kept.Body!.transformToString(), kept.ContentEncoding], ['abcdefgh', 'gzip']);
    });

    it('tells its attributes, and the parts of an object with checksums page by page', async () => {
      await complete(await upload('k', ['one', 'two'], { ChecksumAlgorithm: 'SHA256' }));
      const attributes = new S3.GetObjectAttributesCommand({
        Bucket,
        Key: 'k',
        ObjectAttributes: ['ETag', 'ObjectParts', 'ObjectSize', 'Checksum'],
        MaxParts: 1,
      });
      const answer = await setup.client.send(attributes);
      assert.match(answer.ETag!, /^[0-9a-f]{32}-2$/);
      assert.equal(answer.ObjectSize, 6);
      assert.equal(answer.StorageClass, undefined);
      assert.equal(answer.Checksum?.ChecksumType, 'COMPOSITE');
      const { TotalPartsCount, IsTruncated, Parts } = answer.ObjectParts!;
      assert.deepEqual([TotalPartsCount, IsTruncated, Parts?.length, Parts?.[0]?.Size], [2, true, 1, 3]);
    });

    it('honours If-Range and refuses a part number together with a range', async () => {
      const { ETag } = await put('k', '0123456789');
      const at = { method: 'GET', bucket: Bucket, key: 'k', keys: OWNER };
      const ranged = (tag: string) =>
        send(setup.store.port, { ...at, headers: { range: 'bytes=0-1', 'if-range': tag } });
      assert.equal((await ranged(ETag!)).status, 206);
      assert.equal((await ranged('"other"')).status, 200);
      await refused(text('k', { PartNumber: 1, Range: 'bytes=0-1' }), 'InvalidRequest');
      await refused(text('k', { PartNumber: 2 }), 'InvalidPartNumber');
      const head = await setup.client.send(new S3.HeadObjectCommand({ Bucket, Key: 'k', Range: 'bytes=2-4' }));
      assert.deepEqual([head.ContentLength, head.ContentRange], [3, 'bytes 2-4/10']);
    });

    it('refuses tags that S3 refuses', async () => {
      const eleven = Array.from({ length: 11 }, (_, index) => `k${index}=v`).join('&');
      await refused(put('k', 'x', { Tagging: eleven }), 'BadRequest');
      for (const Tagging of ['a=1&a=2', 'aws:x=1', 'a=%7B', '=1'])
        await refused(put('k', 'x', { Tagging }), 'InvalidTag');
    });
  });

  describe('on documents', () => {
    const post = (body: string, headers: Record<string, string> = {}) =>
      send(setup.store.port, {
        method: 'POST',
        bucket: Bucket,
        query: { delete: '' },
        keys: OWNER,
        body,
        headers: { 'content-md5': createHash('md5').update(body).digest('base64'), ...headers },
      });

    it('refuses XML that is not a list of deletions, of whatever kind, and deletes nothing', async () => {
      await put('k', 'x');
      const object = '<Object><Key>k</Key></Object>';
      for (const body of [
        '',
        '<Delete>',
        '<Delete></Delete>',
        `<Delete>${object}</Delete><x/>`,
        `<Delete>${object}<Unknown/></Delete>`,
        `<Delete>${object.repeat(1001)}</Delete>`,
        `<!DOCTYPE d [<!ENTITY k "k">]><Delete>${object}</Delete>`,
        `<Delete><Object><Key>&k;</Key></Object></Delete>`,
        `<Delete><Object><Key>k</Key><Key>k</Key></Object></Delete>`,
        `<Delete>${'<a>'.repeat(100)}${'</a>'.repeat(100)}</Delete>`,
        `<Delete>${'<a/>'.repeat(100_000)}</Delete>`,
      ])
        assert.equal((await post(body)).code, 'MalformedXML', body.slice(0, 60));
      assert.equal(await text('k'), 'x');
    });

    it('refuses a list of deletions without a digest, or with another', async () => {
      const body = '<Delete><Object><Key>k</Key></Object></Delete>';
      const wrong = await post(body, { 'content-md5': createHash('md5').digest('base64') });
      assert.equal(wrong.code, 'BadDigest');
      const unquoted = { method: 'POST', bucket: Bucket, query: { delete: '' }, keys: OWNER, body };
      assert.equal((await send(setup.store.port, unquoted)).code, 'InvalidRequest');
    });
  });

  describe('for a session', () => {
    const allow = (Action: string | readonly string[], Resource: string) => ({ Effect: 'Allow', Action, Resource });
    const object = 'arn:aws:s3:::box/mine/*';

    it('deletes of a list what it may and reports the rest', async () => {
      const alice = await setup.session([allow('s3:DeleteObject', object)]);
      await put('mine/1', 'x');
      await put('theirs', 'x');
      const Objects = [{ Key: 'mine/1' }, { Key: 'theirs' }, { Key: 'mine/1', VersionId: 'null' }];
      const { Deleted, Errors } = await alice.send(new S3.DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
      assert.deepEqual(Deleted, [{ Key: 'mine/1' }]);
      assert.deepEqual(
        Errors?.map(({ Key, Code }) => [Key, Code]),
        [
          ['theirs', 'AccessDenied'],
          ['mine/1', 'AccessDenied'],
        ],
      );
      assert.equal(await text('theirs'), 'x');
    });

    it('copies only with the permission to read the source, and its version, and its tags', async () => {
      await put('mine/tagged', 'x', { Tagging: 'a=1' });
      await put('theirs', 'x');
      const alice = await setup.session([allow(['s3:GetObject', 's3:PutObject'], object)]);
      const copy = (source: string, more: Partial<S3.CopyObjectCommandInput> = {}) =>
        alice.send(new S3.CopyObjectCommand({ Bucket, Key: 'mine/copy', CopySource: `box/${source}`, ...more }));
      await refused(copy('theirs'), 'AccessDenied');
      await refused(copy('mine/tagged?versionId=null'), 'AccessDenied');
      await refused(copy('mine/tagged'), 'AccessDenied');
      await refused(copy('mine/tagged', { TaggingDirective: 'REPLACE', Tagging: 'b=2' }), 'AccessDenied');
      await copy('mine/tagged', { TaggingDirective: 'REPLACE' });
    });

    it('asks the action of S3 for each operation, and of versions that of versions', async () => {
      const key = { Bucket, Key: 'mine/k' };
      await put(key.Key, 'x');
      const { UploadId } = await setup.client.send(new S3.CreateMultipartUploadCommand(key));
      const named = { ...key, VersionId: 'null' };
      const Tagging = { TagSet: [] };
      const calls: readonly (readonly [string | readonly string[], (client: S3.S3Client) => Promise<unknown>])[] = [
        ['s3:GetObject', (c) => c.send(new S3.HeadObjectCommand(key))],
        ['s3:GetObjectVersion', (c) => c.send(new S3.GetObjectCommand(named))],
        ['s3:GetObjectTagging', (c) => c.send(new S3.GetObjectTaggingCommand(key))],
        ['s3:GetObjectVersionTagging', (c) => c.send(new S3.GetObjectTaggingCommand(named))],
        ['s3:PutObjectTagging', (c) => c.send(new S3.PutObjectTaggingCommand({ ...key, Tagging }))],
        ['s3:PutObjectVersionTagging', (c) => c.send(new S3.PutObjectTaggingCommand({ ...named, Tagging }))],
        ['s3:DeleteObjectTagging', (c) => c.send(new S3.DeleteObjectTaggingCommand(key))],
        ['s3:DeleteObjectVersionTagging', (c) => c.send(new S3.DeleteObjectTaggingCommand(named))],
        ['s3:GetObjectAcl', (c) => c.send(new S3.GetObjectAclCommand(key))],
        ['s3:GetObjectVersionAcl', (c) => c.send(new S3.GetObjectAclCommand(named))],
        [['s3:GetObject', 's3:GetObjectAttributes'], (c) => c.send(attributes(key))],
        [['s3:GetObjectVersion', 's3:GetObjectVersionAttributes'], (c) => c.send(attributes(named))],
        ['s3:PutObject', (c) => c.send(new S3.UploadPartCommand({ ...key, UploadId, PartNumber: 1, Body: 'x' }))],
        ['s3:ListMultipartUploadParts', (c) => c.send(new S3.ListPartsCommand({ ...key, UploadId }))],
        ['s3:AbortMultipartUpload', (c) => c.send(new S3.AbortMultipartUploadCommand({ ...key, UploadId }))],
        ['s3:DeleteObjectVersion', (c) => c.send(new S3.DeleteObjectCommand(named))],
        ['s3:DeleteObject', (c) => c.send(new S3.DeleteObjectCommand(key))],
        ['s3:ListBucketVersions', (c) => c.send(new S3.ListObjectVersionsCommand({ Bucket, Prefix: 'mine/' }))],
        ['s3:ListBucketMultipartUploads', (c) => c.send(new S3.ListMultipartUploadsCommand({ Bucket }))],
        ['s3:GetBucketVersioning', (c) => c.send(new S3.GetBucketVersioningCommand({ Bucket }))],
        ['s3:GetBucketLocation', (c) => c.send(new S3.GetBucketLocationCommand({ Bucket }))],
        ['s3:PutBucketTagging', (c) => c.send(new S3.PutBucketTaggingCommand({ Bucket, Tagging }))],
        ['s3:CreateBucket', (c) => c.send(new S3.CreateBucketCommand({ Bucket: 'made' }))],
        ['s3:DeleteBucket', (c) => c.send(new S3.DeleteBucketCommand({ Bucket: 'made' }))],
      ];
      for (const [actions, call] of calls) {
        const list = [actions].flat();
        for (const missing of list) {
          const others = { Effect: 'Deny', Action: missing, Resource: '*' };
          const denied = await setup.session([allow('s3:*', '*'), others]);
          await assert.rejects(call(denied), (error: S3.S3ServiceException) => {
            assert.equal(error.$metadata.httpStatusCode, 403, `${missing} is not asked`);
            return true;
          });
        }
        await call(await setup.session([{ Effect: 'Allow', Action: list, Resource: '*' }]));
      }
    });

    it('bounds a listing of versions by its prefix, and has no prefix for a listing of uploads', async () => {
      const Condition = { StringLike: { 's3:prefix': 'mine/*' } };
      const actions = ['s3:ListBucketVersions', 's3:ListBucketMultipartUploads'];
      const alice = await setup.session([{ ...allow(actions, 'arn:aws:s3:::box'), Condition }]);
      await alice.send(new S3.ListObjectVersionsCommand({ Bucket, Prefix: 'mine/' }));
      await refused(alice.send(new S3.ListObjectVersionsCommand({ Bucket })), 'AccessDenied');
      const uploads = new S3.ListMultipartUploadsCommand({ Bucket, Prefix: 'mine/' });
      await refused(alice.send(uploads), 'AccessDenied');
    });

    it('writes tags and another ACL only with the permissions for them', async () => {
      const alice = await setup.session([allow('s3:PutObject', object)]);
      const write = (more: Partial<S3.PutObjectCommandInput>) =>
        alice.send(new S3.PutObjectCommand({ Bucket, Key: 'mine/k', Body: 'x', ...more }));
      await write({ ACL: 'private' });
      await refused(write({ ACL: 'public-read' }), 'AccessDenied');
      await refused(write({ Tagging: 'a=1' }), 'AccessDenied');
    });
  });

  it('fails as told, whatever the operation, and is counted by its name', async () => {
    setup.store.faults.s3 = 'throttle';
    await refused(setup.client.send(new S3.CreateMultipartUploadCommand({ Bucket, Key: 'k' })), 'SlowDown');
    setup.store.faults.s3 = 'none';
    const before = setup.store.counters.s3Requests;
    await complete(await upload('k', ['x']));
    assert.equal(setup.store.counters.s3Requests, before + 3);
    const { CreateMultipartUpload, UploadPart, CompleteMultipartUpload } = setup.store.counters.byOperation;
    assert.deepEqual([CreateMultipartUpload, UploadPart, CompleteMultipartUpload], [1, 1, 1]);
  });
});

const attributes = (object: { Bucket: string; Key: string; VersionId?: string }) =>
  new S3.GetObjectAttributesCommand({ ...object, ObjectAttributes: ['ETag'] });
