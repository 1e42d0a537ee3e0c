/** On a real Redis: what somebody puts there who can write to it. */
import assert from 'node:assert/strict';
import { ending } from '../../../src/grants/changes.ts';
import { grantFormat } from '../../../src/grants/entry.ts';
import { openRedis, type RedisConnection } from '../../../src/lists/redis-connection.ts';
import { createRedisStore } from '../../../src/lists/redis-store.ts';
import { needs } from '../../support/needs.ts';
import { hasRedis, startRedis, type Redis } from '../../support/store/redis.ts';
import { observe } from '../revocation/fixture.ts';
import { ALICE, Clock, FORMAT, grantOf, listOf, NOW_MS } from './fixture.ts';

const LIST = 'sallyport:grants';

describe('the grants in Redis', () => {
  let connection: RedisConnection;
  const undo: (() => unknown)[] = [];

  before(async function () {
    needs(this, 'redis-server', hasRedis);
    const redis: Redis = await startRedis();
    undo.push(redis.stop);
    const plain = { tls: undefined, username: undefined, password: undefined, database: 0 };
    connection = openRedis({ host: '127.0.0.1', port: redis.port, ...plain });
    undo.push(connection.close);
    await connection.settled();
  });
  after(async () => {
    for (const each of undo.reverse()) await each();
  });
  beforeEach(() => connection.client().del([LIST, `${LIST}:version`]));

  const open = () => {
    const { observer } = observe();
    return createRedisStore({ format: FORMAT, connection, keyPrefix: 'sallyport:', clock: new Clock(), observer });
  };
  const idsOf = async (): Promise<readonly string[]> => (await listOf(open())).list.of(ALICE).map(({ id }) => id);
  const put = async (field: string, line: string): Promise<void> => {
    await connection.client().hSet(LIST, field, line);
    await connection.client().incr(`${LIST}:version`);
  };

  it('are none where one is forged, altered, under another id, or too long', async () => {
    const [good, other] = [grantOf(), grantOf({ seconds: 60 })];
    await open().update(() => [good]);
    assert.deepEqual(await idsOf(), [good.id]);
    const line = FORMAT.write(other);
    const forged: readonly (readonly [string, string])[] = [
      [other.id, grantFormat(Buffer.alloc(32, 9)).write(other)],
      [other.id, line.replace('"seconds":60', '"seconds":6000')],
      ['f'.repeat(16), line],
      [other.id, `${' '.repeat(20_000)}${line}`],
      [other.id, ''],
    ];
    for (const [field, value] of forged) {
      await put(field, value);
      assert.deepEqual(await idsOf(), [], value.slice(0, 100));
      await assert.rejects(
        open().update(() => [grantOf()]),
        { name: 'ListStoreError' },
      );
      await connection.client().hDel(LIST, field);
    }
    assert.deepEqual(await idsOf(), [good.id]);
  });

  it('stay ended in a gateway that knows it, where an older line is put back, and for those that start after it', async () => {
    const entry = grantOf();
    await open().update(() => [entry]);
    const store = open();
    const { list } = await listOf(store);
    assert.equal(list.of(ALICE).length, 1);
    await open().update(() => [ending(entry, { nowMs: NOW_MS, by: 'olivia' }, undefined)]);
    await list.refresh();
    assert.deepEqual(list.of(ALICE), []);
    await put(entry.id, FORMAT.write(entry));
    await list.refresh();
    assert.deepEqual(list.of(ALICE), []);
    assert.deepEqual(await idsOf(), []);
  });
});
