import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { SignedRequest } from '../../../src/core/upstream/signer.ts';
import { createPipeline } from '../../../src/pipeline/pipeline.ts';
import { chunks, client, world, type Behaviour } from './world.ts';

const KEY = '.sallyport/uploads/f/state';

async function run(
  method: string,
  target: string,
  headers: readonly string[] = [],
  text = '',
  behaviour: Behaviour = {},
) {
  const made = world(behaviour);
  const length = text === '' ? [] : ['content-length', String(Buffer.byteLength(text))];
  const exchange = client(method, target, [...length, ...headers], made.steps, chunks(text));
  await createPipeline(made.dependencies)(exchange);
  return { ...made, status: exchange.status(), body: exchange.sent.join(''), headers: exchange.answerHeaders };
}

/** A store that lists these keys and prefixes, page by page. */
function listing(kind: 'objects' | 'versions', keys: readonly string[], prefixes: readonly string[] = []): Behaviour {
  const [root, element] = kind === 'versions' ? ['ListVersionsResult', 'Version'] : ['ListBucketResult', 'Contents'];
  return {
    answer: ({ target }: SignedRequest) => {
      const query = new Map(
        target
          .slice(target.indexOf('?') + 1)
          .split('&')
          .map((pair) => pair.split('=') as [string, string]),
      );
      const after = [
        query.get('continuation-token'),
        query.get('start-after'),
        query.get('marker'),
        query.get('key-marker'),
      ]
        .filter((marker) => marker !== undefined)
        .toSorted()
        .at(-1);
      const size = Number(query.get('max-keys'));
      const rest = keys.filter((key) => key > (after ?? ''));
      const page = rest.slice(0, size);
      const isTruncated = rest.length > page.length;
      return {
        status: 200,
        body: chunks(
          `<${root}><IsTruncated>${isTruncated}</IsTruncated>` +
            (isTruncated ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : '') +
            page
              .map(
                (key) =>
                  `<${element}><Key>${key}</Key><VersionId>v</VersionId><IsLatest>true</IsLatest><ETag>"e"</ETag>` +
                  `<LastModified>2026-01-01T00:00:00.000Z</LastModified><Size>1</Size></${element}>`,
              )
              .join('') +
            prefixes.map((prefix) => `<CommonPrefixes><Prefix>${prefix}</Prefix></CommonPrefixes>`).join('') +
            `</${root}>`,
        ),
      };
    },
  };
}

const all = (document: string, name: string): string[] =>
  [...document.matchAll(new RegExp(`<${name}>([^<]*)<`, 'g'))].map(([, text = '']) => text);

describe('keys of the gateway’s own', () => {
  const source = (value: string) => ['x-amz-copy-source', value];
  const cases: readonly (readonly [
    name: string,
    method: string,
    target: string,
    headers?: readonly string[],
    text?: string,
  ])[] = [
    ['GetObject', 'GET', `/box/${KEY}`],
    ['HeadObject', 'HEAD', `/box/${KEY}`],
    ['GetObject by another spelling', 'GET', '/box/%2esallyport%2Fuploads%2Ff%2fstate'],
    ['GetObject of a version', 'GET', `/box/${KEY}?versionId=v`],
    ['PutObject', 'PUT', `/safe/${KEY}`, [], 'x'],
    ['DeleteObject', 'DELETE', `/box/${KEY}`],
    ['CopyObject from', 'PUT', '/box/k', source(`box/${KEY}`)],
    ['CopyObject from, by another spelling', 'PUT', '/box/k', source('box/%2Esallyport%2Fx')],
    ['CopyObject to', 'PUT', `/box/${KEY}`, source('box/k')],
    ['UploadPartCopy from', 'PUT', '/box/k?partNumber=1&uploadId=u', source(`box/${KEY}`)],
    ['CreateMultipartUpload', 'POST', `/safe/${KEY}?uploads`],
    ['UploadPart', 'PUT', `/safe/${KEY}?partNumber=1&uploadId=u`, [], 'x'],
    ['ListParts', 'GET', `/safe/${KEY}?uploadId=u`],
    ['AbortMultipartUpload', 'DELETE', `/safe/${KEY}?uploadId=u`],
    ['GetObjectTagging', 'GET', `/box/${KEY}?tagging`],
    ['DeleteObjectTagging', 'DELETE', `/box/${KEY}?tagging`],
    ['GetObjectAcl', 'GET', `/box/${KEY}?acl`],
    ['GetObjectAttributes', 'GET', `/box/${KEY}?attributes`, ['x-amz-object-attributes', 'ETag']],
  ];
  for (const [name, method, target, headers, text] of cases) {
    it(`are refused to everybody, whatever policy says: ${name}`, async () => {
      const { status, sent, steps, entries } = await run(method, target, headers, text);
      assert.equal(status, 403);
      assert.equal(sent.length, 0);
      assert.equal(steps.includes('assume-role'), false);
      assert.ok(entries.length > 0);
    });
  }

  it('are refused one by one to DeleteObjects, and the others are deleted', async () => {
    const document = `<Delete><Object><Key>${KEY}</Key></Object><Object><Key>k</Key></Object></Delete>`;
    const md5 = createHash('md5').update(document).digest('base64');
    const answer = (_: SignedRequest, body: Buffer) => {
      assert.equal(body.includes('.sallyport'), false);
      return { status: 200, body: chunks('<DeleteResult><Deleted><Key>k</Key></Deleted></DeleteResult>') };
    };
    const { body } = await run('POST', '/box?delete', ['content-md5', md5], document, { answer });
    assert.match(body, /<Error><Key>\.sallyport\/uploads\/f\/state<\/Key>.*?<Code>AccessDenied</);
    assert.match(body, /<Deleted><Key>k</);
  });

  const hidden = Array.from({ length: 5 }, (_, at) => `.sallyport/uploads/f/${at}`);
  const keys = ['-', '.sal', ...hidden, '.sallyport0', 'a'];
  const visible = ['-', '.sal', '.sallyport0', 'a'];

  for (const [name, first, next] of [
    ['ListObjects', 'x=', (body: string) => ['marker', ...all(body, 'NextMarker')]],
    ['ListObjectsV2', 'list-type=2', (body: string) => ['continuation-token', ...all(body, 'NextContinuationToken')]],
    ['ListObjectVersions', 'versions', (body: string) => ['key-marker', ...all(body, 'NextKeyMarker')]],
  ] as const) {
    it(`are in no page of ${name}, of whatever size, and no page without anything to show goes on`, async () => {
      for (const size of [1, 2, 3, 5, 100]) {
        const found: string[] = [];
        let marker = '';
        for (let page = 0; ; page += 1) {
          assert.ok(page < 10);
          const store = listing(name === 'ListObjectVersions' ? 'versions' : 'objects', keys);
          const query = first === 'x=' ? '' : `${first}&`;
          const { body, status } = await run('GET', `/box?${query}max-keys=${size}${marker}`, [], '', store);
          assert.equal(status, 200);
          const shown = all(body, 'Key');
          assert.doesNotMatch(body.replaceAll('.sallyport/~', ''), /\.sallyport\//);
          if (name === 'ListObjectsV2') assert.deepEqual(all(body, 'KeyCount'), [String(shown.length)]);
          found.push(...shown);
          if (all(body, 'IsTruncated')[0] !== 'true') break;
          assert.ok(shown.length > 0);
          const [parameter, value] = next(body);
          assert.ok(value !== undefined);
          marker = `&${parameter}=${encodeURIComponent(value)}`;
        }
        assert.deepEqual(found, visible, `pages of ${size}`);
      }
    });
  }

  it('are no common prefix, and not counted as one', async () => {
    const store = listing('objects', ['a'], ['.sallyport/', 'b/']);
    const { body } = await run('GET', '/box?list-type=2&delimiter=/', [], '', store);
    assert.deepEqual(all(body, 'Prefix'), ['', 'b/']);
    assert.deepEqual(all(body, 'KeyCount'), ['2']);
  });
});
