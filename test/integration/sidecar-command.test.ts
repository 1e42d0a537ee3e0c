import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { DEMO_ROLE_ARN } from '../../demo/store/embedded-store.ts';
import { runCommand } from '../support/client/run-command.ts';
import { freePort } from '../../demo/free-port.ts';
import { sendRaw } from '../support/http/raw-wire.ts';
import { podKeys, roleKeys, startPod, startPodStore, type PodStore } from '../support/sidecar/sidecar-store.ts';
import { DUMMY, keyVariables, runSidecar, type SidecarWorld } from '../support/sidecar/sidecar-world.ts';
import { send } from '../support/store/store-client.ts';

describe('the command sallyport sidecar', function () {
  this.timeout(30_000);
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-sidecar-command-'));
    await writeFile(join(folder, 'seed'), randomBytes(32), { mode: 0o600 });
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const common = ['--bucket', 'ledger', '--region', 'eu-central-1', '--keyring-seed-file', 'seed', '--audit-stdout'];
  const ended = async (...options: readonly string[]) => {
    const { code, stderr, stdout } = await runCommand(['sidecar', ...options], { cwd: folder });
    return { code, said: stderr, out: stdout };
  };

  it('accepts the common case in one line', async () => {
    assert.deepEqual(await ended(...common, '--check'), { code: 0, said: '', out: 'ok\n' });
    const program = runSidecar([...common, '--check'], {}, folder);
    assert.deepEqual([await program.ended, program.stderr(), program.stdout()], [0, '', 'ok\n']);
  });

  for (const address of ['0.0.0.0:8190', '[::]:8190', '10.0.0.7:8190', 'sidecar.example:8190']) {
    it(`refuses to listen on ${address} unless it is told so loudly`, async () => {
      const { code, said } = await ended(...common, '--listen', address, '--check');
      assert.equal(code, 2);
      assert.match(said, /--allow-remote/);
      assert.equal((await ended(...common, '--listen', address, '--allow-remote', '--check')).code, 0);
    });
  }

  it('refuses such an address in a file as well, and says what is not used there', async () => {
    const path = join(folder, 'sidecar.yaml');
    const file = {
      stores: { main: { region: 'eu-central-1' } },
      buckets: { ledger: {} },
      keyring: { local: { versions: { 1: { seedFile: 'seed' } } } },
      audit: { directory: 'audit' },
      sidecar: { address: '0.0.0.0:8190' },
    };
    await writeFile(path, JSON.stringify(file));
    assert.match((await ended('--config', path, '--check')).said, /--allow-remote/);
    assert.equal((await ended('--config', path, '--listen', '[::1]:8190', '--check')).code, 0);
    await writeFile(path, JSON.stringify({ ...file, issuers: {}, listen: {}, sessions: {} }));
    const { code, said } = await ended('--config', path, '--check');
    assert.equal(code, 2);
    for (const key of ['issuers', 'listen', 'sessions']) assert.match(said, new RegExp(`${key}: is not used`));
    assert.equal((await ended('--config', path, '--bucket', 'ledger', '--check')).code, 2);
  });

  it('says all that is missing at once', async () => {
    const { code, said } = await ended('--bucket', 'ledger');
    assert.equal(code, 2);
    for (const option of ['--region', '--audit-directory', 'SALLYPORT_KEYRING_SEED_FILE']) {
      assert.ok(said.includes(option), option);
    }
  });

  it('warns as long as other machines may reach it, and answers under the address that they came in on', async () => {
    const [port, adminPort] = [await freePort(), await freePort()];
    const program = runSidecar(
      [...common, '--listen', `0.0.0.0:${port}`, '--allow-remote'],
      { SALLYPORT_ADMIN_ADDRESS: `127.0.0.1:${adminPort}`, SALLYPORT_TIMEOUTS_DRAIN_DELAY_MS: '0' },
      folder,
    );
    try {
      while (!program.stderr().includes('sidecar_started')) {
        assert.equal(program.child.exitCode, null, program.stderr());
        await sleep(20);
      }
      assert.match(program.stderr(), /"level":"warn".*other machines/);
      const ready = (host: string) =>
        sendRaw(port, { method: 'GET', target: '/-/ready', lines: [['host', `${host}:${port}`]] });
      assert.equal((await ready('127.0.0.1')).status, 200);
      assert.equal((await ready('0.0.0.0')).status, 403);
      assert.equal((await ready('rebound.example')).status, 403);
    } finally {
      program.child.kill('SIGTERM');
      assert.equal(await program.ended, 0);
    }
  });
});

describe('the credentials of a sidecar', function () {
  this.timeout(30_000);
  let pod: PodStore;

  before(async () => {
    pod = await startPodStore();
  });
  after(() => pod.stop());

  const puts = async (variables: Readonly<Record<string, string>>): Promise<void> => {
    const world = await startPod(pod, variables);
    try {
      const put = { method: 'PUT', bucket: 'ledger', key: 'by-chain', body: 'words', keys: DUMMY } as const;
      assert.equal((await send(world.port, put)).status, 200, world.stderr());
      assert.deepEqual(world.proxy.leaks, []);
    } finally {
      await world.stop();
    }
  };

  it('are found in a profile', async () => {
    const file = join(pod.folder, 'profile');
    const { accessKeyId, secretAccessKey } = podKeys;
    const lines = ['[default]', `aws_access_key_id = ${accessKeyId}`, `aws_secret_access_key = ${secretAccessKey}`, ''];
    await writeFile(file, lines.join('\n'));
    await puts({ AWS_SHARED_CREDENTIALS_FILE: file });
  });

  it("are asked of a container's endpoint, as on EKS with Pod Identity, and those of a session are used as one", async () => {
    const sts = new STSClient({ endpoint: pod.store.endpoint, region: 'us-east-1', credentials: { ...roleKeys } });
    const resources = ['arn:aws:s3:::ledger', 'arn:aws:s3:::ledger/*'];
    const { Credentials: session } = await sts.send(
      new AssumeRoleCommand({
        RoleArn: DEMO_ROLE_ARN,
        RoleSessionName: 'pod',
        Policy: JSON.stringify({
          Version: '2012-10-17',
          Statement: [{ Effect: 'Allow', Action: ['s3:PutObject', 's3:GetObject'], Resource: resources }],
        }),
      }),
    );
    let requested: string | undefined;
    const agent = createServer((request, response) => {
      requested = request.headers.authorization;
      const { AccessKeyId, SecretAccessKey, SessionToken: Token, Expiration } = session ?? {};
      response.end(JSON.stringify({ AccessKeyId, SecretAccessKey, Token, Expiration }));
    }).listen(0, '127.0.0.1');
    await once(agent, 'listening');
    const { port } = agent.address() as AddressInfo;
    const tokenFile = join(pod.folder, 'pod-token');
    await writeFile(tokenFile, 'token-of-the-pod');
    await puts({
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${port}/v1/credentials`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: tokenFile,
    });
    assert.equal(requested, 'token-of-the-pod');
    sts.destroy();
    agent.close();
  });
});

describe('a sidecar that comes to its end', function () {
  this.timeout(30_000);
  let pod: PodStore;
  let world: SidecarWorld;

  beforeEach(async () => {
    pod = await startPodStore();
    world = await startPod(pod, keyVariables(podKeys));
  });
  afterEach(async () => {
    await world.stop();
    await pod.stop();
  });

  it('by a signal finishes the upload in progress, records its end, and leaves with 0', async () => {
    const body = randomBytes(2_000_000);
    const headers = { 'content-length': body.length };
    const outgoing = httpRequest({ host: '127.0.0.1', port: world.port, method: 'PUT', path: '/ledger/slow', headers });
    const status = new Promise<number | undefined>((resolve, reject) => {
      outgoing.on('response', (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      outgoing.on('error', reject);
    });
    outgoing.write(body.subarray(0, 1_000_000));
    while (world.proxy.calls.length === 0) await sleep(20);
    world.child.kill('SIGTERM');
    await sleep(300);
    assert.equal(world.child.exitCode, null);
    outgoing.end(body.subarray(1_000_000));
    assert.equal(await status, 200);
    assert.equal(await world.ended, 0);
    assert.equal(world.audit().at(-1)?.['result'], 'completed');
  });

  it('because nobody reads its audit any more does nothing without a record, and says so', async () => {
    const put = () =>
      send(world.port, { method: 'PUT', bucket: 'ledger', key: 'unrecorded', body: 'words', keys: DUMMY });
    assert.equal((await put()).status, 200);
    world.child.stdout?.destroy();
    await sleep(100);
    const calls = world.proxy.calls.length;
    for (let attempt = 0; attempt < 3; attempt += 1) assert.equal((await put()).status, 503);
    assert.equal(world.proxy.calls.length, calls);
    assert.equal((await fetch(`http://127.0.0.1:${world.adminPort}/readyz`)).status, 503);
    assert.equal(world.child.exitCode, null);
  });
});
