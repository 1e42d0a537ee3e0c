import assert from 'node:assert/strict';
import { writePostResponse } from '../../../../src/s3/documents/post-response.ts';
import { putObjectOf } from '../../../../src/s3/request/post-object.ts';
import { successOf } from '../../../../src/s3/response/post-success.ts';
import type { S3Request } from '../../../../src/s3/request/request.ts';
import { parse, refused } from '../fixture.ts';

/** The PutObject of a form with these fields and a file of three bytes. */
function putOf(fields: Readonly<Record<string, string>>, fileName = 'a.txt'): S3Request {
  const request = parse('POST', '/reports', 'Content-Type', 'multipart/form-data; boundary=x', 'Content-Length', '300');
  async function* content(): AsyncGenerator<Buffer> {
    yield await Promise.resolve(Buffer.from('abc'));
  }
  const file = { name: fileName, sizeBytes: 3, content: content() };
  return putObjectOf(request, { fields: new Map(Object.entries(fields)), file });
}

describe('s3/post-object', () => {
  it('makes of a form the PutObject that it asks for: its key, its headers, and no more', () => {
    const put = putOf({
      key: 'up/a',
      acl: 'private',
      'content-type': 'text/plain',
      'x-amz-meta-owner': 'fïnance',
      tagging: '<Tagging><TagSet><Tag><Key>a b</Key><Value>c</Value></Tag></TagSet></Tagging>',
      'x-amz-date': '20261105T060708Z',
      submit: 'Send it',
    });
    assert.equal(put.operation, 'PutObject');
    assert.equal(put.method, 'PUT');
    assert.equal(put.key, 'up/a');
    assert.equal(put.payload.sizeBytes, 3);
    assert.deepEqual(Object.fromEntries(put.headers), {
      'x-amz-acl': 'private',
      'content-type': 'text/plain',
      'x-amz-meta-owner': '=?UTF-8?B?ZsOvbmFuY2U=?=',
      'x-amz-tagging': 'a%20b=c',
    });
    // The policy is held against all of them.
    assert.equal(put.form?.get('submit'), 'Send it');
  });

  it('puts the name of the file in, without the folders that a browser names', () => {
    for (const name of ['q3.csv', '/home/alice/q3.csv', 'C:\\Reports\\q3.csv', '../q3.csv']) {
      assert.equal(putOf({ key: 'up/${filename}' }, name).key, 'up/q3.csv');
    }
    assert.equal(putOf({ key: '${filename}-${filename}' }, '${filename}').key, '${filename}-${filename}');
  });

  it('refuses keys that are none', () => {
    refused('InvalidArgument', () => putOf({}));
    refused('InvalidArgument', () => putOf({ key: '' }));
    refused('InvalidArgument', () => putOf({ key: '${filename}' }, ''));
    refused('InvalidURI', () => putOf({ key: 'a\0b' }));
    refused('KeyTooLong', () => putOf({ key: 'a/${filename}' }, 'x'.repeat(1023)));
  });

  it('refuses a dry run that is asked for by a field, which would be performed', () => {
    for (const name of ['x-sallyport-dry-run', 'x_sallyport_dryrun']) {
      refused('InvalidArgument', () => putOf({ key: 'k', [name]: 'true' }));
    }
  });

  it('refuses what would be another signature, a condition, or the framing of a body', () => {
    refused('UnsupportedSignature', () => putOf({ key: 'k', awsaccesskeyid: 'AKIA', signature: 's' }));
    for (const name of ['if-none-match', 'x-amz-trailer', 'x-amz-decoded-content-length', 'x-amz-content-sha256'])
      refused('NotImplemented', () => putOf({ key: 'k', [name]: '*' }));
  });

  it('refuses a value that would be a further header, and a header that two fields give', () => {
    for (const value of ['text/plain\r\nx-amz-acl: public-read', 'a\nb', 'a\0b', 'a\x7fb'])
      refused('InvalidArgument', () => putOf({ key: 'k', 'content-type': value }));
    refused('InvalidArgument', () => putOf({ key: 'k', acl: 'private', 'x-amz-acl': 'public-read' }));
  });

  it('holds the headers of a form to what holds of those of a PutObject', () => {
    refused('NotImplemented', () => putOf({ key: 'k', 'x-amz-unheard-of': '1' }));
    refused('InvalidDigest', () => putOf({ key: 'k', 'content-md5': 'none' }));
    refused('InvalidArgument', () => putOf({ key: 'k', 'x-amz-object-lock-mode': 'GOVERNANCE' }));
    refused('MalformedXML', () => putOf({ key: 'k', tagging: '<Tagging/' }));
  });
});

describe('s3/post-success', () => {
  const success = (fields: Readonly<Record<string, string>>) => successOf(putOf({ key: 'up/a b', ...fields }), '"e"');

  it('is the status that was requested, of those that S3 has', () => {
    for (const [requested, status] of Object.entries({ '200': 200, '201': 201, '204': 204, '500': 204, '': 204 })) {
      assert.equal(success({ success_action_status: requested }).status, status);
    }
    assert.match(success({}).location, /\/up\/a%20b$/);
  });

  it('leads to the page of the web that the form names, with what was written where', () => {
    for (const name of ['success_action_redirect', 'redirect']) {
      const { status, location } = success({ [name]: 'https://page.example/done?x=1', success_action_status: '200' });
      assert.equal(status, 303);
      const page = new URL(location);
      assert.equal(page.origin, 'https://page.example');
      assert.deepEqual(Object.fromEntries(page.searchParams), {
        x: '1',
        bucket: 'reports',
        key: 'up/a b',
        etag: '"e"',
      });
    }
  });

  it('leads to nothing that a browser would run, nor to a page with credentials, nor to no page', () => {
    for (const page of [
      'javascript:alert(1)',
      'data:text/html,x',
      'https://u:p@page.example/',
      'https://u@page.example/',
      'done',
      `https://p.example/${'x'.repeat(2048)}`,
    ])
      assert.equal(success({ success_action_redirect: page }).status, 204, page);
  });

  it('says in a document where the object is', () => {
    const document = writePostResponse(putOf({ key: 'up/<a>' }), '"e"');
    assert.match(document, /<PostResponse><Location>[^<]*\/up\/%3Ca%3E<\/Location><Bucket>reports<\/Bucket>/);
    assert.match(document, /<Key>up\/&lt;a&gt;<\/Key><ETag>&quot;e&quot;<\/ETag><\/PostResponse>$/);
  });
});
