/**
 * What an operator is told of a store that cannot be used as it is configured: by `serve --check --online`, by `/readyz` and
 * by what becomes of a client's request. On the embedded store, or on Ceph RGW as SALLYPORT_TEST_STORE says.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import supertest from 'supertest';
import { createGateway, type Gateway } from '../../src/compose/gateway.ts';
import { checkOnly } from '../../src/cli/server/check-only.ts';
import { CommandError } from '../../src/cli/io.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import type { HealthReport } from '../../src/contracts/health.ts';
import { createEmbeddedStore, DEMO_ROLE_ARN } from '../../demo/store/embedded-store.ts';
import { startCeph } from '../support/store/ceph.ts';
import { freePort } from '../../demo/free-port.ts';
import { makeKey, signToken, startTestIssuer } from '../support/identity/issuer.ts';
import { runCommand } from '../support/client/run-command.ts';
import { sharedKind } from '../support/stack/stack.ts';

interface RealStore {
  readonly endpoint: string;
  readonly roleArn: string;
  readonly keys: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
  readonly end: () => Promise<void>;
}

type Changes = Readonly<Record<string, unknown>>;

const POLICY = `
id: team
description: The team does everything.
subjects: [{ issuer: test, group: team }]
rules: [{ id: all, allow: [GET, PUT, LIST], bucket: reports, everything: true }]
`;
const LIMIT_MS = 15_000;

describe('a store that cannot be used as it is configured', function () {
  this.timeout(60_000);
  let folder: string;
  let real: RealStore;
  let noSts: Server;
  let nowhere: string;
  const key = makeKey('RS256', 'k1');
  const gateways: Gateway[] = [];
  /** What the last gateway said before it listened. */
  const reported: (HealthReport | undefined)[] = [];
  const undo: (() => Promise<unknown>)[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-health-'));
    undo.push(() => rm(folder, { recursive: true, force: true }));
    real = await (sharedKind() === 'ceph' ? ceph() : embedded(folder));
    undo.push(real.end);
    const issuer = await startTestIssuer([key.publicJwk]);
    undo.push(() => issuer.stop());
    noSts = createServer((_request, response) => response.writeHead(404).end('no such page')).listen(0, '127.0.0.1');
    await once(noSts, 'listening');
    undo.push(() => new Promise((closed) => noSts.close(closed)));
    nowhere = `http://127.0.0.1:${await freePort()}`;
    await mkdir(join(folder, 'policies'));
    await writeFile(join(folder, 'policies', 'team.yaml'), POLICY);
    const secret = (name: string, content: string | Buffer) => writeFile(join(folder, name), content, { mode: 0o600 });
    await secret('seed', randomBytes(32));
    await secret('id', real.keys.accessKeyId);
    await secret('secret', real.keys.secretAccessKey);
    await secret('wrong', 'w'.repeat(40));
    await secret('unknown', 'UNKNOWNUNKNOWNUNKNOW');
    await writeFile(join(folder, 'issuer'), issuer.url);
    issuerUrl = issuer.url;
  });
  afterEach(async () => {
    for (const gateway of gateways.splice(0)) await gateway.drain();
  });
  after(async () => {
    for (const step of undo.reverse()) await step();
  });
  let issuerUrl: string;

  async function configured(store: Changes, bucket: Changes): Promise<string> {
    const sts = { endpoint: real.endpoint, roleArn: real.roleArn };
    const config = {
      listen: { address: `127.0.0.1:${await freePort()}`, allowPlaintextLoopback: true },
      admin: { address: `127.0.0.1:${await freePort()}` },
      issuers: { test: { issuer: issuerUrl, audiences: ['sallyport'], allowHttp: true } },
      stores: {
        main: {
          ...{ endpoint: real.endpoint, region: 'us-east-1', allowPlaintextHttp: true, sts },
          credentials: { accessKeyIdFile: 'id', secretAccessKeyFile: 'secret' },
          ...store,
        },
      },
      buckets: { reports: bucket },
      keyring: { local: { versions: { '1': { seedFile: 'seed' } } } },
      policies: { directory: 'policies' },
      audit: { directory: `audit-${randomBytes(4).toString('hex')}`, minFreeBytes: 0 },
      timeouts: { drainDelayMs: 0, stsMs: 2000 },
    };
    const file = join(folder, 'sallyport.yaml');
    await writeFile(file, JSON.stringify(config));
    return file;
  }

  async function serving(file: string): Promise<{ readonly gateway: Gateway; readonly log: () => string }> {
    let log = '';
    const logStream = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        log += chunk.toString();
        done();
      },
    });
    const config = await loadConfig({ path: file, env: {} });
    const gateway = await createGateway(config, { worker: 0, pid: process.pid, logStream });
    gateways.push(gateway);
    reported.splice(0, reported.length, bucketReport(gateway));
    await gateway.listen();
    return { gateway, log: () => log };
  }

  /** What `serve --check --online` does; the command itself refuses the role of the embedded store. */
  async function check(file: string): Promise<{ readonly code: number; readonly lines: readonly string[] }> {
    if (sharedKind() === 'ceph') {
      const { code, stderr } = await runCommand(['serve', '--config', file, '--check', '--online']);
      return { code, lines: stderr === '' ? [] : stderr.trimEnd().split('\n') };
    }
    const lines: string[] = [];
    const io = {
      stdout: new PassThrough(),
      stderr: new Writable({ write: (chunk: Buffer, _encoding, done) => done(void lines.push(chunk.toString())) }),
    };
    try {
      const config = await loadConfig({ path: file, env: {} });
      const loadPolicies = () => Promise.resolve();
      await checkOnly(file, config, { loadPolicies, listening: [], online: true, ok: '', io });
      return { code: 0, lines };
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      return { code: error.exitCode, lines: [...lines, ...`sallyport: ${error.message}`.split('\n')] };
    }
  }

  const bucketReport = (gateway: Gateway) => gateway.readiness().reports.find(({ name }) => name === 'bucket:reports');
  async function until(what: string, holds: () => boolean): Promise<void> {
    const since = Date.now();
    while (!holds()) {
      assert.ok(Date.now() - since < LIMIT_MS, what);
      await sleep(20);
    }
  }
  const headBucket = async (gateway: Gateway): Promise<number> => {
    const exp = Math.floor(Date.now() / 1000) + 3600;
    const token = signToken(key, { iss: issuerUrl, sub: 'tessa', aud: 'sallyport', groups: ['team'], exp });
    return (await supertest(gateway.server).head('/reports').set('authorization', `Bearer ${token}`)).status;
  };

  it('is none where all is right: it is unknown until it was asked, and then ready', async () => {
    const file = await configured({}, {});
    assert.deepEqual(await check(file), { code: 0, lines: [] });
    const { gateway } = await serving(file);
    // Nothing was asked before it serves.
    assert.deepEqual(reported.shift(), { name: 'bucket:reports', state: 'unknown', detail: 'not asked yet' });
    await until('it is ready', () => gateway.readiness().ready);
    assert.partialDeepStrictEqual(bucketReport(gateway), { name: 'bucket:reports', state: 'ok' });
    assert.equal(await headBucket(gateway), 200);
  });

  const STATIC = { method: 'static', sts: {} };
  const WRONG_SECRET = { credentials: { accessKeyIdFile: 'id', secretAccessKeyFile: 'wrong' } };
  const UNKNOWN_KEY = { credentials: { accessKeyIdFile: 'unknown', secretAccessKeyFile: 'secret' } };
  const cases: readonly (readonly [what: string, store: () => Changes, bucket: Changes, line: RegExp])[] = [
    // Ceph RGW says AccessDenied for both where its STS is in use.
    ['a wrong secret', () => WRONG_SECRET, {}, /its STS answers 403 .*stores\.main\.credentials/],
    ['an access key id that nobody has', () => UNKNOWN_KEY, {}, /its STS answers 403 .*stores\.main\.credentials/],
    [
      'a wrong secret without STS (403 SignatureDoesNotMatch)',
      () => ({ ...STATIC, ...WRONG_SECRET }),
      {},
      /the store answers 403 (SignatureDoesNotMatch: stores\.main\.credentials hold a secret that is not the one|AccessDenied: stores\.main\.credentials are wrong)/,
    ],
    [
      'an access key id that nobody has, without STS (403 InvalidAccessKeyId)',
      () => ({ ...STATIC, ...UNKNOWN_KEY }),
      {},
      /the store answers 403 (InvalidAccessKeyId: stores\.main\.credentials hold an access key id that is not known there|AccessDenied: stores\.main\.credentials are wrong)/,
    ],
    [
      'no STS where it should be',
      () => ({ sts: { endpoint: `http://127.0.0.1:${(noSts.address() as AddressInfo).port}`, roleArn: real.roleArn } }),
      {},
      /no STS answers AssumeRole there \(404.*\): stores\.main\.sts\.endpoint must be where the store's STS is/,
    ],
    [
      'nothing listening where STS should be',
      () => ({ sts: { endpoint: nowhere, roleArn: real.roleArn } }),
      {},
      /nothing listens where its STS should be \(ECONNREFUSED\): is it up, and stores\.main\.sts\.endpoint right\?/,
    ],
    [
      'no such bucket',
      () => ({}),
      { storeBucket: 'scratch' },
      /the store has no bucket scratch: make it there, or let buckets\.reports\.storeBucket name one that is there/,
    ],
    [
      'nothing listening',
      () => ({ endpoint: nowhere }),
      {},
      /nothing listens where the store \(.*\) should be \(ECONNREFUSED\): is it up, and stores\.main\.endpoint right\?/,
    ],
    [
      'a role that is not there',
      () => ({ sts: { endpoint: real.endpoint, roleArn: 'arn:aws:iam:::role/absent' } }),
      {},
      /its STS answers (403|404) .*stores\.main\.sts\.roleArn must be a role/,
    ],
  ];
  for (const [what, store, bucket, line] of cases) {
    it(`is told in one line: ${what}`, async () => {
      const file = await configured(store(), bucket);
      const checked = await check(file);
      const [head, said = '', ...rest] = checked.lines;
      assert.deepEqual([checked.code, head], [1, `sallyport: ${file} does not serve:`], checked.lines.join('\n'));
      assert.match(said, /^ {2}bucket reports in store main: /);
      assert.match(said, line);
      assert.deepEqual(rest, []);
      // It serves all the same, for the store may come back, and says that it is not ready and why.
      const { gateway, log } = await serving(file);
      assert.deepEqual(gateway.readiness().ready, false);
      await until('it was asked', () => bucketReport(gateway)?.state === 'degraded');
      assert.match(bucketReport(gateway)?.detail ?? '', line);
      assert.equal(gateway.readiness().ready, false);
      assert.match(log(), /"event":"bucket_unavailable"/);
      assert.notEqual(await headBucket(gateway), 200);
      for (const secret of [real.keys.secretAccessKey, 'w'.repeat(40)]) {
        assert.ok(![log(), ...checked.lines].some((text) => text.includes(secret)));
      }
    });
  }

  it('is told in one line: a wrong region, where the store looks at it', async () => {
    const file = await configured({ region: 'eu-nowhere-1' }, {});
    const { code, lines } = await check(file);
    // Ceph RGW takes the region that a request names.
    if (sharedKind() === 'ceph') assert.deepEqual([code, lines], [0, []]);
    else {
      assert.equal(code, 1);
      assert.match(lines.join(), /its STS answers 403 SignatureDoesNotMatch: .* is not its region/);
    }
  });

  it('is ready by itself when it comes back, and stays ready when it goes again, which is told', async () => {
    const file = await configured({}, {});
    await real.stop();
    const { gateway } = await serving(file);
    await until('it was asked', () => bucketReport(gateway)?.state === 'degraded');
    assert.equal(gateway.readiness().ready, false);
    await real.start();
    await until('it is ready', () => gateway.readiness().ready);
    assert.equal(bucketReport(gateway)?.state, 'ok');
    await real.stop();
    try {
      // A client's failure lets the store be asked at once, and not after a minute.
      await sleep(5000);
      assert.notEqual(await headBucket(gateway), 200);
      await until('it is told', () => bucketReport(gateway)?.state === 'degraded');
      assert.equal(gateway.readiness().ready, true);
    } finally {
      await real.start();
    }
  });
});

async function embedded(folder: string): Promise<RealStore> {
  const pair = (name: string) => ({ accessKeyId: name.repeat(4), secretAccessKey: randomBytes(20).toString('hex') });
  const keys = pair('GATEW');
  const port = await freePort();
  const make = async () => {
    const store = await createEmbeddedStore({
      ...{ folder: join(folder, 'store'), port, buckets: ['reports'], gatewayKeys: keys, ownerKeys: pair('OWNER') },
      log: () => undefined,
    });
    await store.start();
    return store;
  };
  let store = await make();
  return {
    ...{ endpoint: store.endpoint, roleArn: DEMO_ROLE_ARN, keys },
    start: async () => {
      store = await make();
    },
    stop: () => store.stop(),
    end: () => store.stop(),
  };
}

async function ceph(): Promise<RealStore> {
  const { lab, ...store } = await startCeph();
  return {
    ...{ endpoint: lab.endpoint, roleArn: lab.roleArn, keys: lab.gateway },
    ...{ start: store.startGateway, stop: store.stopGateway, end: store.stop },
  };
}
