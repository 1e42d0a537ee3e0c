/** Policies that are replaced under a primary and its workers, by everything that a deployment does to a directory. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../demo/free-port.ts';
import { COMPILE_CACHE } from '../support/compile-cache.ts';
import { makeKey, signToken, startTestIssuer, type TestIssuer } from '../support/identity/issuer.ts';
import { workerIds } from '../support/stack/worker-ids.ts';

const script = fileURLToPath(new URL('../../bin/sallyport.js', import.meta.url));
const key = makeKey('RS256', 'k1');
const policy = (verbs: string) => `id: team
description: The team works in box.
subjects: [{ issuer: test, group: team }]
rules:
  - { id: work, allow: [${verbs}], bucket: box, everything: true }
`;

interface Seen {
  readonly atMs: number;
  readonly policyVersion: string;
  readonly verbs: string;
}

describe('policies that are replaced while workers serve', function () {
  this.timeout(120_000);
  let folder: string;
  let directory: string;
  let issuer: TestIssuer;
  let store: Server;
  let gateway: ChildProcess;
  let log = '';
  let port: number;
  let adminPort: number;
  let token: string;
  let deployments = 0;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-reload-'));
    directory = join(folder, 'policies');
    issuer = await startTestIssuer([key.publicJwk]);
    token = signToken(key, {
      ...{ iss: issuer.url, sub: 'somebody', aud: 'sallyport', groups: ['team'] },
      exp: Math.floor(Date.now() / 1000) + 600,
    });
    // It says of every bucket that it is there.
    store = createServer((_request, response) => response.end()).listen(0, '127.0.0.1');
    await once(store, 'listening');
    [port, adminPort] = [await freePort(), await freePort()];
    await mkdir(directory);
    await deploy({ 'team.yaml': policy('GET') });
    await writeFile(join(folder, 'seed'), randomBytes(32), { mode: 0o600 });
    const file = join(folder, 'sallyport.yaml');
    const config = {
      listen: { address: `127.0.0.1:${port}`, allowPlaintextLoopback: true },
      admin: { address: `127.0.0.1:${adminPort}` },
      workers: 2,
      issuers: { test: { issuer: issuer.url, audiences: ['sallyport'], allowHttp: true } },
      stores: {
        only: {
          endpoint: `http://127.0.0.1:${(store.address() as AddressInfo).port}`,
          ...{ region: 'us-east-1', allowPlaintextHttp: true, method: 'static' },
        },
      },
      buckets: { box: {} },
      keyring: { local: { versions: { '1': { seedFile: 'seed' } } } },
      policies: { directory: 'policies', preview: 'preview' },
      audit: { directory: 'audit', minFreeBytes: 0 },
      timeouts: { drainDelayMs: 0, drainMs: 1000 },
    };
    await writeFile(file, JSON.stringify(config));
    gateway = spawn(process.execPath, [script, 'serve', '--config', file], {
      env: {
        ...COMPILE_CACHE,
        PATH: process.env['PATH'],
        AWS_ACCESS_KEY_ID: 'A'.repeat(20),
        AWS_SECRET_ACCESS_KEY: 's'.repeat(40),
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    gateway.stderr?.on('data', (bytes: Buffer) => (log += bytes.toString()));
    await until('it is ready', async () => (await fetch(admin('readyz')).catch(() => undefined))?.status === 200);
  });
  after(async () => {
    gateway.kill('SIGTERM');
    await once(gateway, 'close');
    store.close();
    await issuer.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const admin = (what: string) => `http://127.0.0.1:${adminPort}/${what}`;

  async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
    const since = Date.now();
    while (!(await isSo())) {
      assert.ok(Date.now() - since < 30_000, `not in time: ${what}\n${log}`);
      await sleep(50);
    }
  }

  /** As Kubernetes replaces a ConfigMap: files are links through `..data`, which is swapped in one step. */
  async function deploy(files: Readonly<Record<string, string>>): Promise<void> {
    deployments += 1;
    const version = `..v${deployments}`;
    await mkdir(join(directory, version));
    for (const [name, text] of Object.entries(files)) {
      await writeFile(join(directory, version, name), text);
      await symlink(join('..data', name), join(directory, name)).catch(() => undefined);
    }
    await symlink(version, join(directory, '..tmp'));
    await rename(join(directory, '..tmp'), join(directory, '..data'));
  }

  /** What one of the workers says, over a connection of its own. */
  const ask = (): Promise<Seen> =>
    new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}` };
      const asking = request({ port, host: '127.0.0.1', path: '/-/whoami', headers, agent: false }, (response) => {
        let text = '';
        response.on('data', (bytes: Buffer) => (text += bytes.toString()));
        response.on('end', () => {
          const { policyVersion, buckets } = JSON.parse(text) as {
            readonly policyVersion: string;
            readonly buckets: readonly { readonly grants: readonly { readonly verbs: readonly string[] }[] }[];
          };
          const verbs = buckets[0]?.grants[0]?.verbs.join() ?? '';
          resolve({ atMs: Date.now(), policyVersion, verbs });
        });
      });
      asking.on('error', reject).end();
    });

  /** Asks again and again until all of the last twenty answers are by the verbs; gives every answer. */
  async function askUntil(verbs: string): Promise<readonly Seen[]> {
    const seen: Seen[] = [];
    await until(`all decide by ${verbs}`, async () => {
      for (let count = 0; count < 20; count += 1) seen.push(await ask());
      return seen.slice(-20).every((each) => each.verbs === verbs);
    });
    return seen;
  }

  const policiesReport = async (of = 'policies') => {
    const answer = await fetch(admin('readyz'));
    const { dependencies } = (await answer.json()) as {
      readonly dependencies: readonly { readonly name: string; readonly state: string; readonly detail?: string }[];
    };
    return { status: answer.status, ...dependencies.find(({ name }) => name === of) };
  };
  const metric = async (name: string) => {
    const text = await (await fetch(admin('metrics'))).text();
    const lines = text.split('\n').filter((line) => line.startsWith(`sallyport_policies_${name}{`));
    return lines.map((line) => /version="([^"]*)"\} (\d+)$/.exec(line)?.slice(1));
  };
  const events = (event: string) => log.split('\n').filter((line) => line.includes(`"event":"${event}"`));

  it('are in force in every worker, kept beside the audit for their owner alone', async () => {
    const { policyVersion } = await ask();
    assert.deepEqual(await metric('in_force'), [[policyVersion, '2']]);
    assert.deepEqual(await metric('refused'), []);
    const path = join(folder, 'audit', 'policies');
    assert.deepEqual(await readdir(path), [`${policyVersion}.json`]);
    assert.equal((await stat(path)).mode & 0o777, 0o700);
    assert.equal((await stat(join(path, `${policyVersion}.json`))).mode & 0o777, 0o600);
  });

  it('are replaced by the swap of a ConfigMap, in all workers within a second of the first', async () => {
    await deploy({ 'team.yaml': policy('GET, PUT') });
    const seen = await askUntil('GET,PUT');
    const firstNew = seen.find(({ verbs }) => verbs === 'GET,PUT')?.atMs ?? Infinity;
    const lastOld = seen.findLast(({ verbs }) => verbs === 'GET')?.atMs ?? 0;
    assert.ok(lastOld - firstNew < 1000, `${lastOld - firstNew} ms`);
    const { policyVersion } = await ask();
    assert.deepEqual(await metric('in_force'), [[policyVersion, '2']]);
    assert.ok((await stat(join(folder, 'audit', 'policies', `${policyVersion}.json`))).isFile());
  });

  it('stay where the new ones are refused, which is told with place and remedy, and clear when good ones come', async () => {
    const { policyVersion } = await ask();
    await deploy({ 'team.yaml': policy('GET, WRITE'), 'other.yaml': 'id: [' });
    await until('it is told', async () => (await policiesReport()).state === 'degraded');
    const report = await policiesReport();
    assert.equal(report.status, 200);
    assert.match(report.detail ?? '', /^other\.yaml:\d+: .*\(and \d+ more\); version [0-9a-f]{12} stays in force$/);
    assert.ok(report.detail?.includes(policyVersion));
    const [[refusedVersion = '', count] = []] = await metric('refused');
    assert.match(refusedVersion, /^[0-9a-f]{12}$/);
    assert.equal(count, '1');
    assert.notEqual(refusedVersion, policyVersion);
    assert.deepEqual(await metric('in_force'), [[policyVersion, '2']]);
    for (const { verbs } of await Promise.all(Array.from({ length: 10 }, ask))) assert.equal(verbs, 'GET,PUT');
    const [event = ''] = events('policies_reload_failed');
    assert.ok(event.includes(refusedVersion) && event.includes('team.yaml:5'), event);
    assert.ok(!(await readdir(join(folder, 'audit', 'policies'))).includes(`${refusedVersion}.json`));
  });

  it('stay for a worker that is started while the new ones are refused, and while the kept ones are deleted', async () => {
    await rm(join(folder, 'audit', 'policies'), { recursive: true });
    const [victim = 0] = await workerIds(gateway.pid ?? 0);
    process.kill(victim, 'SIGKILL');
    await until('another one serves', async () => (await metric('in_force'))[0]?.[1] === '2');
    for (let count = 0; count < 10; count += 1) assert.equal((await ask()).verbs, 'GET,PUT');
  });

  it('are replaced again when the directory is good again', async () => {
    await rm(join(directory, 'other.yaml'));
    await deploy({ 'team.yaml': policy('LIST') });
    await askUntil('LIST');
    await until('it is told', async () => (await policiesReport()).state === 'ok');
    assert.deepEqual(await metric('refused'), []);
  });

  it('are read at once on SIGHUP, which ends no worker that hears it too', async () => {
    const before = await workerIds(gateway.pid ?? 0);
    await deploy({ 'team.yaml': policy('DELETE') });
    for (const pid of [gateway.pid ?? 0, ...before]) process.kill(pid, 'SIGHUP');
    await askUntil('DELETE');
    assert.deepEqual(await workerIds(gateway.pid ?? 0), before);
  });

  for (const [what, spoil, mend] of [
    ['is gone', () => rename(directory, `${directory}.away`), () => rename(`${directory}.away`, directory)],
    [
      'is empty',
      async () => {
        await rename(directory, `${directory}.away`);
        await mkdir(directory);
      },
      async () => {
        await rm(directory, { recursive: true });
        await rename(`${directory}.away`, directory);
      },
    ],
    [
      'holds a link that leads out of it',
      () => symlink('/dev/zero', join(directory, 'zero.yaml')),
      () => rm(join(directory, 'zero.yaml')),
    ],
  ] as const) {
    it(`stay where the directory ${what}: nobody is denied all`, async () => {
      await spoil();
      await until('it is told', async () => (await policiesReport()).state === 'degraded');
      assert.equal((await policiesReport()).status, 200);
      assert.equal((await ask()).verbs, 'DELETE');
      await mend();
      await until('it is over', async () => (await policiesReport()).state === 'ok');
    });
  }

  it('stay where the new ones cannot be kept for those who explain decisions later', async function () {
    const kept = join(folder, 'audit', 'policies');
    await chmod(kept, 0o777);
    await deploy({ 'team.yaml': policy('GET, LIST') });
    await until('it is told', async () => (await policiesReport()).state === 'degraded');
    assert.match((await policiesReport()).detail ?? '', /cannot be kept beside the audit: .* writable by others/);
    assert.equal((await ask()).verbs, 'DELETE');
    await chmod(kept, 0o700);
    gateway.kill('SIGHUP');
    await askUntil('GET,LIST');
  });

  it('go back and forth faster than they can be read, and end on the last', async () => {
    for (let count = 0; count < 30; count += 1) {
      await deploy({ 'team.yaml': policy(count % 2 === 0 ? 'PUT' : 'GET') });
      if (count % 3 === 0) gateway.kill('SIGHUP');
      await sleep(20);
    }
    await deploy({ 'team.yaml': policy('GET_TAGS') });
    await askUntil('GET_TAGS');
    assert.equal((await metric('in_force')).length, 1);
    assert.equal(events('worker_exited').length, 1);
  });

  it('have others previewed beside them, which decide nothing and are on record where they differ', async () => {
    const preview = join(folder, 'preview');
    assert.equal((await policiesReport('policies-preview')).state, 'degraded');
    await mkdir(preview);
    await writeFile(join(preview, 'team.yaml'), policy('DELETE'));
    await deploy({ 'team.yaml': policy('GET') });
    await askUntil('GET');
    await until('it is read', async () => (await policiesReport('policies-preview')).state === 'ok');
    const differences = () =>
      recorded().then((lines) => lines.filter((line) => line.includes('"previewDecision":"deny"')));
    await until('a worker previews', async () => {
      // The store holds nothing that was encrypted: what counts is the record.
      await fetch(`http://127.0.0.1:${port}/box/key`, { headers: { authorization: `Bearer ${token}` } });
      return (await differences()).length > 0;
    });
    const [first = ''] = await differences();
    assert.ok(first.includes('"decision":"allow"') && first.includes('"previewRule":"default-deny"'), first);
    const metrics = await (await fetch(admin('metrics'))).text();
    assert.match(metrics, /sallyport_policy_preview_differences_total\{live="allow",preview="deny"\} \d+/);
    await writeFile(join(preview, 'team.yaml'), 'id: [');
    await until('it is told', async () => (await policiesReport('policies-preview')).state === 'degraded');
    assert.equal((await policiesReport()).status, 200);
    assert.equal((await ask()).verbs, 'GET');
  });

  async function recorded(): Promise<readonly string[]> {
    const audit = join(folder, 'audit');
    const files = (await readdir(audit)).filter((name) => name.endsWith('.jsonl'));
    return (await Promise.all(files.map((name) => readFile(join(audit, name), 'utf8')))).join('').split('\n');
  }
});
