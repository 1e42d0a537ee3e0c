import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { target } from '../support/client/client.ts';
import { HOSTILE_KEYS } from '../support/http/hostile-keys.ts';
import { sharedStack, type Stack } from '../support/stack/stack.ts';

const SEGMENT = 65_536;

describe('the main job, through HAProxy over TLS', function () {
  this.timeout(60_000);
  let stack: Stack;
  let alice: string;
  let bob: string;
  let robot: string;

  before(async () => {
    stack = await sharedStack();
    [alice, bob, robot] = await Promise.all([stack.token('alice'), stack.token('bob'), stack.token('ci-bot')]);
  });

  const put = (key: string, body: Buffer | string, token = alice, headers: Record<string, string> = {}) =>
    stack.client.call({ method: 'PUT', target: target('reports', key), token, body, headers });
  const get = (key: string, token = alice, headers: Record<string, string> = {}) =>
    stack.client.call({ method: 'GET', target: target('reports', key), token, headers });

  describe('PutObject and GetObject', () => {
    for (const size of [0, 1, 1024, SEGMENT - 1, SEGMENT, SEGMENT + 1, 3 * SEGMENT + 17, 2 * 1024 * 1024 + 5]) {
      it(`give back ${size} bytes exactly, and the store holds ciphertext of another length`, async () => {
        const body = randomBytes(size);
        const key = `2026/sizes/${size}`;
        const stored = await put(key, body);
        assert.equal(stored.status, 200);
        assert.match(String(stored.headers.etag), /^"[0-9a-f]{32}-1"$/);
        const read = await get(key);
        assert.equal(read.status, 200);
        assert.equal(read.headers['content-length'], String(size));
        assert.equal(read.headers.etag, stored.headers.etag);
        assert.ok(read.body.equals(body));
        const raw = await stack.raw.get('reports', key);
        assert.ok(raw.body.length > size);
        if (size >= 16) assert.equal(raw.body.indexOf(body.subarray(0, 16)), -1);
      });
    }

    it('keep the headers that S3 keeps, and user metadata, and hide the envelope', async () => {
      const headers = {
        'content-type': 'text/csv; charset=utf-8',
        'cache-control': 'max-age=60',
        'content-disposition': 'attachment; filename="q3.csv"',
        'content-language': 'de',
        'content-encoding': 'identity',
        expires: 'Wed, 21 Oct 2026 07:28:00 GMT',
        'x-amz-meta-team': 'analytics',
        'x-amz-meta-with_underscore': 'kept',
        'x-amz-acl': 'private',
        'x-amz-storage-class': 'STANDARD',
      };
      assert.equal((await put('2026/headers', 'x', alice, headers)).status, 200);
      const read = await get('2026/headers');
      for (const name of [
        'content-type',
        'cache-control',
        'content-disposition',
        'content-language',
        'expires',
        'x-amz-meta-team',
        // RGW makes a dash of it.
        ...(stack.kind === 'embedded' ? (['x-amz-meta-with_underscore'] as const) : []),
      ] as const) {
        assert.equal(read.headers[name], headers[name], name);
      }
      assert.deepEqual(
        Object.keys(read.headers).filter(
          (name) => name.includes('sallyport') || name.includes('checksum') || name.includes('server-side'),
        ),
        [],
      );
    });

    for (const key of HOSTILE_KEYS) {
      it(`keep the key ${JSON.stringify(key.slice(0, 40))} byte for byte`, async () => {
        const full = `2026/hostile/${key}`;
        const body = `content of ${full}`;
        assert.equal((await put(full, body)).status, 200);
        const read = await get(full);
        assert.equal(read.body.toString(), body);
        const raw = await stack.raw.get('reports', full);
        assert.equal(raw.status, 200);
      });
    }

    it('overwrite an object and never mix the two', async () => {
      await put('2026/twice', 'first '.repeat(20_000));
      await put('2026/twice', 'second');
      assert.equal((await get('2026/twice')).body.toString(), 'second');
    });

    it('take a body of unknown length for nothing', async () => {
      const answer = await stack.client.call({
        method: 'PUT',
        target: '/reports/2026/chunked',
        token: alice,
        body: 'x',
        chunked: true,
      });
      assert.equal(answer.status, 411);
      assert.equal(answer.code, 'MissingContentLength');
      assert.equal((await stack.raw.get('reports', '2026/chunked')).status, 404);
    });
  });

  describe('checksums and conditions', () => {
    const body = Buffer.from('checked content');
    const md5 = createHash('md5').update(body).digest('base64');
    const crc = Buffer.alloc(4);
    crc.writeUInt32BE(crc32(body));

    it('accept a body that matches what was claimed of it', async () => {
      assert.equal((await put('2026/checked', body, alice, { 'content-md5': md5 })).status, 200);
      assert.equal(
        (await put('2026/checked', body, alice, { 'x-amz-checksum-crc32': crc.toString('base64') })).status,
        200,
      );
      const sha256 = createHash('sha256').update(body).digest();
      assert.equal(
        (await put('2026/checked', body, alice, { 'x-amz-checksum-sha256': sha256.toString('base64') })).status,
        200,
      );
      assert.equal(
        (await put('2026/checked', body, alice, { 'x-amz-content-sha256': sha256.toString('hex') })).status,
        200,
      );
    });

    for (const size of [body.length, 300_000]) {
      it(`store nothing of ${size} bytes that do not match`, async () => {
        const other = randomBytes(size);
        const key = `2026/mismatch-${size}`;
        for (const headers of [{ 'content-md5': md5 }, { 'x-amz-checksum-crc32': crc.toString('base64') }]) {
          const answer = await put(key, other, alice, headers);
          assert.equal(answer.status, 400);
          assert.equal(answer.code, 'BadDigest');
          assert.equal((await stack.raw.get('reports', key)).status, 404);
        }
      });
    }

    it('honour If-None-Match: * and If-Match on PUT', async () => {
      await stack.raw.remove('reports', '2026/conditional');
      const first = await put('2026/conditional', 'one', alice, { 'if-none-match': '*' });
      assert.equal(first.status, 200);
      assert.equal((await put('2026/conditional', 'two', alice, { 'if-none-match': '*' })).code, 'PreconditionFailed');
      assert.equal((await get('2026/conditional')).body.toString(), 'one');
      if (stack.kind === 'embedded') {
        // RGW 16 ignores If-Match on PUT.
        assert.equal(
          (await put('2026/conditional', 'three', alice, { 'if-match': '"00000000000000000000000000000000-1"' }))
            .status,
          412,
        );
        assert.equal(
          (await put('2026/conditional', 'four', alice, { 'if-match': String(first.headers.etag) })).status,
          200,
        );
      }
    });

    it('honour If-Match and If-None-Match on GET and HEAD with the ETag that was shown', async () => {
      const etag = String((await put('2026/etag', 'x')).headers.etag);
      assert.equal((await get('2026/etag', alice, { 'if-match': etag })).status, 200);
      assert.equal((await get('2026/etag', alice, { 'if-none-match': etag })).status, 304);
      assert.equal((await get('2026/etag', alice, { 'if-match': '"0123-1"' })).status, 412);
      assert.equal((await get('2026/etag', alice, { 'if-none-match': '"0123-1"' })).status, 200);
    });
  });

  describe('Range', () => {
    const body = randomBytes(5 * SEGMENT + 1234);
    before(() => put('2026/range', body));

    const cases: readonly [string, number, number][] = [
      ['bytes=0-0', 0, 0],
      ['bytes=0-99', 0, 99],
      [`bytes=${SEGMENT - 1}-${SEGMENT}`, SEGMENT - 1, SEGMENT],
      [`bytes=${SEGMENT}-${2 * SEGMENT - 1}`, SEGMENT, 2 * SEGMENT - 1],
      [`bytes=${2 * SEGMENT + 5}-`, 2 * SEGMENT + 5, body.length - 1],
      ['bytes=-1', body.length - 1, body.length - 1],
      [`bytes=-${SEGMENT + 3}`, body.length - SEGMENT - 3, body.length - 1],
      [`bytes=-${body.length + 50}`, 0, body.length - 1],
      [`bytes=10-${body.length + 1000}`, 10, body.length - 1],
      [`bytes=${body.length - 1}-`, body.length - 1, body.length - 1],
    ];
    for (const [header, first, last] of cases) {
      it(`${header} gives bytes ${first} to ${last}`, async () => {
        const read = await get('2026/range', alice, { range: header });
        assert.equal(read.status, 206);
        assert.equal(read.headers['content-range'], `bytes ${first}-${last}/${body.length}`);
        assert.ok(read.body.equals(body.subarray(first, last + 1)));
      });
    }

    it('beyond the end is 416 InvalidRange', async () => {
      for (const first of [body.length, body.length + 10, body.length * 3]) {
        const read = await get('2026/range', alice, { range: `bytes=${first}-` });
        assert.equal(read.status, 416);
        assert.equal(read.code, 'InvalidRange');
      }
    });

    it('with several ranges, or malformed, gives the whole object', async () => {
      for (const header of ['bytes=0-1,5-6', 'bytes=9-3', 'lines=1-2']) {
        const read = await get('2026/range', alice, { range: header });
        assert.equal(read.status, 200);
        assert.equal(read.body.length, body.length);
      }
    });
  });

  describe('HeadObject and listings', () => {
    it('agree with GET on sizes and ETags', async () => {
      const sizes = [0, 1, 1000, SEGMENT, SEGMENT + 1, 200_000];
      for (const size of sizes) await put(`2026/listed/${size}`, randomBytes(size));
      const listing = await stack.client.call({
        method: 'GET',
        target: '/reports?list-type=2&prefix=2026/listed/',
        token: alice,
      });
      assert.equal(listing.status, 200);
      const entries = [...listing.body.toString().matchAll(/<Contents>.*?<\/Contents>/gs)].map(([entry]) => ({
        key: /<Key>([^<]*)</.exec(entry)?.[1],
        size: Number(/<Size>(\d+)</.exec(entry)?.[1]),
        etag: /<ETag>([^<]*)</.exec(entry)?.[1]?.replaceAll('&quot;', '"'),
      }));
      assert.deepEqual(
        entries.map(({ size }) => size).toSorted((a, b) => a - b),
        sizes,
      );
      for (const { key, size, etag } of entries) {
        const head = await stack.client.call({ method: 'HEAD', target: target('reports', key ?? ''), token: alice });
        assert.equal(head.status, 200);
        assert.equal(head.headers['content-length'], String(size));
        assert.equal(head.headers.etag, etag);
        assert.equal(head.body.length, 0);
      }
    });

    it('v1 and v2 page through every hostile key with exact names', async () => {
      const prefix = '2026/paged/';
      const keys = HOSTILE_KEYS.map((key) => prefix + key);
      for (const key of keys) await put(key, 'x');
      const names = (text: string): string[] =>
        [...text.matchAll(/<Contents><Key>([^<]*)<\/Key>/g)].map(([, name]) =>
          decodeURIComponent((name ?? '').replaceAll('+', '%20')),
        );
      const query = `prefix=${encodeURIComponent(prefix)}&max-keys=5&encoding-type=url`;

      const second: string[] = [];
      let token = '';
      for (let page = 0; page < 20; page += 1) {
        const more = token === '' ? '' : `&continuation-token=${encodeURIComponent(token)}`;
        const text = (
          await stack.client.call({ method: 'GET', target: `/reports?list-type=2&${query}${more}`, token: alice })
        ).body.toString();
        second.push(...names(text));
        token = /<NextContinuationToken>([^<]*)</.exec(text)?.[1] ?? '';
        if (token === '') break;
      }
      assert.deepEqual(second.toSorted(), keys.toSorted());

      const first: string[] = [];
      let marker = '';
      for (let page = 0; page < 20; page += 1) {
        const text = (
          await stack.client.call({
            method: 'GET',
            target: `/reports?${query}&marker=${encodeURIComponent(marker)}`,
            token: alice,
          })
        ).body.toString();
        first.push(...names(text));
        if (!text.includes('<IsTruncated>true<')) break;
        marker = first.at(-1) ?? '';
      }
      assert.deepEqual(first.toSorted(), keys.toSorted());
    });

    it('show folders with a delimiter', async () => {
      await put('2026/tree/a/1', 'x');
      await put('2026/tree/b/1', 'x');
      await put('2026/tree/leaf', 'x');
      const text = (
        await stack.client.call({
          method: 'GET',
          target: '/reports?list-type=2&delimiter=/&prefix=2026/tree/',
          token: alice,
        })
      ).body.toString();
      assert.deepEqual(
        [...text.matchAll(/<CommonPrefixes><Prefix>([^<]*)</g)].map(([, name]) => name),
        ['2026/tree/a/', '2026/tree/b/'],
      );
      assert.deepEqual(
        [...text.matchAll(/<Key>([^<]*)</g)].map(([, name]) => name),
        ['2026/tree/leaf'],
      );
    });
  });

  describe('DeleteObject', () => {
    it('deletes for an administrator, and again without complaint', async () => {
      await put('2026/doomed', 'x');
      const remove = () => stack.client.call({ method: 'DELETE', target: '/reports/2026/doomed', token: bob });
      assert.equal((await remove()).status, 204);
      assert.equal((await remove()).status, 204);
      const gone = await get('2026/doomed', bob);
      assert.equal(gone.status, 404);
      assert.equal(gone.code, 'NoSuchKey');
    });
  });

  describe('what is answered from configuration and policy', () => {
    const names = (text: string): string[] => [...text.matchAll(/<Name>([^<]*)</g)].map(([, name]) => name ?? '');

    it('ListBuckets shows each identity its own buckets', async () => {
      const list = async (token: string) =>
        names((await stack.client.call({ method: 'GET', target: '/', token })).body.toString());
      assert.deepEqual(await list(alice), ['reports']);
      assert.deepEqual(await list(bob), ['artifacts', 'reports']);
      assert.deepEqual(await list(robot), ['artifacts']);
    });

    it('HeadBucket and GetBucketLocation answer for usable buckets only', async () => {
      const head = (bucket: string, token: string) =>
        stack.client.call({ method: 'HEAD', target: `/${bucket}`, token });
      assert.equal((await head('reports', alice)).status, 200);
      assert.equal((await head('artifacts', alice)).status, 403);
      assert.equal((await head('never-heard-of', bob)).status, 403);
      const location = await stack.client.call({ method: 'GET', target: '/reports?location', token: alice });
      assert.equal(location.status, 200);
      assert.match(location.body.toString(), /<LocationConstraint/);
    });
  });

  describe('what is not supported', () => {
    const trailer = {
      'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
      'x-amz-decoded-content-length': '1',
    };
    const refused: readonly [string, string, Record<string, string>, number, string][] = [
      // Not in the operation table.
      ['GET', '/reports/2026/x?unheard-of', {}, 501, 'NotImplemented'],
      ['GET', '/reports?inventory', {}, 501, 'NotImplemented'],
      ['PUT', '/reports?policy', {}, 501, 'NotImplemented'],
      ['PUT', '/reports/2026/x?acl', {}, 501, 'NotImplemented'],
      ['POST', '/reports/2026/x?restore', {}, 501, 'NotImplemented'],
      // Keys of the client, which are not ours to pass on.
      [
        'PUT',
        '/reports/2026/x',
        { 'x-amz-server-side-encryption-customer-algorithm': 'AES256' },
        501,
        'NotImplemented',
      ],
      // A framing that is not declared whole.
      ['PUT', '/reports/2026/x', trailer, 400, 'InvalidRequest'],
      ['PUT', '/reports/2026/x', { 'content-encoding': 'aws-chunked' }, 400, 'InvalidRequest'],
    ];
    for (const [method, path, headers, status, code] of refused) {
      it(`${method} ${path} ${JSON.stringify(headers)} is ${code}, and nothing happens`, async () => {
        await stack.raw.remove('reports', '2026/x');
        const request = { method, target: path, token: bob, headers };
        const answer = await stack.client.call(method === 'GET' ? request : { ...request, body: 'x' });
        assert.deepEqual([answer.status, answer.code], [status, code], answer.body.toString());
        assert.equal((await stack.raw.get('reports', '2026/x')).status, 404);
      });
    }

    it('an illegal copy of an object to itself, or the bucket itself without ADMIN', async () => {
      const copy = { method: 'PUT', headers: { 'x-amz-copy-source': '/reports/2026/x' } };
      const toItself = await stack.client.call({ ...copy, target: '/reports/2026/x', token: bob });
      assert.deepEqual([toItself.status, toItself.code], [400, 'InvalidRequest']);
      for (const [method, code] of [
        ['PUT', 'BucketAlreadyOwnedByYou'],
        ['DELETE', 'AccessDenied'],
      ] as const) {
        const answer = await stack.client.call({ method, target: '/reports', token: alice });
        assert.equal(answer.code, code);
      }
    });

    it('refuses metadata in our own name', async () => {
      const answer = await put('2026/forged', 'x', bob, { 'x-amz-meta-sallyport': '1;1;s;1;AAAA' });
      assert.equal(answer.status, 400);
    });
  });
});
