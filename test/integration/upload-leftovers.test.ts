import assert from 'node:assert/strict';
import { uploadFolder } from '../../src/core/cipher/upload-state.ts';
import { pruneLeftovers, type LeftoverReport } from '../../src/operate/upload-leftovers.ts';
import { startOperatorWorld, type OperatorWorld } from '../support/stack/operator-world.ts';

const DAY_MS = 24 * 3_600_000;
const GONE = `.sallyport/uploads/${'a'.repeat(43)}/`;
const LISTS = ['LIST', 'LIST_VERSIONS'] as const;

describe('what killed gateways left of uploads', function () {
  this.timeout(30_000);
  let world: OperatorWorld;
  let live: string;

  const put = (key: string) => world.raw({ method: 'PUT', bucket: 'box', key, body: 'kept' });
  const keys = async (): Promise<readonly string[]> => {
    const listed = await world.raw({ method: 'GET', bucket: 'box', query: { versions: '' } });
    return [...listed.body.toString().matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key]) => key ?? '').toSorted();
  };
  const prune = async (deletes: boolean, agedMs: number, aborted = false): Promise<LeftoverReport> => {
    const operator = await world.operator();
    const control = new AbortController();
    if (aborted) control.abort();
    try {
      const verbs = deletes ? ([...LISTS, 'DELETE', 'DELETE_VERSION'] as const) : LISTS;
      return await pruneLeftovers(
        { ...operator, clock: { now: () => Date.now() + agedMs } },
        {
          listed: operator.open({ bucket: 'box', prefix: '' }, LISTS)!,
          kept: operator.open({ bucket: 'box', prefix: '.sallyport/' }, verbs)!,
          ...{ bucketId: 'box', minAgeMs: DAY_MS, deletes, signal: control.signal },
        },
      );
    } finally {
      await operator.close();
    }
  };

  before(async () => {
    world = await startOperatorWorld({ box: '{}' });
    const created = await world.raw({ method: 'POST', bucket: 'box', key: 'in progress', query: { uploads: '' } });
    const uploadId = /<UploadId>([^<]*)</.exec(created.body.toString())?.[1] ?? '';
    live = uploadFolder({ bucketId: 'box', key: 'in progress' }, uploadId);
    for (const key of [
      `${live}state`,
      `${live}parts/x`,
      `${GONE}state`,
      `${GONE}parts/y`,
      'object',
      '.sallyport/other',
    ]) {
      assert.equal((await put(key)).status, 200);
    }
  });
  after(() => world.stop());

  it('is counted by the command, and nothing of it is deleted unless that is said', async () => {
    const before = await keys();
    const result = await world.command('uploads', 'prune', '--json', '--config', world.configPath, 's3://box');
    assert.equal(result.code, 0, result.stderr);
    const report = result.report() as LeftoverReport;
    // What was just written may be of an upload whose end is requested again.
    assert.deepEqual([report.dryRun, report.folders, report.inFlight, report.leftOver], [true, 2, 1, 0]);
    assert.equal((await prune(false, 2 * DAY_MS)).leftOverObjects, 2);
    assert.deepEqual(await keys(), before);
  });

  it('is deleted once it is old, and nothing of an upload in progress, of an object or of anything else', async () => {
    const young = await prune(true, 0);
    assert.deepEqual([young.leftOver, young.deleted], [0, 0]);
    const stopped = await prune(true, 2 * DAY_MS, true);
    assert.deepEqual([stopped.deleted, stopped.complete], [0, false]);
    const swept = await prune(true, 2 * DAY_MS);
    assert.deepEqual([swept.leftOver, swept.leftOverObjects, swept.deleted, swept.complete], [1, 2, 1, true]);
    assert.deepEqual(await keys(), ['.sallyport/other', `${live}parts/x`, `${live}state`, 'object'].toSorted());
  });

  it('is looked for in a whole bucket of the configuration only', async () => {
    for (const bucketUri of ['s3://box/prefix', 's3://other']) {
      assert.equal((await world.command('uploads', 'prune', '--config', world.configPath, bucketUri)).code, 2);
    }
  });
});
