import assert from 'node:assert/strict';
import { parseListing, storeListingQuery, type ListingQuery } from '../../../../src/s3/documents/listing.ts';
import { wrapToken } from '../../../../src/s3/request/listing-query.ts';
import { childrenOf, readXml, textOf, type XmlElement } from '../../../../src/s3/documents/xml-reader.ts';
import { parse, readListing, refused, renderListing } from '../fixture.ts';

const query = (search: string): ListingQuery => parseListing(parse('GET', `/reports?${search}`));

const VIEW = {
  bucket: 'reports',
  size: (stored: number): number => stored - 188,
  etag: (stored: string): string => stored.replace(/"$/, '-1"'),
};

const contents = (key: string): string =>
  `<Contents><Key>${key}</Key><LastModified>2026-11-21T00:00:00.000Z</LastModified><ETag>&quot;e&quot;</ETag>` +
  `<Size>193</Size><Owner><ID>store-account</ID></Owner></Contents>`;

const document = (inner: string, encoding = '<EncodingType>url</EncodingType>'): Buffer =>
  Buffer.from(
    `<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>store-bucket</Name>` +
      `${encoding}<IsTruncated>false</IsTruncated>${inner}</ListBucketResult>`,
  );

function render(inner: Buffer, search: string): XmlElement {
  const root = readXml(Buffer.from(renderListing(inner, query(search), VIEW)), 1_000_000);
  assert.ok(root);
  return root;
}

const keysOf = (root: XmlElement): (string | undefined)[] =>
  childrenOf(root, 'Contents').map((entry) => textOf(entry, 'Key'));

describe('s3/listing query', () => {
  it('asks the store for URL-encoded keys whatever the client asked', () => {
    assert.deepEqual(storeListingQuery(query('prefix=a/&delimiter=/&marker=a/b&max-keys=5')), [
      ['encoding-type', 'url'],
      ['max-keys', '5'],
      ['prefix', 'a/'],
      ['delimiter', '/'],
      ['marker', 'a/b'],
    ]);
  });

  it('puts the store its own token, and neither the owner nor empty parameters', () => {
    const token = wrapToken('store/token+=', 'a/');
    const search = `list-type=2&prefix=a/&start-after=&fetch-owner=true&continuation-token=${token}`;
    assert.deepEqual(storeListingQuery(query(search)), [
      ['encoding-type', 'url'],
      ['max-keys', '1000'],
      ['prefix', 'a/'],
      ['list-type', '2'],
      ['continuation-token', 'store/token+='],
    ]);
  });

  it('shows policy where the listing begins', () => {
    assert.deepEqual(query('prefix=a/&marker=b').after, ['b']);
    assert.deepEqual(query('list-type=2&start-after=c').after, ['c']);
    assert.deepEqual(query('list-type=2').after, []);
  });

  it('bounds max-keys', () => {
    assert.equal(query('max-keys=0').maxKeys, 0);
    assert.equal(query('max-keys=2147483647').maxKeys, 1000);
    assert.equal(query('').maxKeys, 1000);
    for (const value of ['-1', '1.5', 'x', '2147483648', '99999999999', '1e2']) {
      refused('InvalidArgument', () => query(`max-keys=${value}`));
    }
  });

  it('refuses values that it does not know', () => {
    refused('InvalidArgument', () => query('encoding-type=base64'));
    refused('InvalidArgument', () => query('list-type=2&fetch-owner=maybe'));
    refused('KeyTooLong', () => query(`prefix=${'a'.repeat(1025)}`));
    refused('KeyTooLong', () => query(`marker=${'a'.repeat(1025)}`));
    refused('KeyTooLong', () => query(`delimiter=${'a'.repeat(1025)}`));
  });

  it('takes an empty continuation token as the beginning, and tells it back', () => {
    const listing = query('list-type=2&continuation-token=');
    assert.deepEqual(
      storeListingQuery(listing).filter(([name]) => name === 'continuation-token'),
      [],
    );
    assert.match(renderListing(document(''), listing, VIEW), /<ContinuationToken(?:\/>|><\/ContinuationToken>)/);
  });

  it('refuses a continuation token of another prefix, or one that was altered', () => {
    const token = wrapToken('store-token', 'a/');
    assert.equal(query(`list-type=2&prefix=a/&continuation-token=${token}`).continuation?.stored, 'store-token');
    for (const search of [
      `prefix=&continuation-token=${token}`,
      `prefix=a/b&continuation-token=${token}`,
      `prefix=a/&continuation-token=${token}=`,
      `prefix=a/&continuation-token=${token}.x`,
      `prefix=a/&continuation-token=store-token`,
      `prefix=a/&continuation-token=${wrapToken('', 'a/')}`,
    ]) {
      refused('InvalidArgument', () => query(`list-type=2&${search}`));
    }
  });
});

describe('s3/listing result', () => {
  it("shows the client's bucket, sizes and ETags, and an owner that is nobody's account", () => {
    const root = render(document(contents('a%2Fb+c%2B')), 'prefix=a');
    assert.equal(textOf(root, 'Name'), 'reports');
    const [entry] = childrenOf(root, 'Contents');
    assert.ok(entry);
    assert.equal(textOf(entry, 'Key'), 'a/b c+');
    assert.equal(textOf(entry, 'Size'), '5');
    assert.equal(textOf(entry, 'ETag'), '"e-1"');
    assert.equal(textOf(entry, 'StorageClass'), 'STANDARD');
    assert.deepEqual(
      childrenOf(entry, 'Owner').map((owner) => textOf(owner, 'ID')),
      ['owner'],
    );
  });

  it('encodes keys as the client asked', () => {
    const stored = document(contents('a%01%26%20%2B'));
    assert.deepEqual(keysOf(render(stored, '')), ['a\u0001& +']);
    assert.deepEqual(keysOf(render(stored, 'encoding-type=url')), ['a%01%26%20%2B']);
  });

  it('takes keys as they are from a store that did not encode them', () => {
    assert.deepEqual(keysOf(render(document(contents('a%2B+b'), ''), '')), ['a%2B+b']);
  });

  it('binds the next token to the prefix, and takes it back', () => {
    const stored = document('<NextContinuationToken>abc</NextContinuationToken>' + contents('p/1'));
    const token = textOf(render(stored, 'list-type=2&prefix=p/'), 'NextContinuationToken') ?? '';
    const search = `list-type=2&prefix=p/&continuation-token=${token}`;
    assert.equal(query(search).continuation?.stored, 'abc');
    assert.equal(textOf(render(stored, search), 'ContinuationToken'), token);
    assert.equal(textOf(render(stored, search), 'KeyCount'), '1');
  });

  it('shows common prefixes', () => {
    const stored = document(
      '<CommonPrefixes><Prefix>p%2Fa%2F</Prefix></CommonPrefixes>' +
        '<CommonPrefixes><Prefix>p%2Fb%2F</Prefix></CommonPrefixes>',
    );
    const root = render(stored, 'prefix=p/&delimiter=/');
    assert.deepEqual(
      childrenOf(root, 'CommonPrefixes').map((entry) => textOf(entry, 'Prefix')),
      ['p/a/', 'p/b/'],
    );
    assert.equal(textOf(root, 'Delimiter'), '/');
    assert.equal(textOf(root, 'NextMarker'), undefined);
  });

  it('names the last entry by byte order as the next marker, whatever the store names', () => {
    const truncated = (inner: string): Buffer =>
      Buffer.from(document(inner).toString().replace('<IsTruncated>false', '<IsTruncated>true'));
    const marker = '<NextMarker>a%252F</NextMarker>';
    const prefix = (name: string): string => `<CommonPrefixes><Prefix>${name}</Prefix></CommonPrefixes>`;
    const next = (inner: string): string | undefined => textOf(render(truncated(inner), ''), 'NextMarker');
    assert.equal(next(marker + contents('a%252F')), 'a%2F');
    assert.equal(next(marker + contents('a') + contents('b') + prefix('a%2F')), 'b');
    assert.equal(next(marker + contents('a') + prefix('b%2F')), 'b/');
    // U+FFFD sorts before U+1F600 in UTF-8, and after it in UTF-16.
    assert.equal(next(contents('%EF%BF%BD') + prefix('%F0%9F%98%80%2F')), '😀/');
    assert.equal(next(marker), undefined);
  });

  const beyond: readonly (readonly [string, string])[] = [
    ['a key', contents('2026-secret')],
    ['a common prefix', '<CommonPrefixes><Prefix>2025/</Prefix></CommonPrefixes>'],
  ];
  for (const [what, inner] of beyond) {
    it(`leaves out ${what} outside of the prefix, and counts it`, () => {
      const listed = document(contents('2026%2Fa') + inner);
      const root = render(listed, 'prefix=2026/');
      assert.deepEqual(keysOf(root), ['2026/a']);
      assert.deepEqual(childrenOf(root, 'CommonPrefixes'), []);
      assert.equal(readListing(listed, query('prefix=2026/')).leftOut, 1);
      assert.equal(readListing(document(contents('2026%2Fa')), query('prefix=2026/')).leftOut, 0);
    });

    it(`gives no page of nothing but ${what} outside of the prefix, where it alone would say how it goes on`, () => {
      const truncated = Buffer.from(document(inner).toString().replace('<IsTruncated>false', '<IsTruncated>true'));
      refused('InternalError', () => render(truncated, 'prefix=2026/'));
      const second = Buffer.from(
        truncated.toString().replace('<Name>', '<NextContinuationToken>t</NextContinuationToken><Name>'),
      );
      const root = render(second, 'list-type=2&prefix=2026/');
      assert.equal(textOf(root, 'NextContinuationToken'), wrapToken('t', '2026/'));
      assert.deepEqual([keysOf(root), textOf(root, 'KeyCount')], [[], '0']);
    });
  }

  it('leaves out a key that is no text, and counts it', () => {
    const listed = document(contents('a') + contents('%ff'));
    assert.deepEqual(keysOf(render(listed, '')), ['a']);
    assert.equal(readListing(listed, query('')).leftOut, 1);
  });

  it('shows a name as it is that no encoding has, below the prefix alone', () => {
    const listed = document(contents('b%') + contents('50%/c') + contents('a'));
    assert.deepEqual(keysOf(render(listed, '')), ['b%', '50%/c', 'a']);
    assert.deepEqual(keysOf(render(listed, 'prefix=50%25/')), ['50%/c']);
  });

  for (const inner of [
    '<Contents></Contents>',
    contents('a').replace('193', '-1'),
    contents('a').replace('193', '1e3'),
    contents('a').replace('193', '<b>1</b>'),
    contents('a').replace('<Size>193</Size>', ''),
    '<IsTruncated>true</IsTruncated>',
  ]) {
    it(`gives no page of ${inner.slice(0, 60)}`, () => {
      refused('InternalError', () => render(document(inner), ''));
    });
  }

  it('gives no page of another document', () => {
    refused('InternalError', () => render(Buffer.from('<Other></Other>'), ''));
    refused('InternalError', () => render(Buffer.from('<ListBucketResult>'), ''));
  });
});
