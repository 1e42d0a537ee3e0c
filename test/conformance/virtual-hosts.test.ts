/** Buckets that a whole gateway addresses by hosts of their own, beside one that it addresses by the path. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { target, type Answer } from '../support/client/client.ts';
import { HOSTILE_KEYS } from '../support/http/hostile-keys.ts';
import { field, ObjectCalls, partQuery } from '../support/store/object-calls.ts';
import { sharedKind } from '../support/stack/stack.ts';
import { startTwinGateways, type TwinGateways } from '../support/stack/twin-gateways.ts';

const PART = randomBytes(5 * 1024 * 1024);
const REST = randomBytes(70_001);
/** Where the host names the bucket, nothing stands before these but the slash that every target has. */
const LEADING_SLASHES = ['/', '//', '///', '/leading', '//two', '/../up', '/./here', '/reports/like-a-bucket'];
const BUCKETS = ['reports', 'artifacts'] as const;

describe('virtual-hosted buckets', function () {
  this.timeout(300_000);
  let twins: TwinGateways;
  let token: string;
  let turn = 0;
  const run = `${randomBytes(4).toString('hex')}/`;
  const client = () => twins.clients[(turn += 1) % 2]!;
  const at = (bucket: string, key: string) => new ObjectCalls(client, token, bucket, key);
  const call = (bucket: string, query: string, method = 'GET', body?: Buffer): Promise<Answer> =>
    client().call({ method, target: `/${bucket}?${query}`, token, ...(body !== undefined && { body }) });

  before(async () => {
    const rules = { encryption: 'required', prefixes: { 'plain/': 'off', '/plain/': 'off' } };
    twins = await startTwinGateways(
      { reports: rules, artifacts: { ...rules, style: 'path' } },
      { kind: sharedKind(), style: 'virtual' },
    );
    token = await twins.token('alice');
  });
  after(() => twins.stop());
  beforeEach(() => twins.proxy.reset());

  /** Every request since the test began was sent where its bucket lives. */
  function demandHosts(): void {
    const port = new URL(twins.proxy.endpoint).port;
    assert.notEqual(twins.proxy.calls.length, 0);
    for (const { host, target: sent, method } of twins.proxy.calls) {
      const isHosted = host === `reports.localhost:${port}`;
      assert.ok(
        isHosted || (host === `localhost:${port}` && /^\/artifacts(?:[/?]|$)/.test(sent)),
        `${method} ${host}${sent}`,
      );
    }
  }

  async function namesIn(bucket: string, prefix: string, pageSize = 1000): Promise<string[]> {
    const names: string[] = [];
    for (let after = ''; ;) {
      const query = `list-type=2&encoding-type=url&max-keys=${pageSize}&prefix=${encodeURIComponent(prefix)}${after}`;
      const page = await call(bucket, query);
      assert.equal(page.status, 200, page.body.toString());
      const text = page.body.toString();
      names.push(
        ...[...text.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, name = '']) =>
          decodeURIComponent(name.replaceAll('+', '%20')),
        ),
      );
      if (!text.includes('<IsTruncated>true<')) return names;
      after = `&continuation-token=${encodeURIComponent(field(page, 'NextContinuationToken'))}`;
    }
  }

  const inByteOrder = (names: readonly string[]): string[] =>
    names.toSorted((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));

  for (const key of LEADING_SLASHES) {
    it(`keep the slashes of the key ${JSON.stringify(key)}, and mean no other object`, async () => {
      for (const bucket of BUCKETS) {
        const body = Buffer.from(`content of ${key} in ${bucket}`);
        await at(bucket, key).must('PUT', '', {}, body);
        assert.ok((await at(bucket, key).must('GET')).body.equals(body));
        assert.deepEqual(
          (await namesIn(bucket, '/')).filter((name) => name === key),
          [key],
        );
        const raw = await twins.raw({ method: 'HEAD', bucket, key });
        assert.equal(raw.status, 200);
        assert.equal(typeof raw.headers['x-amz-meta-sallyport'], 'string');
        if (bucket === 'reports')
          assert.ok(twins.proxy.calls.some(({ target: sent }) => sent === target('', key).slice(1)));
        await at(bucket, key).must('DELETE');
        assert.equal((await twins.raw({ method: 'HEAD', bucket, key })).status, 404);
      }
      demandHosts();
    });
  }

  it('decide by the whole key how it is kept', async () => {
    for (const [key, isPlain] of [
      ['/plain/a', true],
      ['//plain/a', false],
      [`plain/${run}a`, true],
    ] as const) {
      await at('reports', key).must('PUT', '', {}, REST);
      const raw = await twins.raw({ method: 'GET', bucket: 'reports', key });
      assert.equal(raw.body.equals(REST), isPlain, key);
      await at('reports', key).must('DELETE');
    }
    demandHosts();
  });

  it('survive hostile keys: put, list, get, copy to the other style and back, and delete many', async () => {
    const keys = HOSTILE_KEYS.map((key) => `${run}h/${key}`).filter((key) => Buffer.byteLength(key) <= 1000);
    for (const key of keys) await at('reports', key).must('PUT', '', {}, Buffer.from(key));
    assert.deepEqual(await namesIn('reports', `${run}h/`, 7), inByteOrder(keys));
    for (const key of keys) {
      const across = at('artifacts', key);
      await across.must('PUT', '', { 'x-amz-copy-source': target('reports', key) });
      assert.equal((await across.must('GET')).body.toString(), key);
      const back = at('reports', `${key}~`);
      await back.must('PUT', '', { 'x-amz-copy-source': target('artifacts', key) });
      assert.equal((await back.must('GET')).body.toString(), key);
    }
    // A tab would have to be written as a reference, and is no matter of the host.
    const escaped = (key: string): string => key.replace(/[<>&"'\t]/g, (found) => `&#${found.charCodeAt(0)};`);
    for (const [bucket, names] of [
      ['reports', [...keys, ...keys.map((key) => `${key}~`)]],
      ['artifacts', keys],
    ] as const) {
      const objects = names.map((key) => `<Object><Key>${escaped(key)}</Key></Object>`).join('');
      const document = Buffer.from(`<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${objects}</Delete>`);
      const deleted = await call(bucket, 'delete', 'POST', document);
      assert.equal(deleted.body.toString().match(/<Deleted>/g)?.length, names.length, deleted.body.toString());
      assert.deepEqual(await namesIn(bucket, `${run}h/`), []);
    }
    demandHosts();
  });

  for (const host of ['', 'plain/']) {
    it(`take uploads in parts, copied parts of both styles among them, ${host === '' ? 'encrypted' : 'plain'}`, async () => {
      const whole = Buffer.concat([PART, REST]);
      for (const [bucket, other] of [
        ['reports', 'artifacts'],
        ['artifacts', 'reports'],
      ] as const) {
        const source = at(other, `${host}${run}source`);
        await source.must('PUT', '', {}, PART);
        const made = at(bucket, `${host}${run}parts`);
        const uploadId = await made.create();
        const from = { 'x-amz-copy-source': target(source.bucket, source.key) };
        const copied = await made.must('PUT', partQuery(uploadId, 1), from);
        const first = { number: 1, etag: field(copied, 'ETag').replaceAll('&quot;', '"') };
        const second = await made.uploadPart(uploadId, 2, REST);
        const uploads = await call(bucket, `uploads&prefix=${encodeURIComponent(made.key)}`);
        assert.ok(uploads.body.includes(made.key));
        assert.deepEqual(
          (await made.listParts(uploadId)).map(({ number }) => number),
          [1, 2],
        );
        assert.equal((await made.complete(uploadId, [first, second])).status, 200);
        const got = await made.must('GET');
        assert.ok(got.body.equals(whole));
        const range = await made.must('GET', '', { range: `bytes=${PART.length - 5}-${PART.length + 4}` });
        assert.ok(range.body.equals(whole.subarray(PART.length - 5, PART.length + 5)));
        const received = await made.create();
        await made.must('DELETE', `uploadId=${encodeURIComponent(received)}`);
        for (const object of [source, made]) await object.must('DELETE');
      }
      demandHosts();
    });
  }

  it('list by pages of every size, versions too, with the sizes of the plaintext', async () => {
    const keys = Array.from({ length: 23 }, (_, index) => `${run}pages/${index % 2 === 0 ? '/' : ''}${index}`);
    for (const [index, key] of keys.entries()) await at('reports', key).must('PUT', '', {}, Buffer.alloc(index * 37));
    for (const size of [1, 2, 22, 23, 24, 1000]) {
      assert.deepEqual(await namesIn('reports', `${run}pages/`, size), inByteOrder(keys));
    }
    const sizes = (text: string) =>
      [...text.matchAll(/<Size>(\d+)</g)].map(([, size]) => Number(size)).sort((a, b) => a - b);
    const expected = keys.map((_, index) => index * 37);
    for (const query of ['list-type=2', 'versions', 'max-keys=1000']) {
      const listed = await call('reports', `${query}&prefix=${encodeURIComponent(`${run}pages/`)}`);
      assert.deepEqual(sizes(listed.body.toString()), expected, query);
    }
    demandHosts();
  });

  it('answer for a bucket itself', async () => {
    for (const bucket of BUCKETS) {
      assert.equal((await client().call({ method: 'HEAD', target: `/${bucket}`, token })).status, 200);
    }
    const missing = await at('reports', `${run}missing`).call('GET');
    assert.deepEqual([missing.status, missing.code], [404, 'NoSuchKey']);
    demandHosts();
  });

  it('may be asked at once, and connections that broke are made anew', async () => {
    const object = at('reports', `${run}busy`);
    await object.must('PUT', '', {}, REST);
    await at('artifacts', `${run}busy`).must('PUT', '', {}, REST);
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) => at(BUCKETS[index % 2]!, `${run}busy`).must('GET')),
    );
    assert.ok(answers.every(({ body }) => body.equals(REST)));
    let cut = false;
    twins.proxy.fault = ({ host }) => {
      if (cut || !host.startsWith('reports.')) return undefined;
      cut = true;
      return 'cut';
    };
    assert.ok((await object.must('GET')).body.equals(REST));
    assert.ok(cut);
    twins.proxy.fault = () => undefined;
    demandHosts();
  });
});
