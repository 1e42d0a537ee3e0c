import assert from 'node:assert/strict';
import { answerHeaders, answerStatus, renderAnswer } from '../../../../src/s3/response/answer.ts';
import {
  readDeleteObjects,
  readDeleteResult,
  writeDeleteObjects,
  writeDeleteResult,
} from '../../../../src/s3/documents/delete-objects.ts';
import { readCopyResult, writeCopyResult } from '../../../../src/s3/documents/copy-result.ts';
import { taggingHeader } from '../../../../src/s3/documents/tagging.ts';
import { renderUploads } from '../../../../src/s3/documents/list-uploads.ts';
import { readShownPage } from '../../../../src/s3/documents/listing-document.ts';
import { parseListing, type ListingQuery } from '../../../../src/s3/documents/listing.ts';
import type { OperationName } from '../../../../src/s3/operations/operations.ts';
import { storeDocument } from '../../../../src/s3/documents/store-document.ts';
import { parse, readListing, refused, renderListing } from '../fixture.ts';

const CONTEXT = { region: 'eu-1', keepsChecksums: false };
const VIEW = { etag: (stored: string) => stored.replace(/"$/, '-1"'), size: (stored: number) => stored - 100 };

const toStore = (operation: OperationName, document: string): string =>
  String(storeDocument({ operation }, Buffer.from(document), CONTEXT))
    .replace(/^<\?xml[^>]*>\n/, '')
    .replace(/ xmlns="[^"]*"/g, '');

const toClient = (operation: OperationName, document: string): string =>
  String(
    renderAnswer(
      {
        operation,
        bucket: 'reports',
        bucketUrl: 'https://s3.example.com/reports',
        key: 'a<b',
        query: new Map([['uploadId', 'u']]),
      },
      Buffer.from(document),
      VIEW,
    ),
  )
    .replace(/^<\?xml[^>]*>\n/, '')
    .replace(/ xmlns="[^"]*"/g, '');

const list = (document: string) => readDeleteObjects(Buffer.from(document));

function renderUploadsOf(text: string, query: ListingQuery): { readonly document: string; readonly leftOut: number } {
  const page = readShownPage(Buffer.from(text), 'ListMultipartUploadsResult', query);
  return { document: renderUploads(page, query, 'reports'), leftOut: page.leftOut };
}

describe('s3/store-document', () => {
  it('writes a list of parts anew, without the checksums', () => {
    const part = '<Part><ChecksumCRC32>AAAAAA==</ChecksumCRC32><ETag>e</ETag><PartNumber>1</PartNumber></Part>';
    assert.equal(
      toStore('CompleteMultipartUpload', `<CompleteMultipartUpload>${part}</CompleteMultipartUpload>`),
      '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>&quot;e&quot;</ETag></Part></CompleteMultipartUpload>',
    );
  });

  it('refuses lists of parts that are empty, out of order, beyond 10,000, or not understood', () => {
    const complete = (inner: string) => () =>
      toStore('CompleteMultipartUpload', `<CompleteMultipartUpload>${inner}</CompleteMultipartUpload>`);
    const part = (number: string, more = '') => `<Part><PartNumber>${number}</PartNumber><ETag>e</ETag>${more}</Part>`;
    refused('MalformedXML', complete(''));
    refused('InvalidPartOrder', complete(part('2') + part('1')));
    refused('InvalidPartOrder', complete(part('1') + part('1')));
    refused('MalformedXML', complete(part('0')));
    refused('MalformedXML', complete(part('10001')));
    refused('MalformedXML', complete(part('1', '<ETag>f</ETag>')));
    refused('MalformedXML', complete(part('1', '<New>f</New>')));
    refused('MalformedXML', complete(`${part('1')}text`));
    refused('MalformedXML', complete(part('1', '<ChecksumSHA256>AAAAAA==</ChecksumSHA256>')));
    refused('MalformedXML', complete(part('1', '<ChecksumCRC32>AAAAA!==</ChecksumCRC32>')));
    refused('InvalidPart', complete('<Part><PartNumber>1</PartNumber><ETag>a b</ETag></Part>'));
  });

  it('writes tags anew and holds them to the limits of objects and of buckets', () => {
    const tags = (count: number, key = (index: number) => `k${index}`) =>
      `<Tagging xmlns="x"><TagSet>${Array.from({ length: count }, (_, index) => `<Tag><Value>v</Value><Key>${key(index)}</Key></Tag>`).join('')}</TagSet></Tagging>`;
    assert.equal(
      toStore('PutObjectTagging', tags(1)),
      '<Tagging><TagSet><Tag><Key>k0</Key><Value>v</Value></Tag></TagSet></Tagging>',
    );
    assert.ok(toStore('PutObjectTagging', tags(10)));
    refused('InvalidTag', () => toStore('PutObjectTagging', tags(11)));
    assert.ok(toStore('PutBucketTagging', tags(50)));
    refused('InvalidTag', () => toStore('PutBucketTagging', tags(51)));
    refused('InvalidTag', () =>
      toStore(
        'PutObjectTagging',
        tags(2, () => 'same'),
      ),
    );
    refused('InvalidTag', () =>
      toStore(
        'PutObjectTagging',
        tags(1, () => 'aws:x'),
      ),
    );
    refused('InvalidTag', () =>
      toStore(
        'PutObjectTagging',
        tags(1, () => '&lt;'),
      ),
    );
    refused('InvalidTag', () =>
      toStore(
        'PutObjectTagging',
        tags(1, () => ''),
      ),
    );
  });

  it('writes retention and legal hold anew, the date as one moment', () => {
    const retention =
      '<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>2030-01-01T02:00:00+02:00</RetainUntilDate></Retention>';
    assert.match(toStore('PutObjectRetention', retention), /<RetainUntilDate>2030-01-01T00:00:00.000Z</);
    assert.equal(toStore('PutObjectRetention', '<Retention/>'), '<Retention></Retention>');
    refused('MalformedXML', () => toStore('PutObjectRetention', '<Retention><Mode>GOVERNANCE</Mode></Retention>'));
    refused('MalformedXML', () => toStore('PutObjectRetention', retention.replace('2030', 'later')));
    refused('MalformedXML', () => toStore('PutObjectRetention', retention.replace('GOVERNANCE', 'NONE')));
    assert.equal(
      toStore('PutObjectLegalHold', '<LegalHold><Status>ON</Status></LegalHold>'),
      '<LegalHold><Status>ON</Status></LegalHold>',
    );
    refused('MalformedXML', () => toStore('PutObjectLegalHold', '<LegalHold><Status>MAYBE</Status></LegalHold>'));
  });

  it('makes buckets in the region of the store, whatever the client leaves out', () => {
    const named =
      '<CreateBucketConfiguration><LocationConstraint>eu-1</LocationConstraint></CreateBucketConfiguration>';
    assert.equal(toStore('CreateBucket', ''), named);
    assert.equal(toStore('CreateBucket', named), named);
    refused('InvalidArgument', () => toStore('CreateBucket', named.replace('eu-1', 'us-2')));
    assert.equal(
      storeDocument({ operation: 'CreateBucket' }, Buffer.alloc(0), {
        ...CONTEXT,
        region: 'us-east-1',
        keepsChecksums: false,
      }),
      undefined,
    );
  });

  it('switches versioning, and no MFA', () => {
    const status = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>';
    assert.equal(toStore('PutBucketVersioning', status), status);
    refused('NotImplemented', () =>
      toStore('PutBucketVersioning', status.replace('</V', '<MfaDelete>Enabled</MfaDelete></V')),
    );
    refused('MalformedXML', () => toStore('PutBucketVersioning', '<VersioningConfiguration/>'));
  });

  it('refuses documents that expand, nest or go on without an end', () => {
    for (const document of [
      '<!DOCTYPE Tagging [<!ENTITY a "b">]><Tagging><TagSet/></Tagging>',
      `<Tagging>${'<TagSet>'.repeat(100)}${'</TagSet>'.repeat(100)}</Tagging>`,
      `<Tagging><TagSet>${'<a/>'.repeat(1_000_000)}</TagSet></Tagging>`,
      '<Tagging><TagSet><![CDATA[x]]></TagSet></Tagging>',
      '<Tagging><TagSet></Tagging>',
      '<Delete/>',
      '',
    ]) {
      refused('MalformedXML', () => toStore('PutObjectTagging', document));
      refused('MalformedXML', () => list(document));
    }
    refused('MalformedXML', () => list(`<Delete>${'<a/>'.repeat(500_000)}</Delete>`));
  });
});

describe('s3/delete-objects', () => {
  it('reads keys byte for byte, versions and the wish for quiet', () => {
    const { items, quiet } = list(
      '<Delete xmlns="x"><Object><Key>a&#x1;&amp; /../&#13;</Key></Object><Object><Key>b</Key><VersionId>null</VersionId></Object><Quiet>true</Quiet></Delete>',
    );
    assert.equal(quiet, true);
    assert.deepEqual(items, [
      { key: 'a\u0001& /../\r', versionId: undefined },
      { key: 'b', versionId: 'null' },
    ]);
    assert.deepEqual(readDeleteObjects(writeDeleteObjects(items)), { items, quiet: false });
  });

  it('takes 1 to 1,000 keys', () => {
    const keys = (count: number) => `<Delete>${'<Object><Key>k</Key></Object>'.repeat(count)}</Delete>`;
    assert.equal(list(keys(1000)).items.length, 1000);
    refused('MalformedXML', () => list(keys(1001)));
    refused('MalformedXML', () => list(keys(0)));
  });

  for (const [code, object] of [
    ['MalformedXML', '<Key></Key>'],
    ['MalformedXML', '<Key>a</Key><Key>b</Key>'],
    ['MalformedXML', '<Key>a<b/></Key>'],
    ['MalformedXML', '<VersionId>v</VersionId>'],
    ['MalformedXML', '<Key>a</Key><New/>'],
    ['InvalidArgument', '<Key>a</Key><VersionId></VersionId>'],
    ['InvalidArgument', '<Key>a</Key><ETag>"</ETag>'],
    ['NotImplemented', '<Key>a</Key><LastModifiedTime>x</LastModifiedTime>'],
    ['NotImplemented', '<Key>a</Key><Size>1</Size>'],
    ['KeyTooLong', `<Key>${'ü'.repeat(513)}</Key>`],
  ] as const) {
    it(`refuses ${object.slice(0, 40)}`, () => {
      refused(code, () => list(`<Delete><Object>${object}</Object></Delete>`));
    });
  }

  it('has one outcome for each key, and calls what the store did not tell an error', () => {
    const items = ['a', 'b', 'c', 'd'].map((key) => ({ key, versionId: undefined }));
    const outcomes = readDeleteResult(
      Buffer.from(
        '<DeleteResult><Deleted><Key>a</Key><DeleteMarker>true</DeleteMarker><DeleteMarkerVersionId>m</DeleteMarkerVersionId></Deleted>' +
          '<Error><Key>b</Key><Code>AccessDenied</Code><Message>role arn:aws:iam::1:role/x</Message></Error>' +
          '<Deleted><Key>d</Key><VersionId>another</VersionId></Deleted></DeleteResult>',
      ),
      items,
    );
    assert.deepEqual(outcomes, [
      { deleted: true, deleteMarker: true, deleteMarkerVersionId: 'm' },
      { deleted: false, code: 'AccessDeniedByStore' },
      { deleted: false, code: 'InternalError' },
      { deleted: false, code: 'InternalError' },
    ]);
    const shown = writeDeleteResult({ items, quiet: false }, outcomes);
    assert.match(shown, /<Deleted><Key>a<\/Key><DeleteMarker>true<\/DeleteMarker>/);
    assert.doesNotMatch(shown, /arn:aws/);
    const quiet = writeDeleteResult({ items, quiet: true }, outcomes);
    assert.doesNotMatch(quiet, /<Deleted>/);
    assert.equal(quiet.match(/<Error>/g)?.length, 3);
  });

  it('counts a failure where the store tells of a deletion too', () => {
    const both =
      '<DeleteResult><Error><Key>a</Key><Code>AccessDenied</Code></Error><Deleted><Key>a</Key></Deleted></DeleteResult>';
    const [outcome] = readDeleteResult(Buffer.from(both), [{ key: 'a', versionId: undefined }]);
    assert.equal(outcome?.deleted, false);
  });

  for (const [hidden, cover] of [
    [
      { key: 'p/q', versionId: undefined },
      { key: 'q', versionId: '/p' },
    ],
    [
      { key: 'b/c', versionId: 'a' },
      { key: 'c', versionId: 'a/b' },
    ],
  ] as const) {
    it(`never lets ${cover.key} of version ${cover.versionId} hide that ${hidden.key} was deleted`, () => {
      const reported = (name: string, { key, versionId }: typeof hidden | typeof cover, cause = ''): string =>
        `<${name}><Key>${key}</Key><VersionId>${versionId ?? ''}</VersionId>${cause}</${name}>`;
      const failed = reported('Error', cover, '<Code>NoSuchVersion</Code>');
      const document = `<DeleteResult>${reported('Deleted', hidden)}${failed}</DeleteResult>`;
      const outcomes = readDeleteResult(Buffer.from(document), [hidden, cover]);
      assert.deepEqual(
        outcomes.map(({ deleted }) => deleted),
        [true, false],
      );
    });
  }
});

describe('s3/answer', () => {
  it("answers in the client's names and view", () => {
    assert.equal(
      toClient(
        'CreateMultipartUpload',
        '<InitiateMultipartUploadResult><Bucket>store</Bucket><Key>x</Key><UploadId>u/1</UploadId></InitiateMultipartUploadResult>',
      ),
      '<InitiateMultipartUploadResult><Bucket>reports</Bucket><Key>a&lt;b</Key><UploadId>u/1</UploadId></InitiateMultipartUploadResult>',
    );
    assert.equal(
      toClient(
        'CompleteMultipartUpload',
        '  <CompleteMultipartUploadResult><Location>http://store/x</Location><ETag>"e"</ETag></CompleteMultipartUploadResult>',
      ),
      '<CompleteMultipartUploadResult><Location>https://s3.example.com/reports/a%3Cb</Location><Bucket>reports</Bucket><Key>a&lt;b</Key><ETag>&quot;e-1&quot;</ETag></CompleteMultipartUploadResult>',
    );
    const parts = toClient(
      'ListParts',
      '<ListPartsResult><Bucket>store</Bucket><Owner><ID>account</ID></Owner><IsTruncated>false</IsTruncated><Part><PartNumber>3</PartNumber><LastModified>d</LastModified><ETag>"e"</ETag><Size>101</Size></Part></ListPartsResult>',
    );
    assert.match(parts, /<Size>101<\/Size>/);
    assert.match(parts, /<NextPartNumberMarker>3</);
    assert.doesNotMatch(parts, /store|account/);
  });

  it('makes an error of an error that comes with status 200', () => {
    const error = '\n\n <?xml version="1.0"?>\n<Error><Code>InvalidPart</Code><Message>m</Message></Error>';
    refused('InvalidPart', () => toClient('CompleteMultipartUpload', error));
    const copied = (document: string) => readCopyResult(Buffer.from(document), 'CopyObjectResult');
    refused('SlowDown', () => copied(error.replace('InvalidPart', 'SlowDown')));
    refused('ServiceUnavailable', () => copied(error.replace('InvalidPart', 'Unheard')));
    refused('InternalError', () => copied('<CopyObjectResult></CopyObjectResult>'));
    refused('InternalError', () => copied('<CopyPartResult><ETag>e</ETag></CopyPartResult>'));
    refused('InternalError', () => copied(''));
  });

  it('tells of a copy its ETag and its date, and nothing else of the store', () => {
    const stored =
      '<CopyPartResult><LastModified>d</LastModified><ETag>"e"</ETag><RequestId>store-1</RequestId></CopyPartResult>';
    const result = readCopyResult(Buffer.from(stored), 'CopyPartResult');
    assert.deepEqual(result, { etag: '"e"', lastModified: 'd' });
    // Some stores leave the quotes out.
    assert.deepEqual(readCopyResult(Buffer.from(stored.replaceAll('"', '')), 'CopyPartResult'), result);
    assert.match(
      writeCopyResult('CopyPartResult', result),
      /<CopyPartResult[^>]*><LastModified>d<\/LastModified><ETag>&quot;e&quot;<\/ETag><\/CopyPartResult>$/,
    );
  });

  it('writes the tags of a document as a header, every character that separates escaped', () => {
    const tags =
      '<Tagging><TagSet><Tag><Key>a&amp;b</Key><Value>c=d e</Value></Tag><Tag><Key>f</Key><Value/></Tag></TagSet></Tagging>';
    assert.equal(taggingHeader(Buffer.from(tags)), 'a%26b=c%3Dd%20e&f=');
    assert.equal(taggingHeader(Buffer.from('<Tagging><TagSet/></Tagging>')), '');
  });

  it("shows who may do what without the store's account ids", () => {
    const acl = toClient(
      'GetObjectAcl',
      '<AccessControlPolicy><Owner><ID>acct-1</ID></Owner><AccessControlList><Grant><Grantee xsi:type="CanonicalUser"><ID>acct-1</ID></Grantee><Permission>FULL_CONTROL</Permission></Grant>' +
        '<Grant><Grantee xsi:type="Group"><URI>http://acs.amazonaws.com/groups/global/AllUsers</URI></Grantee><Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>',
    );
    assert.doesNotMatch(acl, /acct-1/);
    assert.match(acl, /AllUsers<\/URI><\/Grantee><Permission>READ</);
  });

  it('shows attributes in the view of the client, and checksums only of plain objects', () => {
    const attributes =
      '<GetObjectAttributesResponse><ETag>e</ETag><Checksum><ChecksumCRC32>AAAAAA==</ChecksumCRC32></Checksum><ObjectSize>101</ObjectSize></GetObjectAttributesResponse>';
    assert.equal(
      toClient('GetObjectAttributes', attributes),
      '<GetObjectAttributesResponse><ETag>e</ETag><ObjectSize>1</ObjectSize></GetObjectAttributesResponse>',
    );
    // Ceph 20, of an object without what was requested.
    assert.equal(
      toClient('GetObjectAttributes', '<GetObjectAttributes></GetObjectAttributes>'),
      '<GetObjectAttributesResponse></GetObjectAttributesResponse>',
    );
    const request = {
      operation: 'GetObjectAttributes',
      bucket: 'reports',
      bucketUrl: 'https://s3.example.com/reports',
      key: 'k',
      query: new Map(),
    } as const;
    assert.match(String(renderAnswer(request, Buffer.from(attributes), { ...VIEW, checksums: true })), /AAAAAA==/);
  });

  it('answers tags, versioning and locks', () => {
    assert.match(
      toClient('GetObjectTagging', '<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>'),
      /<Key>a</,
    );
    assert.equal(
      toClient('GetBucketVersioning', '<VersioningConfiguration/>'),
      '<VersioningConfiguration></VersioningConfiguration>',
    );
    assert.match(toClient('GetObjectLegalHold', '<LegalHold><Status>ON</Status></LegalHold>'), /ON/);
    assert.equal(
      renderAnswer(
        { operation: 'PutObjectTagging', bucket: 'b', bucketUrl: '/b', key: 'k', query: new Map() },
        Buffer.alloc(0),
        VIEW,
      ),
      undefined,
    );
  });

  it('shows of the headers of a write those that are named, the ETag in the view', () => {
    const stored = new Map([
      ['etag', '"e"'],
      ['x-amz-version-id', 'v'],
      ['x-amz-id-2', 'h'],
      ['server', 's'],
    ]);
    const shown = (operation: OperationName, encrypted: boolean) =>
      answerHeaders({ operation, bucket: 'reports', headers: new Map() }, stored, encrypted);
    assert.deepEqual(shown('PutObject', true), {
      'x-amz-version-id': 'v',
      etag: '"e-1"',
      'x-amz-server-side-encryption': 'aws:kms',
    });
    assert.deepEqual(shown('CopyObject', false), { 'x-amz-version-id': 'v' });
    assert.equal(shown('CreateBucket', false)['location'], '/reports');
    assert.equal(answerStatus('AbortMultipartUpload'), 204);
    assert.equal(answerStatus('DeleteObjects'), 200);
  });
});

describe('documents of a store under another name', () => {
  const named = (operation: OperationName, document: string) => () =>
    renderAnswer({ operation, bucket: 'b', bucketUrl: '/b', key: 'k', query: new Map() }, Buffer.from(document), VIEW);

  it('are read by their children, as SDKs do', () => {
    const part =
      '<IsTruncated>false</IsTruncated><Part><PartNumber>3</PartNumber><LastModified>d</LastModified><ETag>"e"</ETag><Size>101</Size></Part>';
    assert.match(named('ListParts', `<ListPartsResponse>${part}</ListPartsResponse>`)() ?? '', /<PartNumber>3</);
    const status = '<Status>Enabled</Status>';
    assert.match(named('GetBucketVersioning', `<Versioning>${status}</Versioning>`)() ?? '', /Enabled/);
    assert.match(named('GetObjectTagging', '<TaggingOutput><TagSet/></TaggingOutput>')() ?? '', /<TagSet>/);
  });

  for (const [operation, document] of [
    ['ListParts', '<ListPartsResponse/>'],
    ['ListParts', '<html><body>down</body></html>'],
    ['GetBucketVersioning', '<html><body>down</body></html>'],
    ['GetObjectAttributes', '<html><body>down</body></html>'],
    ['GetObjectTagging', '<html><body>down</body></html>'],
    ['CopyObject', 'not XML'],
  ] as const) {
    it(`are no answer to ${operation} where nothing in them tells what they are: ${document}`, () => {
      if (operation === 'CopyObject') assert.throws(() => readCopyResult(Buffer.from(document), 'CopyObjectResult'));
      else refused('InternalError', named(operation, document));
    });
  }

  it('may say nothing of a bucket that never had versions', () => {
    for (const document of ['<GetBucketVersioningResponse/>', '<Versioning>\n</Versioning>']) {
      assert.doesNotMatch(named('GetBucketVersioning', document)() ?? '', /Status/);
    }
    refused('InternalError', named('GetBucketVersioning', '<Versioning>down</Versioning>'));
  });

  it('are no page without versions, uploads or parts where the store lists the bucket instead', () => {
    const bucket =
      '<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>k</Key></Contents></ListBucketResult>';
    refused('NotImplemented', named('ListParts', bucket));
    refused('NotImplemented', named('GetBucketAcl', bucket));
    refused('NotImplemented', named('GetBucketVersioning', bucket));
    const queryOf = (search: string) => parseListing(parse('GET', `/reports?${search}`));
    refused('NotImplemented', () => readListing(Buffer.from(bucket), queryOf('versions')));
    refused('NotImplemented', () => renderUploadsOf(bucket, queryOf('uploads')));
  });

  it('are a page of versions where those stand in it, or nothing does', () => {
    const listed = (inner: string) =>
      readListing(
        Buffer.from(`<ListBucketResult><IsTruncated>false</IsTruncated>${inner}</ListBucketResult>`),
        parseListing(parse('GET', '/reports?versions')),
      ).entries.map(({ key }) => key);
    const facts = '<VersionId>v</VersionId><IsLatest>true</IsLatest><LastModified>d</LastModified><ETag>"e"</ETag>';
    assert.deepEqual(listed(`<Version><Key>k</Key>${facts}<Size>1</Size></Version>`), ['k']);
    assert.deepEqual(listed(''), []);
  });

  it('are an error where they are one, whatever was asked', () => {
    refused('NoSuchUpload', named('ListParts', '<Error><Code>NoSuchUpload</Code></Error>'));
  });
});

describe('s3/listing of versions and uploads', () => {
  const view = { bucket: 'reports', ...VIEW };
  const versions = (document: string, search = '') =>
    renderListing(Buffer.from(document), parseListing(parse('GET', `/reports?versions&${search}`)), view);
  const entry = (name: string, key: string, id: string) =>
    `<${name}><Key>${key}</Key><VersionId>${id}</VersionId><IsLatest>true</IsLatest><LastModified>d</LastModified><ETag>"e"</ETag><Size>101</Size><Owner><ID>acct</ID></Owner></${name}>`;
  const page = (inner: string) =>
    `<ListVersionsResult><Name>store</Name><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>${inner}</ListVersionsResult>`;

  it('shows versions and delete markers in order, in the view of the client', () => {
    const shown = versions(page(entry('Version', 'a%2F1', 'v2') + entry('DeleteMarker', 'a%2F1', 'v1')), 'prefix=a');
    assert.match(shown, /<Version><Key>a\/1<.*<Size>1<.*<DeleteMarker><Key>a\/1</);
    assert.match(shown, /<NextKeyMarker>a\/1<\/NextKeyMarker><NextVersionIdMarker>v1</);
    assert.doesNotMatch(shown, /acct|store/);
  });

  it('shows no version and no upload outside of the prefix, and counts what it leaves out', () => {
    for (const name of ['Version', 'DeleteMarker']) {
      const [within, beyond] = [entry(name, 'a1', 'v1'), entry(name, 'secret', 'v2')];
      const shown = versions(page(within + beyond), 'prefix=a');
      assert.match(shown, /<NextKeyMarker>a1<.*<Key>a1</);
      assert.doesNotMatch(shown, /secret/);
      const query = parseListing(parse('GET', '/reports?versions&prefix=a'));
      assert.equal(readListing(Buffer.from(page(within + beyond)), query).leftOut, 1);
      // It goes on, and nothing that may be shown says where.
      refused('InternalError', () => versions(page(beyond), 'prefix=a'));
    }
    const uploads = (key: string) =>
      renderUploadsOf(
        `<ListMultipartUploadsResult><IsTruncated>false</IsTruncated><Upload><Key>${key}</Key><UploadId>u</UploadId><Initiated>d</Initiated><Initiator><ID>acct</ID></Initiator></Upload></ListMultipartUploadsResult>`,
        parseListing(parse('GET', '/reports?uploads&prefix=a')),
      );
    assert.equal(uploads('b').leftOut, 1);
    assert.doesNotMatch(uploads('b').document, /<Upload>/);
    const { document, leftOut } = uploads('ab');
    assert.equal(leftOut, 0);
    assert.match(document, /<UploadId>u</);
    assert.match(document, /<Initiator><ID>owner<.*<\/Initiator><Owner><ID>owner</);
    assert.doesNotMatch(document, /acct/);
  });

  it('shows policy the marker, and takes no id marker without its key', () => {
    assert.deepEqual(parseListing(parse('GET', '/reports?versions&key-marker=b&version-id-marker=v')).after, ['b']);
    refused('InvalidArgument', () => parseListing(parse('GET', '/reports?versions&version-id-marker=v')));
    refused('InvalidArgument', () => parseListing(parse('GET', '/reports?uploads&upload-id-marker=v')));
  });
});
