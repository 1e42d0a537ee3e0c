/** What clients are told of buckets themselves, asked of a real store. */
import assert from 'node:assert/strict';
import type { Answer } from '../support/client/client.ts';
import { startSmallGateway, type SmallGateway } from '../support/stack/small-gateway.ts';

describe('buckets', function () {
  this.timeout(60_000);
  let world: SmallGateway;

  before(async function () {
    world = await startSmallGateway({
      buckets: { reports: {}, artifacts: {}, scratch: {} },
      stored: ['reports', 'artifacts'],
      guestRules: [{ id: 'one', allow: ['GET'], bucket: 'scratch', prefix: 'a/' }],
    });
  });
  after(() => world.stop());

  const call = (method: string, target: string, group = 'analysts', headers = {}, body?: string): Promise<Answer> =>
    world.client.call({ method, target, token: world.token(group), headers, ...(body === undefined ? {} : { body }) });
  const seen = () => structuredClone(world.store?.counters.byOperation ?? {});

  it('are listed with the dates of the store, and by pages, each with its region', async () => {
    const pages: string[] = [];
    for (let token = ''; ;) {
      const more = token === '' ? '' : `&continuation-token=${token}`;
      const page = (await call('GET', `/?max-buckets=2${more}`)).body.toString();
      pages.push(page);
      token = /<ContinuationToken>([^<]*)</.exec(page)?.[1] ?? '';
      if (token === '') break;
    }
    const names = pages.map((page) => [...page.matchAll(/<Name>([^<]*)</g)].map(([, name]) => name));
    assert.deepEqual(names, [['artifacts', 'reports'], ['scratch']]);
    assert.match(pages[0]!, /<BucketRegion>us-east-1</);
    // Ceph lists no buckets to a role.
    if (world.kind === 'ceph') return;
    const year = new Date().getUTCFullYear();
    assert.match(pages[0]!, new RegExp(`<Name>artifacts</Name><CreationDate>${year}-`));
  });

  it('are listed without dates where the store is down, and are not waited for', async () => {
    const own = await startSmallGateway({ buckets: { reports: {} } });
    try {
      if (own.store === undefined) return;
      own.store.faults.s3 = 'hang';
      const answer = await own.client.call({ method: 'GET', target: '/', token: own.token('analysts') });
      assert.equal(answer.status, 200);
      assert.match(answer.body.toString(), /<Name>reports<.*<CreationDate>1970-/);
    } finally {
      await own.stop();
    }
  });

  it('that the store does not have are not there: before they are made, and after they were deleted', async () => {
    const head = async (group?: string) => (await call('HEAD', '/scratch', group)).status;
    assert.equal(await head(), 404);
    assert.equal(await head('guests'), 404);
    assert.equal((await call('PUT', '/scratch')).status, 200);
    assert.equal(await head(), 200);
    // Who may not list it can know as well that it is there.
    assert.equal(await head('guests'), 200);
    assert.equal((await call('DELETE', '/scratch')).status, 204);
    assert.equal(await head(), 404);
    assert.equal((await call('HEAD', '/reports')).status, 200);
  });

  it('are requested once for many that look at the same time, and never for those whom policy denies', async () => {
    const before = seen();
    const denied = await Promise.all(
      ['/reports', '/scratch', '/nowhere'].map((target) => call('HEAD', target, 'nobody')),
    );
    assert.deepEqual(
      denied.map(({ status }) => status),
      [403, 403, 403],
    );
    assert.deepEqual(seen(), before);
    await Promise.all(Array.from({ length: 20 }, () => call('HEAD', '/artifacts')));
    if (world.store !== undefined) assert.equal(seen()['HeadBucket'], (before['HeadBucket'] ?? 0) + 1);
  });
});
