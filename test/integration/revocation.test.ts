/**
 * What is revoked is refused by every worker within seconds, on every way in: measured by asking again and again, from the
 * moment at which the command has ended.
 */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { runCommand, type CommandRun } from '../support/client/run-command.ts';
import { needs } from '../support/needs.ts';
import { hasRedis, startRedis, type Redis } from '../support/store/redis.ts';
import { startStack, type Stack } from '../support/stack/stack.ts';

const LIMIT_MS = 5000;

type TestRoute = () => Promise<{ readonly status: number; readonly code?: string | undefined }>;

class World {
  readonly stack: Stack;
  readonly #configFile: string;

  constructor(stack: Stack) {
    this.stack = stack;
    this.#configFile = join(dirname(stack.auditDirectory), 'gateway.yaml');
  }

  async sallyport(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...args);
    assert.equal(code, 0, stderr);
    return stdout;
  }

  run(...args: readonly string[]): Promise<CommandRun> {
    return runCommand([...args, '--config', this.#configFile], { env: process.env });
  }

  bearer =
    (token: string): TestRoute =>
    () =>
      this.stack.client.call({ method: 'GET', target: '/reports/2026/revocation', token });

  /** Asks all ways at once, again and again; resolves how long after now the last of them was let in. */
  async cutOffMs(routes: readonly TestRoute[]): Promise<number> {
    const startedMs = performance.now();
    let lastOpenMs = 0;
    for (;;) {
      const answers = await Promise.all(routes.flatMap((route) => [route(), route(), route(), route()]));
      const nowMs = performance.now() - startedMs;
      if (answers.some(({ status }) => status === 200)) lastOpenMs = nowMs;
      assert.ok(lastOpenMs < LIMIT_MS, `still let in after ${Math.round(nowMs)} ms`);
      // Long enough to be sure that no worker is left that has not heard.
      if (nowMs - lastOpenMs > 1500) return lastOpenMs;
      await sleep(100);
    }
  }

  async denials(error: string): Promise<readonly string[]> {
    const names = (await readdir(this.stack.auditDirectory)).filter((name) => name.startsWith('access-'));
    const hits = await Promise.all(
      names.map(async (name) => {
        const text = await readFile(join(this.stack.auditDirectory, name), 'utf8');
        return text.includes(`"error":"${error}"`) ? [/-(w\d+)-/.exec(name)?.[1] ?? ''] : [];
      }),
    );
    return [...new Set(hits.flat())].toSorted();
  }
}

const report = (what: string, ms: number): void => {
  if (process.env['REVOCATION_TIMES'] !== undefined) process.stderr.write(`${what}: ${Math.round(ms)} ms\n`);
};

async function startWorld(revocation: Readonly<Record<string, unknown>>): Promise<World> {
  const stack = await startStack('embedded', { workers: 2, revocation });
  const world = new World(stack);
  const bob = await stack.token('bob');
  const { status } = await stack.client.call({
    method: 'PUT',
    target: '/reports/2026/revocation',
    token: bob,
    body: 'x',
  });
  assert.equal(status, 200);
  return world;
}

describe('revocation by a file, with several workers', function () {
  this.timeout(90_000);
  let world: World;
  let base: { region: string; endpoint: string; requestHandler: { httpsAgent: Agent }; maxAttempts: number };

  before(async () => {
    world = await startWorld({ file: 'revocations.jsonl' });
    const { host, port, ca } = world.stack.client.options({ method: 'GET', target: '/' });
    const httpsAgent = new Agent({ ca: ca as string, keepAlive: false });
    const endpoint = `https://${String(host)}:${String(port)}`;
    base = { region: 'us-east-1', endpoint, requestHandler: { httpsAgent }, maxAttempts: 1 };
  });
  after(() => world.stack.stop());

  const token = (claims: Readonly<Record<string, unknown>>) => world.stack.forge({ groups: ['analytics'], ...claims });

  const sessionOf = async (jwt: string) => {
    const answer = await world.stack.client.call({
      method: 'GET',
      target: '/-/credentials',
      headers: { authorization: jwt },
    });
    assert.equal(answer.status, 200);
    const { AccessKeyId, SecretAccessKey, Token } = JSON.parse(answer.body.toString()) as Record<string, string>;
    return { accessKeyId: AccessKeyId!, secretAccessKey: SecretAccessKey!, sessionToken: Token! };
  };

  const sdk =
    (send: () => Promise<unknown>): TestRoute =>
    async () => {
      try {
        await send();
        return { status: 200 };
      } catch (error) {
        const { name, $metadata } = error as { name: string; $metadata?: { httpStatusCode?: number } };
        return { status: $metadata?.httpStatusCode ?? 0, code: name };
      }
    };

  const fetched =
    (url: string): TestRoute =>
    () =>
      new Promise((resolve, reject) => {
        request(url, { agent: base.requestHandler.httpsAgent }, (response) => {
          response.resume().on('end', () => resolve({ status: response.statusCode ?? 0 }));
        })
          .on('error', reject)
          .end();
      });

  it('cuts a token off on every way in: bearer, STS, signed, presigned, whoami', async () => {
    const jwt = await token({ sub: 'carol', jti: 'carol-1' });
    const credentials = await sessionOf(jwt);
    const s3 = new S3Client({ ...base, forcePathStyle: true, credentials });
    const get = new GetObjectCommand({ Bucket: 'reports', Key: '2026/revocation' });
    const presigned = await getSignedUrl(s3, get, { expiresIn: 600 });
    const sts = new STSClient({ ...base, credentials });
    const routes: readonly TestRoute[] = [
      world.bearer(jwt),
      sdk(() => s3.send(get)),
      fetched(presigned),
      sdk(() => sts.send(new GetCallerIdentityCommand({}))),
      () => world.stack.client.call({ method: 'GET', target: '/-/credentials', headers: { authorization: jwt } }),
      () => world.stack.client.call({ method: 'GET', target: '/-/whoami', token: jwt }),
    ];
    assert.deepEqual(
      await Promise.all(routes.map(async (route) => (await route()).status)),
      routes.map(() => 200),
    );

    const said = await world.sallyport('revoke', 'token', jwt, '--reason', 'a test');
    assert.ok(!said.includes(jwt));
    report('token, by a file', await world.cutOffMs(routes));

    const after = await Promise.all(routes.map((route) => route()));
    assert.deepEqual(
      after.map(({ status }) => status),
      [401, 400, 400, 403, 401, 401],
    );
    assert.equal(after[0]?.code, 'InvalidToken');
    assert.equal(after[1]?.code, 'ExpiredToken');
    assert.deepEqual(await world.denials('RevokedToken'), ['w0', 'w1']);
    // Another token of the same person is as good as before.
    assert.equal((await world.bearer(await token({ sub: 'carol', jti: 'carol-2' }))()).status, 200);
  });

  it('cuts a session off, and lets the token it was issued for go on', async () => {
    const jwt = await token({ sub: 'dave', jti: 'dave-1' });
    const credentials = await sessionOf(jwt);
    const s3 = new S3Client({ ...base, forcePathStyle: true, credentials });
    const signed = sdk(() => s3.send(new GetObjectCommand({ Bucket: 'reports', Key: '2026/revocation' })));
    assert.equal((await signed()).status, 200);
    await world.sallyport('revoke', 'session', credentials.accessKeyId);
    report('session, by a file', await world.cutOffMs([signed]));
    assert.equal((await signed()).code, 'ExpiredToken');
    assert.equal((await world.bearer(jwt)()).status, 200);
  });

  it('cuts a person off until that is lifted, and says who did both', async () => {
    const jwt = await token({ sub: 'erin' });
    assert.equal((await world.bearer(jwt)()).status, 200);
    await world.sallyport('revoke', 'subject', '--issuer', 'demo', '--subject', 'erin', '--reason', 'left');
    report('person, by a file', await world.cutOffMs([world.bearer(jwt)]));
    assert.equal((await world.bearer(await token({ sub: 'erin', jti: 'new' }))()).status, 401);

    const rows = (await world.sallyport('revocations', 'list', '--json')).trim().split('\n');
    const entry = rows
      .map((row) => JSON.parse(row) as Record<string, string>)
      .find(({ subject }) => subject === 'erin');
    assert.ok(entry !== undefined);
    assert.equal(entry['reason'], 'left');
    await world.sallyport('revocations', 'lift', String(entry['id']).slice(0, 12));
    for (let attempt = 0; (await world.bearer(jwt)()).status !== 200; attempt += 1) {
      assert.ok(attempt < 100, 'it was not lifted');
      await sleep(50);
    }
    const done = (await world.stack.audit()).filter(({ operation }) => operation.includes('Revo'));
    const ofErin = done.filter(({ key }) => key.includes('erin'));
    assert.deepEqual(
      ofErin.map(({ operation, result, issuer }) => [operation, result, issuer]),
      [
        ['Revoke', 'completed', 'urn:sallyport:operator'],
        ['LiftRevocation', 'completed', 'urn:sallyport:operator'],
      ],
    );
  });

  it('cuts off what was issued before a time, and what does not say when it was', async () => {
    const before = Math.floor(Date.now() / 1000) - 60;
    const old = await token({ sub: 'frank', iat: before });
    const unsaid = await token({ sub: 'frank', iat: undefined });
    const routes = [world.bearer(old), world.bearer(unsaid)];
    assert.deepEqual(await Promise.all(routes.map(async (route) => (await route()).status)), [200, 200]);
    const time = new Date(Date.now() - 30_000).toISOString();
    await world.sallyport('revoke', 'issued-before', time, '--issuer', 'demo', '--subject', 'frank');
    report('issued before, by a file', await world.cutOffMs(routes));
    assert.equal((await world.bearer(await token({ sub: 'frank' }))()).status, 200);
  });

  it('cuts an address off, whoever comes from there, until that is lifted', async () => {
    const own = world.bearer(await token({ sub: 'grace' }));
    assert.equal((await own()).status, 200);
    const said = await world.sallyport('revoke', 'address', '127.0.0.1', '--json');
    const { id, network } = JSON.parse(said) as Record<string, string>;
    assert.equal(network, '127.0.0.1/32');
    await world.cutOffMs([own]);
    const { status, code } = await own();
    assert.deepEqual([status, code], [403, 'AccessDenied']);
    await world.sallyport('revocations', 'lift', String(id));
    for (let attempt = 0; (await own()).status !== 200; attempt += 1) {
      assert.ok(attempt < 100, 'it was not lifted');
      await sleep(50);
    }
  });

  it('refuses what makes no sense, with 2, and an id that is not there with 1', async () => {
    const calls: readonly (readonly [number, ...string[]])[] = [
      [2, 'revoke', 'token', 'neither'],
      [2, 'revoke', 'session', 'SPLYAAAAAAAAAAAAAAAA', '--expires', '1s'],
      [1, 'revocations', 'lift', 'abcdef'],
    ];
    for (const [code, ...args] of calls) assert.equal((await world.run(...args)).code, code, args.join(' '));
  });
});

describe('revocation by Redis, with several workers', function () {
  this.timeout(120_000);
  const stops: (() => Promise<void>)[] = [];
  let redis: Redis;
  let world: World;

  before(async function () {
    needs(this, 'redis-server', hasRedis);
    redis = await startRedis();
    stops.push(redis.stop);
    world = await startWorld({
      redis: { address: `127.0.0.1:${redis.port}`, allowPlaintextLoopback: true },
      whenUnavailable: 'fail-closed',
      maxStaleSeconds: 8,
    });
    stops.push(world.stack.stop);
  });
  after(async () => {
    for (const stop of stops.reverse()) await stop();
  });

  const token = (sub: string) => world.stack.forge({ sub, groups: ['analytics'] });
  const revoke = (sub: string) => world.sallyport('revoke', 'subject', sub, '--issuer', 'demo');
  const untilOpen = async (route: TestRoute): Promise<void> => {
    for (let attempt = 0; (await route()).status !== 200; attempt += 1) {
      assert.ok(attempt < 200, 'requests were not let in again');
      await sleep(50);
    }
  };

  it('cuts a person off', async () => {
    const jwt = await token('gina');
    assert.equal((await world.bearer(jwt)()).status, 200);
    await revoke('gina');
    report('person, by Redis', await world.cutOffMs([world.bearer(jwt)]));
    assert.deepEqual(await world.denials('RevokedToken'), ['w0', 'w1']);
  });

  it('cuts off also where Redis was restarted in between', async () => {
    const jwt = await token('henry');
    assert.equal((await world.bearer(jwt)()).status, 200);
    await redis.kill();
    await redis.start();
    await revoke('henry');
    report('person, Redis restarted before', await world.cutOffMs([world.bearer(jwt)]));
    await redis.kill();
    await redis.start();
    await sleep(1500);
    assert.equal((await world.bearer(jwt)()).status, 401);
  });

  it('has entries in force that were written while the gateway was cut off', async () => {
    const jwt = await token('iris');
    assert.equal((await world.bearer(jwt)()).status, 200);
    await redis.kill();
    await sleep(1500);
    await redis.start();
    await revoke('iris');
    report('person, written after Redis was away', await world.cutOffMs([world.bearer(jwt)]));
  });

  it('forgets nobody although Redis does, and puts them back', async () => {
    const jwt = await token('judy');
    await revoke('judy');
    await world.cutOffMs([world.bearer(jwt)]);
    await redis.kill();
    await redis.forget();
    await redis.start();
    assert.equal((await world.bearer(jwt)()).status, 401);
    for (let attempt = 0; !(await world.sallyport('revocations', 'list')).includes('"judy"'); attempt += 1) {
      assert.ok(attempt < 100, 'it was not put back');
      await sleep(100);
    }
    assert.equal((await world.bearer(jwt)()).status, 401);
  });

  it('refuses everybody with 503 once it has not heard from Redis for too long, and recovers by itself', async () => {
    const route = world.bearer(await token('kim'));
    await redis.kill();
    assert.equal((await route()).status, 200);
    for (let attempt = 0; (await route()).status !== 503; attempt += 1) {
      assert.ok(attempt < 200, 'requests go on');
      await sleep(100);
    }
    // Workers tell the primary once a second.
    for (let attempt = 0; (await world.stack.ready()).ready; attempt += 1) {
      assert.ok(attempt < 100, 'it says that it is ready');
      await sleep(100);
    }
    assert.equal((await world.run('revoke', 'subject', 'kim', '--issuer', 'demo')).code, 1);
    await redis.start();
    await untilOpen(route);
    assert.equal((await world.bearer(await token('gina'))()).status, 401);
  });
});
