import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CopyObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  paginateListObjectsV2,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { triesOf } from '../support/chance.ts';
import { freePort } from '../../demo/free-port.ts';
import { HOSTILE_KEYS } from '../support/http/hostile-keys.ts';
import { sessionOf } from '../support/identity/session.ts';
import { sharedKind, startStack, type Stack } from '../support/stack/stack.ts';

/** `npm run conformance` asks for 10,000. */
const COUNT = Number(process.env['SALLYPORT_TEST_KEYS'] ?? triesOf(300));
/** Several pages of any listing. */
const PAGE = Math.min(137, Math.ceil(COUNT / 3));
const AT_ONCE = 16;
/** Its own: a store may outlive a run. */
const PREFIX = `hostile/${randomUUID()}/`;
const MAX_KEY_BYTES = 1024;
/** Without the control characters that XML 1.0 cannot hold: no DeleteObjects could name them. */
const ALPHABET = [
  ...` !"#$%&'()*+,-./:;<=>?@[\\]^_\`{|}~aZ09`.split(/(?=.)/s),
  ...['//', '/./', '/../', '..', '%2F', '%252F', '%00', '\t', '\n'],
  ...['é', 'e\u0301', 'ß', 'İ', 'ﬁ', '日本', '\u00a0', '\u200b', '\u202e', '\ufeff', '\u0085', '\u2028'],
  ...['😀', '👩‍👩‍👧', '\u{10fffd}'],
];

/** The same keys in every run: a linear congruential generator chooses the parts. */
function hostileKeys(count: number): readonly string[] {
  let state = 20_260_101;
  const next = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const keys = new Set(HOSTILE_KEYS.map((key) => PREFIX + key));
  while (keys.size < count) {
    let key = PREFIX;
    for (let parts = 1 + next(12); parts > 0; parts -= 1) key += ALPHABET[next(ALPHABET.length)] ?? '';
    if (Buffer.byteLength(key) <= MAX_KEY_BYTES) keys.add(key);
  }
  return [...keys].slice(0, count);
}

describe(`${COUNT} keys with hostile names`, function () {
  this.timeout(1_800_000);
  const keys = hostileKeys(COUNT);
  let stack: Stack;
  let s3: S3Client;
  let policies: string;

  before(async () => {
    policies = await mkdtemp(join(tmpdir(), 'sallyport-policies-'));
    const rules = ['reports', 'artifacts'].map((bucket) => ({
      id: bucket,
      allow: ['GET', 'PUT', 'DELETE', 'LIST'],
      bucket,
      prefix: PREFIX,
    }));
    const subjects = [{ issuer: 'demo', group: 'clerks' }];
    await writeFile(
      join(policies, 'clerks.yaml'),
      JSON.stringify({ id: 'clerks', description: 'Clerks keep hostile names.', subjects, rules }),
    );
    const port = await freePort();
    stack = await startStack(sharedKind(), {
      listen: { address: `127.0.0.1:${port}`, allowPlaintextLoopback: true },
      buckets: { reports: {}, artifacts: { encryption: 'off' } },
      policies: { directory: policies },
      log: { level: 'warn' },
    });
    const endpoint = `http://127.0.0.1:${port}`;
    const token = await stack.forge({ sub: 'clerk', groups: ['clerks'], exp: Math.floor(Date.now() / 1000) + 3600 });
    const credentials = await sessionOf(endpoint, token);
    s3 = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
  });

  after(async () => {
    s3.destroy();
    await stack.stop();
    await rm(policies, { recursive: true, force: true });
  });

  const forEach = async (names: readonly string[], act: (key: string) => Promise<void>): Promise<void> => {
    const left = [...names];
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (let key = left.pop(); key !== undefined; key = left.pop()) await act(key);
      }),
    );
  };
  const contentOf = (key: string): string => `content of ${key}`;
  const read = async (Bucket: string, Key: string): Promise<string> =>
    (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body!.transformToString();
  const list = async (Bucket: string): Promise<string[]> => {
    const listed: string[] = [];
    for await (const page of paginateListObjectsV2(
      { client: s3, pageSize: PAGE },
      { Bucket, Prefix: PREFIX, EncodingType: 'url' },
    )) {
      assert.equal(page.EncodingType, 'url');
      listed.push(...(page.Contents ?? []).map(({ Key = '' }) => decodeURIComponent(Key.replaceAll('+', '%20'))));
    }
    return listed;
  };
  const inByteOrder = (names: readonly string[]): string[] =>
    names.toSorted((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));

  /** What the store itself has there; others keep theirs beside it. */
  const stored = async (bucket: string): Promise<string[]> =>
    inByteOrder((await stack.raw.list(bucket)).filter((key) => key.startsWith(PREFIX)));

  for (const bucket of ['reports', 'artifacts']) {
    const where = bucket === 'reports' ? 'an encrypted bucket' : 'a plain bucket';

    it(`survive put and get in ${where}, and the store holds no other names`, async () => {
      await forEach(keys, async (Key) => {
        await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: contentOf(Key) }));
      });
      await forEach(keys, async (Key) => assert.equal(await read(bucket, Key), contentOf(Key), JSON.stringify(Key)));
      assert.deepEqual(await stored(bucket), inByteOrder(keys));
    });

    it(`survive a listing by pages of ${where}, in the order of their bytes`, async () => {
      assert.deepEqual(await list(bucket), inByteOrder(keys));
    });
  }

  it('survive a copy', async () => {
    const half = keys.filter((_, index) => index % 2 === 0);
    await forEach(half, async (key) => {
      const CopySource = `artifacts/${encodeURIComponent(key)}`;
      const Key = `${PREFIX}copies/${key.slice(PREFIX.length)}`;
      if (Buffer.byteLength(Key) > MAX_KEY_BYTES) return;
      await s3.send(new CopyObjectCommand({ Bucket: 'artifacts', Key, CopySource }));
      assert.equal(await read('artifacts', Key), contentOf(key), JSON.stringify(key));
    });
  });

  it('are deleted, each and nothing else', async () => {
    for (const bucket of ['reports', 'artifacts']) {
      const all = await list(bucket);
      const kept = all.filter((_, index) => index % 10 === 0);
      const stays = new Set(kept);
      const doomed = all.filter((key) => !stays.has(key));
      for (let at = 0; at < doomed.length; at += 1000) {
        const Objects = doomed.slice(at, at + 1000).map((Key) => ({ Key }));
        const answer = await s3.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects } }));
        assert.equal(answer.Errors, undefined);
        assert.deepEqual(
          answer.Deleted?.map(({ Key }) => Key),
          Objects.map(({ Key }) => Key),
        );
      }
      assert.deepEqual(await stored(bucket), kept);
    }
  });
});
