import assert from 'node:assert/strict';
import type { ObjectLayout } from '../../../src/contracts/object-cipher.ts';
import type { ObjectReader, ObjectView } from '../../../src/contracts/stored-objects.ts';
import type { SignedRequest } from '../../../src/core/upstream/signer.ts';
import { createPipeline } from '../../../src/pipeline/pipeline.ts';
import { chunks, client, world, type Behaviour, type Client, type World } from './world.ts';

async function run(
  behaviour: Behaviour,
  target: string,
  headers: readonly string[] = [],
  reader: Partial<ObjectReader> = {},
): Promise<World & { readonly exchange: Client; readonly body: string }> {
  const made = world(behaviour);
  const exchange = client('GET', target, headers, made.steps);
  const { dependencies } = made;
  await createPipeline({ ...dependencies, reader: { ...dependencies.reader, ...reader } })(exchange);
  return { ...made, exchange, body: exchange.sent.join('') };
}

const LAYOUT: ObjectLayout = {
  ...{ kind: 'm', plainSizeBytes: 2500, storedSizeBytes: 9000, endsInFinalPart: true },
  runs: [
    { firstNumber: 1, count: 3, plainSizeBytes: 800 },
    { firstNumber: 7, count: 1, plainSizeBytes: 100 },
  ],
};
const CHECKSUM: ObjectView['checksum'] & object = {
  ...{ algorithm: 'SHA256', value: Buffer.alloc(32, 1), type: 'COMPOSITE', partsCount: 4 },
};
const VIEW: ObjectView = {
  headers: new Map([
    ['etag', '"0123"'],
    ['last-modified', 'Sat, 21 Nov 2026 10:00:00 GMT'],
    ['x-amz-checksum-crc32', 'ciphers'],
    ['x-amz-version-id', 'v1'],
  ]),
  form: 'sealed',
  ...{ sizeBytes: 2500, first: 0, last: 2499, partial: false, checksum: CHECKSUM, keyId: 'local:1' },
};

describe('what clients see of sealed objects', () => {
  const describing = { describe: () => Promise.resolve({ ...VIEW, layout: LAYOUT }) };

  it("tells by GetObjectAttributes what was requested, in the client's sizes, numbers and ETag", async () => {
    const requested = ['x-amz-object-attributes', 'ETag,Checksum,ObjectParts,StorageClass,ObjectSize'];
    const { exchange, body, sent, entries } = await run({}, '/safe/k?attributes', requested, describing);
    assert.equal(exchange.status(), 200);
    assert.match(body, /<ETag>0123-1<\/ETag>/);
    assert.match(body, /<ChecksumSHA256>AQEB[^<]*=-4<\/ChecksumSHA256><ChecksumType>COMPOSITE</);
    assert.match(body, /<PartsCount>4<.*<NextPartNumberMarker>7<.*<IsTruncated>false</);
    assert.match(body, /<Part><PartNumber>3<\/PartNumber><Size>800<\/Size><\/Part><Part><PartNumber>7<.*<Size>100</);
    assert.match(body, /<StorageClass>STANDARD<\/StorageClass><ObjectSize>2500</);
    assert.doesNotMatch(body, /ciphers|9000/);
    assert.equal(exchange.answerHeaders['x-amz-version-id'], 'v1');
    // The store's own answer would be about ciphertext.
    assert.deepEqual(sent, []);
    assert.equal(entries.at(-1)?.['keyId' as never], 'local:1');
  });

  it('pages the parts, and tells nothing that was not asked for', async () => {
    const requested = [
      'x-amz-object-attributes',
      'ObjectParts',
      'x-amz-max-parts',
      '2',
      'x-amz-part-number-marker',
      '1',
    ];
    const { body } = await run({}, '/safe/k?attributes', requested, describing);
    assert.match(body, /<PartNumberMarker>1<.*<NextPartNumberMarker>3<.*<MaxParts>2<.*<IsTruncated>true</);
    assert.equal(body.match(/<Part>/g)?.length, 2);
    assert.doesNotMatch(body, /ETag|Checksum|StorageClass|ObjectSize/);
  });

  it('asks for no layout where only the head is requested, and refuses attributes that are none', async () => {
    let described = 0;
    const reader = {
      head: () => Promise.resolve(VIEW),
      describe: () => {
        described += 1;
        return describing.describe();
      },
    };
    const { body } = await run({}, '/safe/k?attributes', ['x-amz-object-attributes', 'ObjectSize, ETag'], reader);
    assert.match(body, /<ObjectSize>2500</);
    assert.equal(described, 0);
    for (const names of ['Owner', 'ETag,,', '']) {
      const refused = await run({}, '/safe/k?attributes', ['x-amz-object-attributes', names], reader);
      assert.equal(refused.exchange.status(), 400, names);
    }
  });

  it('shows the checksum of the plaintext and the number of parts, and never a checksum of ciphertext', async () => {
    const read = () =>
      Promise.resolve({ ...VIEW, partsCount: 4, body: Buffer.alloc(2500), discard: () => Promise.resolve() });
    const { exchange } = await run({}, '/safe/k', [], { read });
    assert.equal(exchange.answerHeaders['x-amz-checksum-sha256'], `${Buffer.alloc(32, 1).toString('base64')}-4`);
    assert.equal(exchange.answerHeaders['x-amz-checksum-type'], 'COMPOSITE');
    assert.equal(exchange.answerHeaders['x-amz-mp-parts-count'], '4');
    assert.equal(exchange.answerHeaders['x-amz-checksum-crc32'], undefined);
    assert.equal(exchange.answerHeaders['etag'], '"0123-1"');
  });

  it("shows plaintext that is yet to migrate under mapped ETags, with the store's checksum", async () => {
    const headers = new Map([
      ['content-length', '3'],
      ['etag', '"0123"'],
      ['x-amz-checksum-crc32', 'AAAAAA=='],
    ]);
    const answer = () => ({ status: 200, headers, body: chunks('one') });
    const { exchange, sent } = await run({ answer }, '/moving/k', ['x-amz-checksum-mode', 'ENABLED']);
    assert.equal(exchange.answerHeaders['etag'], '"0123-1"');
    assert.equal(exchange.answerHeaders['x-amz-checksum-crc32'], 'AAAAAA==');
    assert.equal(sent[0]?.headers['x-amz-checksum-mode'], 'ENABLED');
  });

  it('gives the body up when it is not what was announced', async () => {
    let discarded = 0;
    const discard = () => {
      discarded += 1;
      return Promise.resolve();
    };
    const read = () => Promise.resolve({ ...VIEW, body: chunks('one'), discard });
    const { exchange } = await run({}, '/safe/k', [], { read });
    assert.equal(exchange.status(), 503);
    assert.equal(discarded, 1);
  });
});

describe('what clients see of listings', () => {
  const entry = (key: string) =>
    `<Contents><Key>${key}</Key><LastModified>2026-11-20T00:00:00.000Z</LastModified><ETag>"0123"</ETag><Size>110</Size></Contents>`;
  const page = (...keys: readonly string[]) =>
    `<ListBucketResult><Name>moving</Name><IsTruncated>false</IsTruncated>${keys.map(entry).join('')}</ListBucketResult>`;
  const headers = new Map([
    ['etag', '"0123"'],
    ['content-length', '110'],
    ['x-amz-version-id', 'of-an-object'],
  ]);

  it('shows entry by entry what HEAD shows, as each key is kept', async () => {
    const answer = ({ method }: SignedRequest) =>
      method === 'HEAD' ? { status: 200, headers } : { status: 200, body: chunks(page('a', 'plain/b')) };
    const { body, sent, entries } = await run({ answer }, '/moving?list-type=2');
    assert.match(body, /<Key>a<.*<ETag>&quot;0123-1&quot;<\/ETag><Size>110<.*<Key>plain\/b<.*<ETag>&quot;0123&quot;</);
    assert.deepEqual(
      sent.map(({ method, target }) => `${method} ${target.split('?')[0] ?? ''}`),
      ['GET /moving/', 'HEAD /moving/a'],
    );
    // The record is one of the listing.
    assert.equal(entries.at(-1)?.['versionId' as never], undefined);
  });

  it('looks with a session of its own, for this prefix alone, where the caller may list and not read', async () => {
    let requested = 0;
    const answer = ({ method, target }: SignedRequest) => {
      const prefix = new URL(target, 'http://store').searchParams.get('prefix') ?? '';
      const listed = ['p/a', 'p/b'].filter((key) => key.startsWith(prefix));
      if (method === 'GET') return { status: 200, body: chunks(page(...listed)) };
      requested += 1;
      return requested <= 2 ? { status: 403 } : { status: 200, headers };
    };
    const { exchange, body, steps, planned } = await run({ answer }, '/moving?list-type=2&prefix=p/');
    assert.equal(exchange.status(), 200);
    assert.equal(body.match(/<Size>110</g)?.length, 2);
    assert.equal(steps.filter((step) => step === 'plan').length, 2);
    const [scope] = planned[1] ?? [];
    assert.deepEqual(scope?.grants, [{ effect: 'allow', verbs: ['GET', 'LIST'], scope: { prefix: 'p/' } }]);
    assert.deepEqual(scope.accesses, [
      { kind: 'object', verb: 'GET', bucket: 'moving', key: 'p/' },
      { kind: 'listing', verb: 'LIST', bucket: 'moving', prefix: 'p/', after: [] },
    ]);
  });

  it('looks at versions by the right to versions', async () => {
    const versions =
      '<ListVersionsResult><Name>moving</Name><IsTruncated>false</IsTruncated><Version><Key>a</Key><VersionId>v7</VersionId>' +
      '<IsLatest>true</IsLatest><LastModified>2026-11-20T00:00:00.000Z</LastModified><ETag>"0123"</ETag><Size>110</Size></Version></ListVersionsResult>';
    let requested = 0;
    const answer = ({ method }: SignedRequest) => {
      if (method === 'GET') return { status: 200, body: chunks(versions) };
      requested += 1;
      return requested === 1 ? { status: 403 } : { status: 200, headers };
    };
    const { body, sent, planned } = await run({ answer }, '/moving?versions');
    assert.match(body, /<VersionId>v7<.*<Size>110</);
    assert.equal(sent.at(-1)?.target, '/moving/a?versionId=v7');
    assert.deepEqual(planned[1]?.[0]?.grants[0]?.verbs, ['GET_VERSION']);
  });

  it('refuses the listing when even that session may not look', async () => {
    const answer = ({ method }: SignedRequest) =>
      method === 'GET' ? { status: 200, body: chunks(page('a')) } : { status: 403 };
    const { exchange, entries } = await run({ answer }, '/moving?list-type=2');
    assert.equal(exchange.status(), 403);
    assert.equal(entries.at(-1)?.['error' as never], 'AccessDeniedByStore');
  });

  it('leaves out an object that is gone meanwhile, and goes on behind it', async () => {
    const truncated = page('a', 'b').replace('false', 'true');
    const answer = ({ method, target }: SignedRequest) => {
      if (method === 'GET') return { status: 200, body: chunks(truncated) };
      return target.startsWith('/moving/b') ? { status: 404 } : { status: 200, headers };
    };
    const { body } = await run({ answer }, '/moving');
    assert.match(body, /<NextMarker>b</);
    assert.equal(body.match(/<Contents>/g)?.length, 1);
  });

  it('shows all facts of an object that was replaced meanwhile', async () => {
    const replaced = new Map([
      ['etag', '"4567"'],
      ['content-length', '7'],
      ['last-modified', 'Sat, 21 Nov 2026 10:00:00 GMT'],
    ]);
    const answer = ({ method }: SignedRequest) =>
      method === 'GET' ? { status: 200, body: chunks(page('a')) } : { status: 200, headers: replaced };
    const { body } = await run({ answer }, '/moving');
    assert.match(
      body,
      /<LastModified>2026-11-21T10:00:00.000Z<\/LastModified><ETag>&quot;4567-1&quot;<\/ETag><Size>7</,
    );
  });
});
