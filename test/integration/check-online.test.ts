/** `serve --check --online`: every thing that a gateway depends on, there and away, each told in one line. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../demo/free-port.ts';
import { runCommand, type CommandRun } from '../support/client/run-command.ts';
import { VaultDouble } from '../support/core/vault-double.ts';
import { makeKey, startTestIssuer } from '../support/identity/issuer.ts';
import { needs } from '../support/needs.ts';
import { hasRedis, startRedis, type Redis } from '../support/store/redis.ts';

const POLICY = `
id: team
description: The team reads.
subjects: [{ issuer: corp, group: team }]
rules: [{ id: box, allow: [GET], bucket: box, everything: true }]
`;

interface Check {
  readonly name: string;
  readonly state: string;
  readonly detail?: string;
}

describe('serve --check --online', function () {
  this.timeout(60_000);
  let folder: string;
  let issuer: Awaited<ReturnType<typeof startTestIssuer>>;
  let redis: Redis;
  let vault: VaultDouble;
  let store: HttpServer;
  let nowhere: number;
  const holders: Server[] = [];

  before(async function () {
    needs(this, 'redis-server', hasRedis);
    folder = await mkdtemp(join(tmpdir(), 'sallyport-check-'));
    issuer = await startTestIssuer([makeKey('RS256', 'k1').publicJwk]);
    redis = await startRedis();
    vault = await new VaultDouble().start();
    vault.createKey('sallyport');
    // It says of every bucket that it is there, but of one.
    store = createHttpServer((request, response) => {
      response.writeHead(request.url?.startsWith('/absent') === true ? 404 : 200).end();
    }).listen(0, '127.0.0.1');
    await once(store, 'listening');
    nowhere = await freePort();
    await mkdir(join(folder, 'policies'));
    await writeFile(join(folder, 'policies', 'team.yaml'), POLICY);
    const secrets = {
      id: 'A'.repeat(20),
      secret: 's'.repeat(40),
      'vault-token': vault.createToken(),
      key: randomBytes(32),
    };
    for (const [name, content] of Object.entries(secrets))
      await writeFile(join(folder, name), content, { mode: 0o600 });
    await mkdir(join(folder, 'audit'), { mode: 0o700 });
  });
  afterEach(async () => {
    for (const holder of holders.splice(0)) {
      holder.close();
      await once(holder, 'close');
    }
  });
  after(async () => {
    store.close();
    await vault.stop();
    await redis.stop();
    await issuer.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function check(
    changes: Readonly<Record<string, unknown>> = {},
    ...flags: readonly string[]
  ): Promise<CommandRun> {
    const config = {
      listen: { socket: 'gateway.sock' },
      admin: { address: `127.0.0.1:${await freePort()}` },
      issuers: { corp: { issuer: issuer.url, audiences: ['sallyport'], allowHttp: true } },
      stores: {
        main: {
          ...{ endpoint: `http://127.0.0.1:${(store.address() as AddressInfo).port}`, region: 'us-east-1' },
          ...{ allowPlaintextHttp: true, method: 'static' },
          credentials: { accessKeyIdFile: 'id', secretAccessKeyFile: 'secret' },
        },
      },
      buckets: { box: {} },
      keyring: {
        vault: { address: vault.address, allowHttp: true, key: 'sallyport', auth: { tokenFile: 'vault-token' } },
      },
      revocation: redisAt(redis.port),
      policies: { directory: 'policies', grants: { keyFile: 'key' } },
      audit: { directory: 'audit', minFreeBytes: 0 },
      timeouts: { jwksMs: 1000, keyringMs: 1000 },
      ...changes,
    };
    const file = join(folder, 'sallyport.yaml');
    await writeFile(file, JSON.stringify(config));
    return runCommand(['serve', '--config', file, '--check', '--online', ...flags]);
  }
  const redisAt = (port: number) => ({
    redis: { address: `127.0.0.1:${port}`, allowPlaintextLoopback: true },
    whenUnavailable: 'fail-closed',
  });
  const linesOf = ({ stderr }: CommandRun) => stderr.trimEnd().split('\n').slice(1);
  const hold = async (target: string | number): Promise<number> => {
    const holder =
      typeof target === 'string' ? createServer().listen(target) : createServer().listen(target, '127.0.0.1');
    holders.push(holder);
    await once(holder, 'listening');
    return target === 0 ? (holder.address() as AddressInfo).port : 0;
  };

  it('finds nothing wrong where all is there, leaves nothing behind, and says so as JSON', async () => {
    const before = await readdir(folder, { recursive: true });
    const { code, stdout, stderr } = await check();
    assert.deepEqual([code, stdout, stderr], [0, `${join(folder, 'sallyport.yaml')}: ok\n`, '']);
    const json = await check({}, '--json');
    assert.deepEqual([json.code, json.stderr], [0, '']);
    const { ok, checks } = JSON.parse(json.stdout) as { readonly ok: boolean; readonly checks: readonly Check[] };
    assert.equal(ok, true);
    assert.deepEqual(
      checks.map(({ name, state }) => `${name} ${state}`).toSorted(),
      [
        'admin',
        'audit',
        'bucket:box',
        'grants',
        'issuer:corp',
        'keyring:vault',
        'listen',
        'policies',
        'revocations',
      ].map((name) => `${name} ok`),
    );
    const after = (await readdir(folder, { recursive: true })).filter((name) => name !== 'sallyport.yaml');
    assert.deepEqual(
      after,
      before.filter((name) => name !== 'sallyport.yaml'),
    );
  });

  const cases: readonly (readonly [
    what: string,
    changes: () => Readonly<Record<string, unknown>>,
    line: RegExp,
    lines?: number,
  ])[] = [
    [
      'an issuer that is away',
      () => ({
        issuers: { corp: { issuer: `http://127.0.0.1:${nowhere}/`, audiences: ['sallyport'], allowHttp: true } },
      }),
      /^ {2}issuer corp \(http.*\): discovery: .*: is it up and reachable from here, and issuers\.corp\.issuer right\?$/,
    ],
    [
      'a Redis that is away',
      () => ({ revocation: redisAt(nowhere) }),
      /^ {2}the list of \w+ \(revocation\.redis\): Redis is not connected$/,
      2,
    ],
    [
      'a bucket that is not there',
      () => ({ buckets: { box: { storeBucket: 'absent' } } }),
      /^ {2}bucket box in store main: the store has no bucket absent/,
    ],
    [
      'a port that is no address of this machine',
      () => ({ admin: { address: '192.0.2.1:9190' } }),
      /^ {2}cannot listen on 192\.0\.2\.1:9190: that is no address of this machine; set another admin\.address$/,
    ],
    [
      'a socket in no folder',
      () => ({ listen: { socket: 'nowhere/gateway.sock' } }),
      /^ {2}cannot listen on .*: there is no folder/,
    ],
    [
      'a file in the place of the socket',
      () => ({ listen: { socket: 'id' } }),
      /^ {2}.*id exists and is not a socket; remove it, or set another listen\.socket$/,
    ],
    [
      'an audit below a file',
      () => ({ audit: { directory: 'id/audit' } }),
      /^ {2}audit\.directory .*id\/audit: a part of that path is no folder$/,
    ],
    [
      'a disk of the audit that is too full',
      () => ({ audit: { directory: 'audit', minFreeBytes: 2 ** 40 } }),
      /^ {2}audit\.directory .*audit: \d+ bytes are free on its disk; audit\.minFreeBytes is/,
    ],
  ];
  for (const [what, changes, line, count = 1] of cases) {
    it(`says in one line what is wrong, with code 1: ${what}`, async () => {
      const run = await check(changes());
      assert.equal(run.code, 1, run.stderr);
      assert.equal(linesOf(run).length, count, run.stderr);
      for (const each of linesOf(run)) assert.match(each, line);
      for (const secret of ['s'.repeat(40), 'A'.repeat(20)]) assert.ok(!run.stderr.includes(secret));
    });
  }

  it('says all of it at once, also as JSON', async () => {
    vault.sealed = true;
    await chmod(join(folder, 'audit'), 0o777);
    try {
      const run = await check({ revocation: redisAt(nowhere), buckets: { box: { storeBucket: 'absent' } } }, '--json');
      assert.equal(run.code, 1);
      const { ok, checks } = JSON.parse(run.stdout) as { readonly ok: boolean; readonly checks: readonly Check[] };
      assert.equal(ok, false);
      const wrong = checks.filter(({ state }) => state === 'wrong');
      assert.deepEqual(wrong.map(({ name }) => name).toSorted(), [
        'audit',
        'bucket:box',
        'grants',
        'keyring:vault',
        'revocations',
      ]);
      assert.match(wrong.find(({ name }) => name === 'audit')?.detail ?? '', /is writable by others/);
      assert.equal(run.stderr, `sallyport: ${join(folder, 'sallyport.yaml')} does not serve\n`);
    } finally {
      vault.sealed = false;
      await chmod(join(folder, 'audit'), 0o700);
    }
  });

  it('does not call it wrong that something listens there: it may be the gateway that is to be replaced', async () => {
    const port = await hold(0);
    await hold(join(folder, 'gateway.sock'));
    const { code, stderr } = await check({ admin: { address: `127.0.0.1:${port}` } });
    assert.equal(code, 0, stderr);
    assert.match(stderr, /another process listens on .*gateway\.sock \(listen\.socket\)/);
    assert.match(stderr, new RegExp(`127\\.0\\.0\\.1:${port} is already in use`));
  });

  it('goes with --check', async () => {
    for (const flag of ['--online', '--json']) {
      const { code, stderr } = await runCommand(['serve', '--config', 'none.yaml', flag]);
      assert.deepEqual([code, stderr], [2, `sallyport: ${flag} goes with --check\n`]);
    }
  });
});
