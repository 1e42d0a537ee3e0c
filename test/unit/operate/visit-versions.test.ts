import assert from 'node:assert/strict';
import type { StoreRequest } from '../../../src/contracts/store-session.ts';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import type { OperatorSession } from '../../../src/operate/operator-session.ts';
import { visitVersions, type VisitReport } from '../../../src/operate/visit-versions.ts';
import { scriptedSession, type Reply } from './store-double.ts';

/** Envelopes are the names of key versions here. */
const dependencies = {
  cipher: { describe: (envelope: string) => ({ kind: 's', keyId: envelope }) as const },
  legacy: undefined,
  clock: { now: () => 0 },
};
const quiet = { expect: () => undefined, step: () => undefined };

const page = (versionId: string): Reply => ({
  body:
    '<ListVersionsResult><Name>box</Name><IsTruncated>false</IsTruncated><Version><Key>k</Key>' +
    `<VersionId>${versionId}</VersionId><IsLatest>true</IsLatest><LastModified>2026-11-20T00:00:00.000Z</LastModified>` +
    '<ETag>"e"</ETag><Size>1</Size><StorageClass>STANDARD</StorageClass></Version></ListVersionsResult>',
});

const head = (keyId: string, versionId?: string): Reply => ({
  headers: {
    ...{ etag: '"e"', 'content-length': '1', 'x-amz-meta-sallyport': keyId },
    ...(versionId === undefined ? {} : { 'x-amz-version-id': versionId }),
  },
});

const named = ({ query }: StoreRequest): string | undefined => query.find(([name]) => name === 'versionId')?.[1];

/** Lists one current version, `listed`; `stored` says what a version is, or the current one where none is named. */
async function swept(
  listed: string,
  stored: (versionId: string | undefined) => Reply,
  list: (request: StoreRequest) => Reply = () => page(listed),
) {
  const { session, requested } = scriptedSession((request) =>
    request.key === '' ? list(request) : stored(named(request)),
  );
  const at: OperatorSession = {
    rules: session.bucket,
    location: { bucket: 'box', prefix: '' },
    session: () => Promise.resolve(session),
    recorded: () => Promise.reject(new Error('nothing is written')),
  };
  const options = { concurrency: 1, signal: new AbortController().signal, progress: quiet, countFirst: false };
  const report: VisitReport = await visitVersions(dependencies, at, options, (_, now) => Promise.resolve({ now }));
  return { ...report, heads: requested.filter(({ key }) => key !== '').length };
}

const gone = (code: 'NoSuchKey' | 'NoSuchVersion'): never => {
  throw new GatewayError(code);
};

const ONE = { current: 1, old: 0, locked: 0 };
const OLD = { current: 0, old: 1, locked: 0 };

/** A page of objects, and where the next one begins. */
const objects = (key: string, next?: string): Reply => ({
  body:
    `<ListBucketResult><Name>box</Name><IsTruncated>${next !== undefined}</IsTruncated><Contents><Key>${key}</Key>` +
    '<LastModified>2026-11-20T00:00:00.000Z</LastModified><ETag>"e"</ETag><Size>1</Size></Contents>' +
    `${next === undefined ? '' : `<NextContinuationToken>${next}</NextContinuationToken>`}</ListBucketResult>`,
});

/** Of a store without versions: it refuses to list them, or lists the objects whatever is asked. */
const withoutVersions =
  (refuses: boolean) =>
  ({ query }: StoreRequest): Reply => {
    const requested = new Map(query);
    if (refuses && requested.has('versions')) throw new GatewayError('NotImplemented');
    return requested.get('continuation-token') === 'more' ? objects('l') : objects('k', 'more');
  };

describe('a sweep over a store that lists no versions', () => {
  for (const refuses of [true, false]) {
    it(`takes its objects, page by page, and says so, where it ${refuses ? 'refuses to' : 'lists those instead'}`, async () => {
      const { versions, failed, complete, listsVersions, heads } = await swept(
        '',
        () => head('local:1'),
        withoutVersions(refuses),
      );
      assert.deepEqual(versions.sealed, { 'local:1': { current: 2, old: 0, locked: 0 } });
      assert.deepEqual([failed, complete, listsVersions, heads], [0, true, false, 2]);
    });
  }

  it('counts nothing of what is gone meanwhile, and asks for no version of it', async () => {
    const none = await swept('', () => gone('NoSuchKey'), withoutVersions(true));
    assert.deepEqual([none.versions.sealed, none.failed, none.heads], [{}, 0, 2]);
  });

  it('owns to what it cannot see, where such a store keeps versions all the same', async () => {
    const { versions } = await swept('', () => head('local:2', 'v2'), withoutVersions(true));
    assert.deepEqual(versions.unknown, { current: 0, old: 2, locked: 0 });
  });

  it('fails at a page that says that there is more and not where', async () => {
    const lost = (): Reply => ({ body: objects('k', 'more').body?.replace(/<Next.*Token>/, '') ?? '' });
    await assert.rejects(
      swept('', () => head('local:1'), lost),
      (error) => error instanceof GatewayError && error.code === 'InternalError',
    );
  });
});

describe('a sweep over versions', () => {
  it('asks once of one that is as it was listed, whether the bucket keeps versions or not', async () => {
    for (const [listed, shown] of [
      ['v1', 'v1'],
      ['v1', undefined],
      ['null', 'null'],
      ['null', undefined],
    ] as const) {
      const { versions, heads } = await swept(listed, () => head('local:1', shown));
      assert.deepEqual(versions.sealed, { 'local:1': ONE });
      assert.equal(heads, 1);
    }
  });

  it('counts what was current when it was listed and is an old version by now: its key is needed as before', async () => {
    for (const listed of ['v1', 'null']) {
      const { versions } = await swept(listed, (version) =>
        version === undefined ? head('local:2', 'v2') : head('local:1', version),
      );
      assert.deepEqual(versions.sealed, { 'local:1': OLD, 'local:2': ONE });
    }
  });

  it('counts what lies under a delete marker that came meanwhile', async () => {
    const { versions, failed } = await swept('v1', (version) =>
      version === undefined ? gone('NoSuchKey') : head('local:1', version),
    );
    assert.deepEqual(versions.sealed, { 'local:1': OLD });
    assert.equal(failed, 0);
  });

  it('counts nothing of what is really gone, and owns to what it cannot see', async () => {
    const none = await swept('v1', (version) => gone(version === undefined ? 'NoSuchKey' : 'NoSuchVersion'));
    assert.deepEqual([none.versions.sealed, none.failed], [{}, 0]);
    const unseen = await swept('v1', (version) => {
      if (version === undefined) return head('local:2', 'v2');
      throw new GatewayError('SlowDown');
    });
    assert.deepEqual([unseen.versions.unknown, unseen.failed], [OLD, 1]);
  });
});
