/**
 * `listing: filtered` at a real store: a caller who may see two homes and all but one folder of a third place. What is shown is
 * held against what is there by every listing, page by page, encrypted and plain.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startCeph, type Ceph } from '../support/store/ceph.ts';
import { target, type Answer } from '../support/client/client.ts';
import { startStack, type Stack } from '../support/stack/stack.ts';

const BUCKET = 'reports';
const ROOT = randomBytes(4).toString('hex');
/** What lies below the root, and which of it the caller may see. */
const NAMES: Readonly<Record<string, boolean>> = {
  'home/ann/a': true,
  'home/ann/deep/b': true,
  'home/bob/secret': false,
  'home/zoë/ü': true,
  'home/zz': false,
  'shared/1': true,
  'shared/board/minutes': false,
  'shared/board.txt': true,
  'shared/boar': true,
  'shared/\u{1F600}': true,
  zero: false,
};

describe('listings of which policy shows parts, at a real store', function () {
  this.timeout(120_000);
  let folder: string;
  let ceph: Ceph;
  let stack: Stack;
  let owner: string;
  let caller: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-filtered-'));
    ceph = await startCeph();
    const policy = (id: string, rules: readonly object[]) =>
      writeFile(
        join(folder, `${id}.yaml`),
        JSON.stringify({ id, description: 'of a test', subjects: [{ issuer: 'demo', group: id }], rules }),
      );
    await policy('all', [
      {
        ...{ id: 'all', allow: ['GET', 'PUT', 'DELETE', 'DELETE_VERSION', 'LIST', 'LIST_VERSIONS'] },
        ...{ bucket: BUCKET, everything: true },
      },
    ]);
    const seen = { allow: ['LIST', 'LIST_VERSIONS'], bucket: BUCKET, listing: 'filtered' };
    await policy('some', [
      { ...seen, id: 'parts', prefixes: ['home/ann/', 'home/zoë/', 'shared/'].map((part) => `${ROOT}/${part}`) },
      { id: 'board', deny: ['LIST', 'LIST_VERSIONS'], bucket: BUCKET, prefix: `${ROOT}/shared/board/`, reason: 'No.' },
    ]);
    stack = await startStack('ceph', {
      policies: { directory: folder },
      buckets: { [BUCKET]: { encryption: 'required' } },
    });
    owner = await stack.forge({ sub: 'owner', groups: ['all'] });
    caller = await stack.forge({ sub: 'caller', groups: ['some'] });
    for (const name of Object.keys(NAMES)) {
      const answer = await call('PUT', target(BUCKET, `${ROOT}/${name}`), owner, name);
      assert.equal(answer.status, 200, answer.body.toString());
    }
  });
  after(async () => {
    for (const name of Object.keys(NAMES)) await call('DELETE', target(BUCKET, `${ROOT}/${name}`), owner);
    await stack.stop();
    await ceph.stop();
    await rm(folder, { recursive: true });
  });

  const call = (method: string, where: string, token: string, body?: string): Promise<Answer> =>
    stack.client.call({ method, target: where, token, ...(body === undefined ? {} : { body }) });

  const shown = Object.keys(NAMES)
    .filter((name) => NAMES[name])
    .map((name) => `${ROOT}/${name}`);
  const ordered = (names: readonly string[]): readonly string[] =>
    [...new Set(names)].sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
  const folderOf = (name: string, prefix: string): string | undefined => {
    const at = name.indexOf('/', prefix.length);
    return at < 0 ? undefined : name.slice(0, at + 1);
  };

  /** Lists all pages of so many names; gives the keys and the common prefixes, in the order in which they came. */
  async function all(
    kind: 'v1' | 'v2' | 'versions',
    { prefix, delimiter, maxKeys }: { prefix: string; delimiter: string; maxKeys: number },
  ): Promise<{ keys: readonly string[]; folders: readonly string[] }> {
    const [keys, folders]: string[][] = [[], []];
    let next: Readonly<Record<string, string>> = {};
    for (let pages = 0; pages < 50; pages += 1) {
      const query = new URLSearchParams({
        ...(kind === 'v2' ? { 'list-type': '2' } : kind === 'versions' ? { versions: '' } : {}),
        ...{ prefix, 'max-keys': String(maxKeys), ...(delimiter === '' ? {} : { delimiter }), ...next },
      });
      const answer = await call('GET', `${target(BUCKET, '')}?${query.toString().replaceAll('+', '%20')}`, caller);
      const xml = answer.body.toString();
      assert.equal(answer.status, 200, xml);
      for (const name of Object.keys(NAMES)) {
        if (NAMES[name] === false) assert.ok(!xml.includes(`<Key>${ROOT}/${name}</Key>`), `${name} is in ${xml}`);
      }
      keys?.push(...valuesOf(xml, 'Key'));
      folders?.push(...[...xml.matchAll(/<CommonPrefixes><Prefix>(.*?)<\/Prefix>/g)].map(([, found = '']) => found));
      if (kind === 'v2') {
        const count = [...xml.matchAll(/<Contents>|<CommonPrefixes>/g)].length;
        assert.equal(Number(valuesOf(xml, 'KeyCount')[0]), count);
      }
      if (valuesOf(xml, 'IsTruncated')[0] !== 'true') return { keys: keys ?? [], folders: folders ?? [] };
      const last = [...valuesOf(xml, 'Key'), ...(folders ?? [])].at(-1) ?? '';
      if (kind === 'v2') next = { 'continuation-token': valuesOf(xml, 'NextContinuationToken')[0] ?? assert.fail(xml) };
      else if (kind === 'v1') next = { marker: valuesOf(xml, 'NextMarker')[0] ?? last };
      else {
        const id = valuesOf(xml, 'NextVersionIdMarker')[0];
        next = {
          'key-marker': valuesOf(xml, 'NextKeyMarker')[0] ?? assert.fail(xml),
          ...(id === undefined || id === '' ? {} : { 'version-id-marker': id }),
        };
      }
    }
    return assert.fail('it never ends');
  }

  const valuesOf = (xml: string, name: string): string[] =>
    [...xml.matchAll(new RegExp(`<${name}>(.*?)</${name}>`, 'g'))].map(([, value = '']) => value);

  for (const kind of ['v1', 'v2', 'versions'] as const) {
    for (const delimiter of ['', '/']) {
      for (const maxKeys of [1, 2, 1000]) {
        it(`${kind} with ${delimiter === '' ? 'no delimiter' : 'a delimiter'}, ${maxKeys} a page, is what may be seen`, async () => {
          for (const below of ['', 'home/', 'shared/', 'shared/boar']) {
            const prefix = `${ROOT}/${below}`;
            const { keys, folders } = await all(kind, { prefix, delimiter, maxKeys });
            const under = shown.filter((name) => name.startsWith(prefix));
            const isFolded = (name: string): boolean => delimiter !== '' && folderOf(name, prefix) !== undefined;
            assert.deepEqual(keys, ordered(under.filter((name) => !isFolded(name))), `keys below ${below}`);
            const wanted = under.filter(isFolded).map((name) => folderOf(name, prefix) ?? '');
            assert.deepEqual(folders, ordered(wanted), `folders below ${below}`);
          }
        });
      }
    }
  }

  it('shows of uploads in progress those that may be seen', async () => {
    const begun = new Map<string, string>();
    for (const name of ['home/ann/up', 'home/bob/up', 'shared/board/up', 'shared/up']) {
      const { body } = await call('POST', `${target(BUCKET, `${ROOT}/${name}`)}?uploads=`, owner);
      begun.set(`${ROOT}/${name}`, valuesOf(body.toString(), 'UploadId')[0] ?? assert.fail(body.toString()));
    }
    try {
      const query = new URLSearchParams({ uploads: '', prefix: `${ROOT}/` });
      const answer = await call('GET', `${target(BUCKET, '')}?${query.toString()}`, caller);
      assert.deepEqual(valuesOf(answer.body.toString(), 'Key'), [`${ROOT}/home/ann/up`, `${ROOT}/shared/up`]);
    } finally {
      for (const [key, id] of begun) {
        await call('DELETE', `${target(BUCKET, key)}?uploadId=${encodeURIComponent(id)}`, owner);
      }
    }
  });

  it('is refused below what is denied whole', async () => {
    for (const below of ['home/bob/', 'shared/board/']) {
      const query = new URLSearchParams({ 'list-type': '2', prefix: `${ROOT}/${below}` });
      const answer = await call('GET', `${target(BUCKET, '')}?${query.toString()}`, caller);
      assert.equal(answer.status, 403);
    }
  });
});
