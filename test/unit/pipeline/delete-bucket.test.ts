import assert from 'node:assert/strict';
import { createUploads } from '../../../src/objects/uploads.ts';
import { createPipeline } from '../../../src/pipeline/pipeline.ts';
import type { SignedRequest } from '../../../src/core/upstream/signer.ts';
import { cipherOf } from '../core/cipher/object-store.ts';
import { chunks, client, world } from './world.ts';

const FACTS =
  '<VersionId>null</VersionId><IsLatest>true</IsLatest><LastModified>2026-11-20T00:00:00.000Z</LastModified><Size>1</Size>';

/** A bucket with these keys, deleted only when it is empty. */
async function deleteBucket(input: readonly string[], { listsVersions = true } = {}) {
  const keys = new Set(input);
  const answer = ({ method, target }: SignedRequest) => {
    const [path = '', search = ''] = target.split('?');
    const query = new Map(search.split('&').map((pair) => pair.split('=') as [string, string]));
    const key = path.replace(/^\/box\/?/, '');
    if (method === 'DELETE' && key !== '') {
      keys.delete(key);
      return { status: 204 };
    }
    if (method === 'DELETE') {
      if (keys.size === 0) return { status: 204 };
      return { status: 409, body: chunks('<Error><Code>BucketNotEmpty</Code></Error>') };
    }
    if (query.has('versions') && !listsVersions) {
      return { status: 501, body: chunks('<Error><Code>NotImplemented</Code></Error>') };
    }
    const [root, name] = query.has('versions') ? ['ListVersionsResult', 'Version'] : ['ListBucketResult', 'Contents'];
    const prefix = query.get('prefix') ?? '';
    const after = query.get('key-marker') ?? query.get('start-after') ?? '';
    const found = [...keys].toSorted().filter((one) => one.startsWith(prefix) && one > after);
    const page = found.slice(0, Number(query.get('max-keys')));
    const entries = page.map((one) => `<${name}><Key>${one}</Key>${FACTS}</${name}>`);
    const document = `<${root}><IsTruncated>${found.length > page.length}</IsTruncated>${entries.join('')}</${root}>`;
    return { status: 200, body: chunks(document) };
  };
  const made = world({ answer });
  const uploads = createUploads({ cipher: cipherOf(), clock: Date });
  const exchange = client('DELETE', '/box', [], made.steps);
  await createPipeline({ ...made.dependencies, uploads })(exchange);
  return { status: exchange.status(), left: [...keys], planned: made.planned };
}

const STATE = '.sallyport/uploads/f/state';

describe('DeleteBucket', () => {
  for (const listsVersions of [true, false]) {
    const where = listsVersions ? '' : ' at a store that lists no versions';
    it(`deletes a bucket that holds nothing but what is kept of uploads${where}`, async () => {
      const { status, left } = await deleteBucket([STATE], { listsVersions });
      assert.deepEqual([status, left], [204, []]);
    });

    for (const key of ['-', '.sallyport0', 'a']) {
      it(`touches nothing in a bucket that holds ${key} beside it${where}`, async () => {
        const { status, left } = await deleteBucket([STATE, key], { listsVersions });
        assert.equal(status, 409);
        assert.equal(left.length, 2);
      });
    }
  }

  it('looks into a bucket by a session that may list and nothing else', async () => {
    const { planned } = await deleteBucket([STATE]);
    assert.deepEqual(
      planned.at(-1)?.flatMap(({ grants }) => grants.flatMap(({ verbs }) => verbs)),
      ['LIST_VERSIONS', 'LIST'],
    );
  });
});
