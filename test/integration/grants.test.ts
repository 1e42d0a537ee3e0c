/**
 * What is granted for a time opens and closes within a second in every worker and every running session: measured by asking
 * again and again, from the moment at which the command has ended.
 */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { runCommand, type CommandRun } from '../support/client/run-command.ts';
import { needs } from '../support/needs.ts';
import { startStack, type Stack } from '../support/stack/stack.ts';
import { hasRedis, startRedis, type Redis } from '../support/store/redis.ts';

const LIMIT_MS = 1000;
const KEY = '2025/incident';
const POLICIES = fileURLToPath(new URL('../../policies', import.meta.url));

type Route = () => Promise<number>;

class World {
  readonly stack: Stack;
  readonly #folder: string;

  constructor(stack: Stack, folder: string) {
    this.stack = stack;
    this.#folder = folder;
  }

  static async start(revocation: object, grants: object = {}): Promise<World> {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-grants-'));
    const keyFile = join(folder, 'grants.key');
    await writeFile(keyFile, 'k'.repeat(32), { mode: 0o600 });
    const policies = { directory: POLICIES, grants: { keyFile, ...grants } };
    const world = new World(await startStack('embedded', { workers: 2, revocation, policies }), folder);
    const token = await world.stack.forge({ sub: 'root', groups: ['admins'] });
    for (const key of [KEY, '2026/kept']) {
      const put = { method: 'PUT', target: `/reports/${key}`, token, body: 'x' };
      assert.equal((await world.stack.client.call(put)).status, 200);
    }
    return world;
  }

  get configFile(): string {
    return join(dirname(this.stack.auditDirectory), 'gateway.yaml');
  }

  async stop(): Promise<void> {
    await this.stack.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  run(user: string, ...args: readonly string[]): Promise<CommandRun> {
    return runCommand([...args, '--config', this.configFile], { env: process.env, user: () => user });
  }

  /** Runs a command that must succeed, and gives the grant that it prints. */
  async grant(
    user: string,
    ...args: readonly string[]
  ): Promise<{ readonly id: string; readonly state: string; readonly ends: string }> {
    const { code, stdout, stderr } = await this.run(user, ...args, '--json');
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as Awaited<ReturnType<World['grant']>>;
  }

  request(subject: string, ...more: readonly string[]): ReturnType<World['grant']> {
    const usual = ['--issuer', 'demo', '--subject', subject, '--verbs', 'read,list', '--reason', 'INC-7'];
    const span = more.includes('--for') ? [] : ['--for', '1h'];
    return this.grant('olivia', 'grant', `s3://reports/2025/`, ...usual, ...span, ...more);
  }

  token = (sub: string): Promise<string> => this.stack.forge({ sub, groups: ['analytics'] });

  bearer = (token: string, key = KEY, method = 'GET'): Route => {
    const call = { method, target: `/reports/${key}`, token };
    return async () => (await this.stack.client.call(call)).status;
  };

  async s3(token: string): Promise<S3Client> {
    const answer = await this.stack.client.call({
      method: 'GET',
      target: '/-/credentials',
      headers: { authorization: token },
    });
    const { AccessKeyId, SecretAccessKey, Token } = JSON.parse(answer.body.toString()) as Record<string, string>;
    const { host, port, ca } = this.stack.client.options({ method: 'GET', target: '/' });
    return new S3Client({
      region: 'us-east-1',
      endpoint: `https://${String(host)}:${String(port)}`,
      requestHandler: { httpsAgent: new Agent({ ca: ca as string, keepAlive: false }) },
      maxAttempts: 1,
      forcePathStyle: true,
      credentials: { accessKeyId: AccessKeyId!, secretAccessKey: SecretAccessKey!, sessionToken: Token! },
    });
  }

  /** Asks all ways at once until each answers so, in every worker; gives how long after now the last one was asked that did not. */
  async untilAll(wanted: number, routes: readonly Route[]): Promise<number> {
    const startedMs = performance.now();
    let lastOtherMs = 0;
    for (;;) {
      const askedMs = performance.now() - startedMs;
      const answers = await Promise.all(routes.flatMap((route) => [route(), route(), route(), route()]));
      const nowMs = performance.now() - startedMs;
      // Not when the answers had come: a large object may take long.
      if (answers.some((status) => status !== wanted)) lastOtherMs = askedMs;
      assert.ok(lastOtherMs < 10_000, `still ${answers.join()} after ${Math.round(nowMs)} ms`);
      // Long enough to be sure that no worker is left that has not heard.
      if (nowMs - lastOtherMs > 1500) return lastOtherMs;
      await sleep(50);
    }
  }
}

const report = (what: string, ms: number): void => {
  if (process.env['GRANT_TIMES'] !== undefined) process.stderr.write(`${what}: ${Math.round(ms)} ms\n`);
};
const signed =
  (s3: S3Client): Route =>
  async () => {
    try {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: 'reports', Key: KEY }));
      await Body?.transformToByteArray();
      return 200;
    } catch (error) {
      return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode ?? 0;
    }
  };

describe('grants by a file, with several workers', function () {
  this.timeout(90_000);
  let world: World;

  before(async () => {
    world = await World.start({ file: 'revocations.jsonl' });
  });
  after(() => world.stop());

  it('open and close for tokens and for sessions that run, and stand in the record by their name', async () => {
    const token = await world.token('dana');
    const routes = [world.bearer(token), signed(await world.s3(token))];
    assert.deepEqual(await Promise.all(routes.map((route) => route())), [403, 403]);
    const { id } = await world.request('dana');
    const openMs = await world.untilAll(200, routes);
    report('granted, by a file', openMs);
    assert.ok(openMs < LIMIT_MS, `open after ${openMs} ms`);
    // Nothing else, and nobody else.
    assert.equal(await world.bearer(token, KEY, 'PUT')(), 403);
    assert.equal(await world.bearer(token, '2024/x')(), 403);
    assert.equal(await world.bearer(await world.token('dan'))(), 403);

    await world.grant('olivia', 'grants', 'end', `grant/${id}`, '--reason', 'closed');
    const shutMs = await world.untilAll(403, routes);
    report('ended, by a file', shutMs);
    assert.ok(shutMs < LIMIT_MS, `open for ${shutMs} ms`);

    const lines = await world.stack.audit();
    const used = lines.filter(({ rule }) => rule === `grant/${id}`);
    assert.ok(used.length > 0);
    for (const { reason, subject, decision } of used) {
      assert.deepEqual([subject, decision], ['dana', 'allow']);
      assert.match(reason, /^Granted until .*Z: INC-7$/);
    }
    const steps = lines.filter(({ key }) => key.startsWith(`grant/${id} `));
    assert.deepEqual(
      steps.map(({ operation, subject, result }) => [operation, subject, result]),
      [
        ['CreateGrant', 'olivia', 'completed'],
        ['EndGrant', 'olivia', 'completed'],
      ],
    );
  });

  it('end by themselves', async () => {
    const route = world.bearer(await world.token('erik'));
    const { ends } = await world.request('erik', '--for', '3s');
    let lastOpenMs = 0;
    let opened = 0;
    while (Date.now() < Date.parse(ends) + 2000) {
      const answers = await Promise.all([route(), route(), route(), route()]);
      if (answers.includes(200)) {
        opened += 1;
        lastOpenMs = Date.now();
      }
    }
    assert.ok(opened > 0);
    report('over by its time', lastOpenMs - Date.parse(ends));
    assert.ok(lastOpenMs < Date.parse(ends) + LIMIT_MS);
  });

  it('wait for the one who has to approve them, and for nobody else', async () => {
    const route = world.bearer(await world.token('fay'));
    const { id, state } = await world.request('fay', '--approve-by', 'bob,carol');
    assert.equal(state, 'pending');
    await sleep(1200);
    assert.equal(await route(), 403);
    const own = await world.run('olivia', 'grants', 'approve', id);
    assert.equal(own.code, 1);
    assert.match(own.stderr, /olivia asked for grant .* somebody else must decide: bob, carol/);
    assert.equal((await world.run('mallory', 'grants', 'approve', id)).code, 1);
    assert.equal((await world.grant('carol', 'grants', 'approve', id.slice(0, 8))).state, 'active');
    assert.ok((await world.untilAll(200, [route])) < LIMIT_MS);
    const refused = await world.request('fay', '--approve-by', 'bob');
    assert.equal((await world.grant('bob', 'grants', 'refuse', refused.id)).state, 'refused');
    assert.equal((await world.run('bob', 'grants', 'approve', refused.id)).code, 1);
    const steps = (await world.stack.audit()).filter(({ key }) => key.startsWith(`grant/${id} `));
    assert.deepEqual(
      steps.map(({ operation, subject, result }) => [operation, subject, result]),
      [
        ['RequestGrant', 'olivia', 'completed'],
        ['ApproveGrant', 'olivia', 'failed'],
        ['ApproveGrant', 'mallory', 'failed'],
        ['ApproveGrant', 'carol', 'completed'],
      ],
    );
    const rows = (await world.run('olivia', 'grants', '--json')).stdout.trim().split('\n');
    assert.ok(rows.some((row) => (JSON.parse(row) as { id: string }).id === id));
  });

  it('yield to denies of policies and to revocations', async () => {
    const token = await world.token('gus');
    const deny = world.bearer(token, '2026/kept', 'DELETE');
    const usual = ['--issuer', 'demo', '--subject', 'gus', '--for', '1h', '--reason', 'INC-8'];
    await world.grant('olivia', 'grant', 's3://reports/2026/', '--verbs', 'delete', ...usual);
    await world.request('gus');
    await world.untilAll(200, [world.bearer(token)]);
    assert.equal(await deny(), 403);
    const revoked = await world.run('olivia', 'revoke', 'subject', 'gus', '--issuer', 'demo');
    assert.equal(revoked.code, 0, revoked.stderr);
    await world.untilAll(401, [world.bearer(token)]);
  });

  it('let a download that has begun go on, and begin no other', async () => {
    const size = 48 * 1_048_576;
    const admin = await world.stack.forge({ sub: 'root', groups: ['admins'] });
    const target = '/reports/2025/large';
    const put = { method: 'PUT', target, token: admin, body: Buffer.alloc(size, 1) };
    assert.equal((await world.stack.client.call(put)).status, 200);
    const token = await world.token('hal');
    const s3 = await world.s3(token);
    const { id } = await world.request('hal');
    await world.untilAll(200, [world.bearer(token)]);
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: 'reports', Key: '2025/large' }));
    let received = 0;
    let isFirst = true;
    for await (const chunk of Body as AsyncIterable<Buffer>) {
      received += chunk.length;
      if (!isFirst) continue;
      isFirst = false;
      await world.grant('olivia', 'grants', 'end', id);
      await world.untilAll(403, [world.bearer(token), world.bearer(token, '2025/large')]);
    }
    assert.equal(received, size);
  });

  it('are none while the list is not exactly one, and others go on', async () => {
    const token = await world.token('ida');
    const [granted, policy] = [world.bearer(token), world.bearer(token, '2026/kept')];
    await world.request('ida');
    await world.untilAll(200, [granted, policy]);
    const path = join(dirname(world.configFile), 'revocations.jsonl.grants');
    const good = await readFile(path, 'utf8');
    await writeFile(path, good.replace('"ida"', '"eve"'));
    assert.ok((await world.untilAll(403, [granted])) < LIMIT_MS);
    assert.equal(await policy(), 200);
    const eve = world.bearer(await world.token('eve'));
    assert.equal(await eve(), 403);
    // Nor is it written over.
    assert.equal((await world.run('olivia', 'grants', 'end', 'abcdef')).code, 1);
    await writeFile(path, good);
    assert.ok((await world.untilAll(200, [granted])) < LIMIT_MS);
  });

  it('refuse what makes no sense in one line, with 2', async () => {
    const usual = ['--issuer', 'demo', '--subject', 'jo', '--for', '1h', '--reason', 'INC-9'];
    const where = 's3://reports/2025/';
    const calls: readonly (readonly [RegExp, ...string[]])[] = [
      [/known: read, write/, where, ...usual, '--verbs', 'get'],
      [/no bucket nowhere is configured; known here: /, 's3://nowhere/a/', ...usual, '--verbs', 'GET'],
      [/whole bucket/, 's3://reports', ...usual, '--verbs', 'GET'],
      [/goes with no prefix/, where, ...usual, '--verbs', 'GET', '--everything'],
      [/ADMIN is about/, where, ...usual, '--verbs', 'ADMIN'],
      [/LIST and LIST_VERSIONS/, 's3://reports/2025/a', ...usual, '--verbs', 'LIST'],
      [/`\.\.`/, 's3://reports/2025/../', ...usual, '--verbs', 'GET'],
      [/longer than the 28800 s/, where, ...usual, '--verbs', 'GET', '--for', '9h'],
      [/cannot approve it/, where, ...usual, '--verbs', 'GET', '--approve-by', 'olivia'],
      [/no issuer "nobody"/, where, ...usual, '--verbs', 'GET', '--issuer', 'nobody'],
      [/one line/, where, ...usual, '--verbs', 'GET', '--reason', 'a\nb'],
      [/no subject/, where, ...usual, '--verbs', 'GET', '--subject', 'a\u0007'],
    ];
    for (const [message, ...args] of calls) {
      const { code, stderr, stdout } = await world.run('olivia', 'grant', ...args);
      assert.equal(code, 2, args.join(' '));
      assert.match(stderr, message);
      assert.equal(stdout, '');
    }
    const warned = await world.run('olivia', 'grant', where, ...usual, '--verbs', 'GET');
    assert.equal(warned.code, 0);
    assert.match(warned.stderr, /^warning: no policy names the subject "jo" of demo/m);
    assert.equal((await world.run('olivia', 'grants', 'end', 'xyz')).code, 2);
    assert.equal((await world.run('olivia', 'grants', 'end', '0123456789')).code, 1);
  });
});

describe('grants by Redis, with several workers', function () {
  this.timeout(90_000);
  const stops: (() => Promise<void>)[] = [];
  let redis: Redis;
  let world: World;

  before(async function () {
    needs(this, 'redis-server', hasRedis);
    redis = await startRedis();
    stops.push(redis.stop);
    const address = { address: `127.0.0.1:${redis.port}`, allowPlaintextLoopback: true };
    world = await World.start({ redis: address, whenUnavailable: 'fail-open' }, { approvers: ['bob'] });
    stops.push(() => world.stop());
  });
  after(async () => {
    for (const stop of stops.reverse()) await stop();
  });

  it('open, close, and are none while Redis is away', async () => {
    const token = await world.token('kim');
    const routes = [world.bearer(token), signed(await world.s3(token))];
    const { id, state } = await world.request('kim');
    assert.equal(state, 'pending');
    await world.grant('bob', 'grants', 'approve', id);
    const openMs = await world.untilAll(200, routes);
    report('approved, by Redis', openMs);
    assert.ok(openMs < LIMIT_MS);
    await redis.kill();
    const shutMs = await world.untilAll(403, routes);
    report('Redis away', shutMs);
    assert.ok(shutMs < LIMIT_MS);
    assert.equal(await world.bearer(token, '2026/kept')(), 200);
    assert.equal((await world.run('olivia', 'grants', 'end', id)).code, 1);
    await redis.start();
    await world.untilAll(200, routes);
    await world.grant('olivia', 'grants', 'end', id);
    const endedMs = await world.untilAll(403, routes);
    report('ended, by Redis', endedMs);
    assert.ok(endedMs < LIMIT_MS);
  });

  it('are approved by those whom the configuration names', async () => {
    const usual = ['--issuer', 'demo', '--subject', 'lea', '--for', '1h', '--reason', 'INC-9', '--verbs', 'GET'];
    const { code, stderr } = await world.run('olivia', 'grant', 's3://reports/2025/', ...usual, '--approve-by', 'eve');
    assert.equal(code, 2);
    assert.match(stderr, /eve cannot approve; policies.grants.approvers: bob/);
    assert.equal((await world.run('bob', 'grant', 's3://reports/2025/', ...usual)).code, 2);
  });
});
