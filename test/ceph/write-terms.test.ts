/**
 * What a client says with a write, at a store that takes it and passes over it: Ceph RGW 16 does so with the locks, tags,
 * conditions and encryption of copies and of uploads in parts, and with a lock where the bucket keeps none. Encrypted and plain.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VERBS } from '../../src/s3/operations/verb.ts';
import { startCeph, type Ceph } from '../support/store/ceph.ts';
import { target, type Answer } from '../support/client/client.ts';
import { startStack, type Stack } from '../support/stack/stack.ts';

/** It stays, with what is locked in it: no other test of the same Ceph has this bucket. */
const LOCKED = 'drafts';
const OPEN = 'reports';
const MIN = 5 * 1024 * 1024;

type Headers = Readonly<Record<string, string>>;

describe('what is said with a write to a real store', function () {
  this.timeout(120_000);
  let folder: string;
  let ceph: Ceph;
  let stack: Stack;
  let token: string;
  let writer: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-terms-'));
    ceph = await startCeph();
    const made = await ceph.request(ceph.lab.owner, {
      ...{ method: 'PUT', bucket: LOCKED, headers: { 'x-amz-bucket-object-lock-enabled': 'true' } },
    });
    assert.ok(made.status === 200 || made.status === 409, made.body.toString());
    const rules = (allow: readonly string[]) =>
      [LOCKED, OPEN].map((bucket) => ({ id: bucket, allow, bucket, everything: true }));
    const policy = (id: string, allow: readonly string[]) =>
      writeFile(
        join(folder, `${id}.yaml`),
        JSON.stringify({
          id,
          description: 'of a test',
          subjects: [{ issuer: 'demo', group: id }],
          rules: rules(allow),
        }),
      );
    await policy('all', VERBS);
    // May write, and neither read nor list.
    await policy('writers', ['PUT', 'PUT_LOCK', 'PUT_TAGS']);
    const kept = { encryption: 'required', prefixes: { 'plain/': 'off' } };
    stack = await startStack('ceph', { policies: { directory: folder }, buckets: { [LOCKED]: kept, [OPEN]: kept } });
    token = await stack.forge({ sub: 'someone', groups: ['all'] });
    writer = await stack.forge({ sub: 'writer', groups: ['writers'] });
  });
  after(async () => {
    await stack.stop();
    await ceph.stop();
    await rm(folder, { recursive: true });
  });

  const call = (
    method: string,
    [bucket, key, query = '']: readonly [bucket: string, key: string, query?: string],
    { headers = {}, body, as = token }: { headers?: Headers; body?: Buffer | string; as?: string } = {},
  ): Promise<Answer> =>
    stack.client.call({
      ...{ method, target: target(bucket, key) + query, token: as, headers },
      ...(body === undefined ? {} : { body }),
    });
  const must = async (answer: Promise<Answer>): Promise<Answer> => {
    const settled = await answer;
    assert.ok(settled.status < 300 && settled.code === undefined, `${settled.status} ${settled.body.toString()}`);
    return settled;
  };
  const inSeconds = (seconds: number): string => new Date(Date.now() + seconds * 1000).toISOString();
  const lockUntil = (seconds: number): Headers => ({
    'x-amz-object-lock-mode': 'GOVERNANCE',
    'x-amz-object-lock-retain-until-date': inSeconds(seconds),
    'x-amz-object-lock-legal-hold': 'ON',
  });
  /** Of the store itself, past the gateway. */
  const stored = async (bucket: string, key: string) =>
    (await ceph.request(ceph.lab.owner, { method: 'HEAD', bucket, key })).headers;
  const isLocked = async (key: string): Promise<boolean> => {
    const read = async (query: string): Promise<string> =>
      (await ceph.request(ceph.lab.owner, { method: 'GET', bucket: LOCKED, key, query })).body.toString();
    const [retention, hold] = [await read('retention='), await read('legal-hold=')];
    return retention.includes('<Mode>GOVERNANCE<') && hold.includes('<Status>ON<');
  };
  const tagsOf = async (bucket: string, key: string): Promise<string> => {
    const { body } = await ceph.request(ceph.lab.owner, { method: 'GET', bucket, key, query: 'tagging=' });
    return [...body.toString().matchAll(/<Key>(.*?)<\/Key><Value>(.*?)<\/Value>/g)]
      .map(([, name, value]) => `${name}=${value}`)
      .join('&');
  };
  const begin = async (bucket: string, key: string, headers: Headers = {}, as = token): Promise<string> => {
    const { body } = await must(call('POST', [bucket, key, '?uploads'], { headers, as }));
    return encodeURIComponent(/<UploadId>(.*?)</.exec(body.toString())?.[1] ?? '');
  };
  const complete = async (
    [bucket, key, id]: readonly [bucket: string, key: string, id: string],
    {
      parts = ['part'],
      headers = {},
      as = token,
    }: { parts?: readonly (Buffer | string)[]; headers?: Headers; as?: string } = {},
  ): Promise<Answer> => {
    let document = '';
    for (const [at, body] of parts.entries()) {
      const query = `?partNumber=${at + 1}&uploadId=${id}`;
      const { headers: reported } = await must(call('PUT', [bucket, key, query], { body, as }));
      document += `<Part><PartNumber>${at + 1}</PartNumber><ETag>${reported.etag ?? ''}</ETag></Part>`;
    }
    const body = `<CompleteMultipartUpload>${document}</CompleteMultipartUpload>`;
    return call('POST', [bucket, key, `?uploadId=${id}`], { body, headers, as });
  };
  let count = 0;
  const run = randomBytes(4).toString('hex');

  for (const [prefix, other] of [
    ['', 'plain/'],
    ['plain/', ''],
  ] as const) {
    const fresh = (): string => `${prefix}${run}/${(count += 1)}`;
    const name = prefix === '' ? 'encrypted' : 'plain';

    describe(name, () => {
      it('keeps the lock of a PutObject, a copy and an upload in parts', async () => {
        const [source, foreign, put, copied, across, uploaded] = [
          fresh(),
          `${other}${run}/${count}`,
          fresh(),
          fresh(),
          fresh(),
          fresh(),
        ];
        for (const key of [source, foreign]) await must(call('PUT', [LOCKED, key], { body: 'source' }));
        const headers = lockUntil(600);
        await must(call('PUT', [LOCKED, put], { body: 'x', headers }));
        const from = (key: string) => ({ 'x-amz-copy-source': `${LOCKED}/${key}` });
        await must(call('PUT', [LOCKED, copied], { headers: { ...headers, ...from(source) } }));
        await must(call('PUT', [LOCKED, across], { headers: { ...headers, ...from(foreign) } }));
        await must(complete([LOCKED, uploaded, await begin(LOCKED, uploaded, headers)]));
        for (const key of [put, copied, across, uploaded]) assert.ok(await isLocked(key), key);
      });

      it('keeps the lock and the tags of an upload whose caller may write and not read', async () => {
        const key = fresh();
        const headers = { ...lockUntil(600), 'x-amz-tagging': 'a=b&c=d%20e' };
        await must(complete([LOCKED, key, await begin(LOCKED, key, headers, writer)], { as: writer }));
        assert.ok(await isLocked(key));
        assert.equal(await tagsOf(LOCKED, key), 'a=b&c=d e');
      });

      it('refuses a lock where the bucket keeps none, before anything is written', async () => {
        const [source, put, copied, uploaded] = [fresh(), fresh(), fresh(), fresh()];
        await must(call('PUT', [OPEN, source], { body: 'source' }));
        const headers = lockUntil(600);
        const copy = { ...headers, 'x-amz-copy-source': `${OPEN}/${source}` };
        for (const answer of [
          await call('PUT', [OPEN, put], { body: 'x', headers }),
          await call('PUT', [OPEN, copied], { headers: copy }),
          await call('POST', [OPEN, uploaded, '?uploads'], { headers }),
        ]) {
          assert.deepEqual([answer.status, answer.code], [400, 'InvalidRequest']);
        }
        for (const key of [put, copied]) assert.equal((await call('HEAD', [OPEN, key])).status, 404);
      });

      it('refuses a lock until a time gone by when the upload begins', async () => {
        const answer = await call('POST', [LOCKED, fresh(), '?uploads'], { headers: lockUntil(-5) });
        assert.deepEqual([answer.status, answer.code], [400, 'InvalidArgument']);
      });

      it('keeps the tags of an upload in parts, and of a copy that replaces them, metadata or both', async () => {
        const [source, uploaded] = [fresh(), fresh()];
        await must(complete([OPEN, uploaded, await begin(OPEN, uploaded, { 'x-amz-tagging': 'a=b' })]));
        assert.equal(await tagsOf(OPEN, uploaded), 'a=b');
        await must(call('PUT', [OPEN, source], { body: 'source', headers: { 'x-amz-tagging': 's=1' } }));
        const copy = async (headers: Headers): Promise<string> => {
          const key = fresh();
          await must(call('PUT', [OPEN, key], { headers: { ...headers, 'x-amz-copy-source': `${OPEN}/${source}` } }));
          assert.equal((await call('GET', [OPEN, key])).body.toString(), 'source');
          return tagsOf(OPEN, key);
        };
        const metadata = { 'x-amz-metadata-directive': 'REPLACE', 'x-amz-meta-new': 'x' };
        const tags = { 'x-amz-tagging-directive': 'REPLACE', 'x-amz-tagging': 'a=b' };
        assert.equal(await copy(tags), 'a=b');
        assert.equal(await copy({ ...metadata, ...tags }), 'a=b');
        assert.equal(await copy({ 'x-amz-tagging-directive': 'REPLACE' }), '');
        assert.equal(await copy(metadata), 's=1');
        assert.equal(await copy({ ...metadata, 'x-amz-tagging-directive': 'COPY' }), 's=1');
        assert.equal(await copy({}), 's=1');
      });

      it('holds a copy and a part to the conditions on their source', async () => {
        const [source, to, parts] = [fresh(), fresh(), fresh()];
        const { headers } = await must(call('PUT', [OPEN, source], { body: 'source' }));
        const etag = headers.etag ?? '';
        const modified = (await call('HEAD', [OPEN, source])).headers['last-modified'] ?? '';
        const id = await begin(OPEN, parts);
        const past = 'Wed, 01 Jan 2020 00:00:00 GMT';
        const copy = (conditions: Headers, target: readonly [string, string, string?]) =>
          call('PUT', target, { headers: { ...conditions, 'x-amz-copy-source': `${OPEN}/${source}` } });
        const failing: readonly Headers[] = [
          { 'x-amz-copy-source-if-match': `"${'0'.repeat(32)}"` },
          { 'x-amz-copy-source-if-none-match': etag },
          { 'x-amz-copy-source-if-modified-since': modified },
          { 'x-amz-copy-source-if-unmodified-since': past },
        ];
        for (const prefix of [[OPEN, to] as const, [OPEN, parts, `?partNumber=1&uploadId=${id}`] as const]) {
          for (const conditions of failing) {
            const answer = await copy(conditions, prefix);
            assert.deepEqual([answer.status, answer.code], [412, 'PreconditionFailed'], JSON.stringify(conditions));
          }
        }
        assert.equal((await call('HEAD', [OPEN, to])).status, 404);
        await must(copy({ 'x-amz-copy-source-if-match': etag }, [OPEN, to]));
        await must(copy({ 'x-amz-copy-source-if-match': etag }, [OPEN, parts, `?partNumber=1&uploadId=${id}`]));
      });

      it('holds a copy to the conditions on what it replaces', async () => {
        const [source, to] = [fresh(), fresh()];
        await must(call('PUT', [OPEN, source], { body: 'new' }));
        const { headers } = await must(call('PUT', [OPEN, to], { body: 'old' }));
        const copy = (conditions: Headers) =>
          call('PUT', [OPEN, to], { headers: { ...conditions, 'x-amz-copy-source': `${OPEN}/${source}` } });
        for (const conditions of [{ 'if-none-match': '*' }, { 'if-match': `"${'0'.repeat(32)}"` }] as const) {
          assert.equal((await copy(conditions)).status, 412);
        }
        assert.equal((await call('GET', [OPEN, to])).body.toString(), 'old');
        await must(copy({ 'if-match': headers.etag ?? '' }));
        assert.equal((await call('GET', [OPEN, to])).body.toString(), 'new');
      });

      for (const who of ['a reader', 'a caller who may not read'] as const) {
        it(`holds the end of an upload to its conditions and its size: of ${who}`, async () => {
          const as = who === 'a reader' ? token : writer;
          const key = fresh();
          const { headers } = await must(call('PUT', [OPEN, key], { body: 'old' }));
          for (const [conditions, status] of [
            [{ 'if-none-match': '*' }, 412],
            [{ 'if-match': `"${'0'.repeat(32)}"` }, 412],
            [{ 'x-amz-mp-object-size': '5' }, 400],
          ] as const) {
            const answer = await complete([OPEN, key, await begin(OPEN, key, {}, as)], { headers: conditions, as });
            assert.equal(answer.status, status, JSON.stringify(conditions));
          }
          const held = await call('POST', [OPEN, key, '?uploads'], { headers: { 'if-none-match': '*' }, as });
          assert.equal(held.status, 412);
          assert.equal((await call('GET', [OPEN, key])).body.toString(), 'old');
          const absent = fresh();
          const missing = await complete([OPEN, absent, await begin(OPEN, absent, {}, as)], {
            ...{ headers: { 'if-match': headers.etag ?? '' }, as },
          });
          assert.equal(missing.status, 404);
          const right = { 'if-match': headers.etag ?? '', 'x-amz-mp-object-size': String(MIN + 4) };
          const parts = [Buffer.alloc(MIN), 'last'];
          await must(complete([OPEN, key, await begin(OPEN, key, {}, as)], { parts, headers: right, as }));
          assert.equal((await call('HEAD', [OPEN, key])).headers['content-length'], String(MIN + 4));
        });
      }

      it('gives the part of an object that is requested, or says that the store cannot', async () => {
        const key = fresh();
        await must(complete([OPEN, key, await begin(OPEN, key)], { parts: [Buffer.alloc(MIN), 'last'] }));
        for (const method of ['GET', 'HEAD']) {
          const part = await call(method, [OPEN, key, '?partNumber=2']);
          const isRefused = prefix !== '' && part.status === 501;
          if (!isRefused) assert.equal(part.headers['content-length'], '4', method);
        }
        const single = fresh();
        await must(call('PUT', [OPEN, single], { body: 'whole' }));
        assert.equal((await must(call('GET', [OPEN, single, '?partNumber=1']))).body.toString(), 'whole');
      });

      it('does not answer that the store encrypted a copy where it did not', async () => {
        const [source, to] = [fresh(), fresh()];
        await must(call('PUT', [OPEN, source], { body: 'source' }));
        const headers = { 'x-amz-copy-source': `${OPEN}/${source}`, 'x-amz-server-side-encryption': 'AES256' };
        const answer = await call('PUT', [OPEN, to], { headers });
        const shown = answer.status === 200 ? (await stored(OPEN, to))['x-amz-server-side-encryption'] : 'AES256';
        assert.equal(shown, 'AES256', `${answer.status}`);
      });
    });
  }
});
