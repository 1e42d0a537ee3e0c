/** On a real Redis, behind a proxy that can be cut; and on servers that only listen where Redis should. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureCertificates } from '../../../demo/certificates.ts';
import { lifting, revocation } from '../../../src/revocation/changes.ts';
import { idOf, MAX_LINE_BYTES, REVOCATIONS, writeEntry, type Entry } from '../../../src/revocation/entry.ts';
import { Secret } from '../../../src/config/loading/secret.ts';
import { openRedis, type RedisOptions } from '../../../src/lists/redis-connection.ts';
import { createRedisStore } from '../../../src/lists/redis-store.ts';
import { createRevocationList, type RevocationList } from '../../../src/revocation/revocation-list.ts';
import type { ListStore } from '../../../src/lists/list-store.ts';
import { freePort } from '../../../demo/free-port.ts';
import { needs } from '../../support/needs.ts';
import { hasRedis, startRedis, type Redis } from '../../support/store/redis.ts';
import { entryOf, NOW_MS, observe, PRINCIPAL, subject } from './fixture.ts';

const ALICE = subject('alice');
const LIST = 'sallyport:revocations';
const clock = { now: Date.now };
const order = () => ({ nowMs: Date.now(), by: 'operator', reason: undefined });
const FAILURE = { name: 'ListStoreError' };
/** Less than a connection and a command may take. */
const IMPATIENT = { silenceTimeoutMs: 300 };
const undo: (() => unknown)[] = [];

async function openStore(port: number, more: Partial<RedisOptions> = {}): Promise<ListStore<Entry>> {
  const { observer } = observe();
  const usual = { tls: undefined, username: undefined, password: undefined, database: 0 };
  const connection = openRedis({ host: '127.0.0.1', port, ...usual, ...more });
  await connection.settled();
  const store = createRedisStore({ format: REVOCATIONS, connection, keyPrefix: 'sallyport:', clock, observer });
  undo.push(store.close);
  return store;
}

async function watch(port: number): Promise<{ readonly list: RevocationList; readonly codeOf: () => string }> {
  const { observer } = observe();
  const store = await openStore(port);
  const rules = { whenUnavailable: 'fail-open', maxStaleSeconds: 60, pollMs: 100 } as const;
  const list = createRevocationList({ store, clock, observer, ...rules });
  undo.push(list.close);
  await list.refresh();
  list.watch();
  const codeOf = (): string => {
    try {
      list.check(PRINCIPAL);
      return 'none';
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  return { list, codeOf };
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  for (let attempt = 0; !isSo(); attempt += 1) {
    assert.ok(attempt < 200, what);
    await sleep(25);
  }
}

/** Listens where Redis should; answers every command with one text. */
async function serve(onSocket: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onSocket(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  undo.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

describe('the list of revocations in Redis', function () {
  this.timeout(30_000);
  let redis: Redis;
  let stop = (): Promise<void> => Promise.resolve();

  before(async function () {
    needs(this, 'redis-server', hasRedis);
    redis = await startRedis();
    stop = redis.stop;
  });
  after(() => stop());
  beforeEach(() => redis.command('FLUSHALL'));
  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step();
  });

  it('gives what was written, and nothing where nothing changed', async () => {
    const [writer, reader] = [await openStore(redis.port), await openStore(redis.port)];
    assert.equal((await reader.read())?.size, 0);
    await writer.update((kept) => [revocation(kept, ALICE, undefined, order())]);
    assert.deepEqual([...(await reader.read())!.keys()], [idOf(ALICE)]);
    assert.equal(await reader.read(), undefined);
    await writer.update((kept) => [lifting(kept.get(idOf(ALICE))!, order())]);
    assert.equal((await reader.read())?.get(idOf(ALICE))?.lifted, true);
  });

  it('loses nothing of several writers at once', async () => {
    const writers = await Promise.all([1, 2, 3].map(() => openStore(redis.port)));
    await Promise.all(
      writers.map((writer, at) =>
        writer.update((kept) => [revocation(kept, subject(`person-${at}`), undefined, order())]),
      ),
    );
    assert.equal((await (await openStore(redis.port)).read())?.size, 3);
  });

  it('is whole over many pages', async () => {
    const many = Array.from({ length: 5000 }, (_, at) => entryOf(subject(`person-${at}`)));
    await (await openStore(redis.port)).update(() => many);
    assert.equal((await (await openStore(redis.port)).read())?.size, 5000);
  });

  it('is in force after a reader was cut off while it was written', async () => {
    const links = new Set<Socket>();
    let isCut = false;
    const port = await serve((socket) => {
      if (isCut) {
        socket.destroy();
        return;
      }
      links.add(socket);
      const far = connect(redis.port, '127.0.0.1').on('error', () => socket.destroy());
      socket.pipe(far).pipe(socket);
      socket.on('close', () => far.destroy());
    });
    const { list, codeOf } = await watch(port);
    assert.equal(codeOf(), 'none');
    isCut = true;
    for (const socket of links) socket.destroy();
    await until('it was not cut off', () => list.health()[0]?.state === 'degraded');
    const writer = await openStore(redis.port);
    await writer.update((kept) => [revocation(kept, ALICE, undefined, order())]);
    assert.equal(codeOf(), 'none');
    isCut = false;
    await until('it is not in force', () => codeOf() === 'RevokedToken');
    await until('it is not well again', () => list.health()[0]?.state === 'ok');
  });

  it('is read anew after a connection was made, although the counter stands where it stood', async () => {
    const { codeOf } = await watch(redis.port);
    const line = writeEntry(entryOf(ALICE));
    // By hand, and without the counter.
    await redis.command('HSET', LIST, idOf(ALICE), line);
    await redis.command('CLIENT', 'KILL', 'TYPE', 'normal');
    await until('it is not in force', () => codeOf() === 'RevokedToken');
  });

  it('is put back where Redis forgot it', async () => {
    const writer = await openStore(redis.port);
    await writer.update((kept) => [revocation(kept, ALICE, undefined, order())]);
    const { codeOf } = await watch(redis.port);
    await redis.command('FLUSHALL');
    for (let attempt = 0; !(await redis.command('HLEN', LIST)).startsWith(':1'); attempt += 1) {
      assert.ok(attempt < 100, 'it was not put back');
      await sleep(25);
    }
    assert.equal(codeOf(), 'RevokedToken');
  });

  it('is refused whole where one entry of it is none, is under another id, or is too long', async () => {
    const good = writeEntry(entryOf(ALICE));
    const spoiled: readonly (readonly [string, string])[] = [
      [idOf(ALICE), `${good} `],
      ['0'.repeat(32), good],
      ['x', 'x'.repeat(MAX_LINE_BYTES + 1)],
    ];
    for (const [field, value] of spoiled) {
      await redis.command('FLUSHALL');
      await redis.command('HSET', LIST, field, value);
      const store = await openStore(redis.port);
      await assert.rejects(store.read(), FAILURE);
      await assert.rejects(
        store.update(() => [entryOf(subject('bob'), { atMs: NOW_MS })]),
        FAILURE,
      );
    }
  });

  it('is not to be had where the key is something else', async () => {
    await redis.command('SET', LIST, 'text');
    await assert.rejects((await openStore(redis.port)).read(), FAILURE);
  });

  it('needs no more of an ACL than is documented: to read, and to write', async () => {
    const reading = ['+get', '+hscan'];
    const writing = [...reading, '+watch', '+unwatch', '+multi', '+exec', '+hset', '+hdel', '+incr'];
    const grant = (name: string, commands: readonly string[]) =>
      redis.command('ACL', 'SETUSER', name, 'reset', 'on', '>secret', '~sallyport:*', ...commands);
    await grant('reader', reading);
    await grant('writer', writing);
    const writer = await openStore(redis.port, { username: new Secret('writer'), password: new Secret('secret') });
    await writer.update((kept) => [revocation(kept, ALICE, undefined, order())]);
    const reader = await openStore(redis.port, { username: new Secret('reader'), password: new Secret('secret') });
    assert.equal((await reader.read())?.size, 1);
    await assert.rejects(
      reader.update(() => [entryOf(subject('bob'))]),
      FAILURE,
    );
  });

  it('is reached by TLS, and by nobody whose certificate is not of the CA or for another name', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-redis-tls-'));
    undo.push(() => rm(folder, { recursive: true, force: true }));
    const { caFile, serverFile } = await ensureCertificates(folder, process.env);
    const port = await freePort();
    const files = ['--tls-cert-file', serverFile, '--tls-key-file', serverFile, '--tls-ca-cert-file', caFile];
    const secured = await startRedis(['--tls-port', String(port), '--tls-auth-clients', 'no', ...files]);
    undo.push(secured.stop);
    const ca = await readFile(caFile, 'utf8');
    const tls = { ca, certificate: undefined, key: undefined, serverName: 'localhost' };
    assert.equal((await (await openStore(port, { tls })).read())?.size, 0);
    const foreignHosts = [{ ca: undefined }, { serverName: 'redis.example' }];
    await Promise.all(
      foreignHosts.map(async (other) =>
        assert.rejects((await openStore(port, { tls: { ...tls, ...other } })).read(), FAILURE),
      ),
    );
  });

  it('needs the password, and never tells it', async () => {
    const protectedRedis = await startRedis(['--requirepass', 'correct']);
    undo.push(protectedRedis.stop);
    assert.equal((await (await openStore(protectedRedis.port, { password: new Secret('correct') })).read())?.size, 0);
    const wrong = await openStore(protectedRedis.port, { password: new Secret('a-wrong-password') });
    await assert.rejects(wrong.read(), (error: Error) => {
      assert.equal(error.name, 'ListStoreError');
      assert.ok(!error.message.includes('a-wrong-password'));
      return true;
    });
  });
});

describe('what is not Redis, where Redis should be', function () {
  this.timeout(30_000);
  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step();
  });

  const ANSWERS: Readonly<Record<string, string>> = {
    'numbers for texts': ':1\r\n',
    'errors with a secret in them': '-ERR token=eyJhbGciOi\r\n',
    'a list for a text': '*2\r\n$1\r\n0\r\n*0\r\n',
    'lists without end': '*2\r\n$1\r\n7\r\n*0\r\n',
    'another protocol': 'HTTP/1.1 200 OK\r\n\r\n',
    'lists in lists': `${'*1\r\n'.repeat(64)}$1\r\n0\r\n`,
  };
  for (const [what, answer] of Object.entries(ANSWERS)) {
    it(`is a failure and no list where it answers with ${what}`, async () => {
      const port = await serve((socket) => socket.on('data', () => socket.write(answer)));
      const store = await openStore(port, IMPATIENT);
      await assert.rejects(store.read(), (error: Error) => {
        assert.equal(error.name, 'ListStoreError');
        assert.ok(!error.message.includes('eyJ'));
        return true;
      });
    });
  }

  it('is aborted in bounded time where it never answers', async () => {
    const port = await serve(() => undefined);
    const store = await openStore(port, IMPATIENT);
    const startedMs = performance.now();
    await assert.rejects(store.read(), FAILURE);
    assert.ok(performance.now() - startedMs < 2500);
  });
});
