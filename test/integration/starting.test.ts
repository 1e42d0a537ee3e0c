/** The commands that serve, where they cannot: what they say, how they end, and what is ready meanwhile. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { COMPILE_CACHE } from '../support/compile-cache.ts';
import { freePort } from '../../demo/free-port.ts';
import { runSidecar, type Program } from '../support/sidecar/sidecar-world.ts';
import { workerIds } from '../support/stack/worker-ids.ts';

const script = fileURLToPath(new URL('../../bin/sallyport.js', import.meta.url));
const POLICY = `
id: team
description: The team reads.
subjects: [{ issuer: test, group: team }]
rules: [{ id: box, allow: [GET], bucket: box, everything: true }]
`;
const LIMIT_MS = 40_000;

describe('a service that starts', function () {
  this.timeout(120_000);
  let folder: string;
  let adminPort: number;
  let store: HttpServer;
  const programs: Program[] = [];
  const holders: Server[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-starting-'));
    // It says of every bucket that it is there.
    store = createHttpServer((_request, response) => response.end()).listen(0, '127.0.0.1');
    await once(store, 'listening');
    await mkdir(join(folder, 'policies'));
    await writeFile(join(folder, 'policies', 'team.yaml'), POLICY);
    await writeFile(join(folder, 'seed'), randomBytes(32), { mode: 0o600 });
  });
  beforeEach(async () => {
    adminPort = await freePort();
  });
  afterEach(async () => {
    for (const { child, ended } of programs.splice(0)) {
      child.kill('SIGTERM');
      await ended;
    }
    for (const holder of holders.splice(0)) {
      holder.close();
      await once(holder, 'close');
    }
  });
  after(async () => {
    store.close();
    await rm(folder, { recursive: true, force: true });
  });

  const storeEndpoint = () => `http://127.0.0.1:${(store.address() as AddressInfo).port}`;

  async function serve(changes: Readonly<Record<string, unknown>>): Promise<Program> {
    const config = {
      admin: { address: `127.0.0.1:${adminPort}` },
      issuers: { test: { issuer: 'http://127.0.0.1:9/', audiences: ['sallyport'], allowHttp: true } },
      stores: {
        only: { endpoint: storeEndpoint(), region: 'us-east-1', allowPlaintextHttp: true, method: 'static' },
      },
      buckets: { box: {} },
      keyring: { local: { versions: { '1': { seedFile: 'seed' } } } },
      policies: { directory: 'policies' },
      audit: { directory: 'audit', minFreeBytes: 0 },
      timeouts: { drainDelayMs: 0, drainMs: 1000 },
      ...changes,
    };
    const file = join(folder, 'sallyport.yaml');
    await writeFile(file, JSON.stringify(config));
    const child = spawn(process.execPath, [script, 'serve', '--config', file], {
      env: {
        ...COMPILE_CACHE,
        PATH: process.env['PATH'],
        AWS_ACCESS_KEY_ID: 'A'.repeat(20),
        AWS_SECRET_ACCESS_KEY: 's'.repeat(40),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [out, err] = ['', ''];
    child.stdout.on('data', (bytes: Buffer) => (out += bytes.toString()));
    child.stderr.on('data', (bytes: Buffer) => (err += bytes.toString()));
    const ended = once(child, 'close').then(() => child.exitCode);
    const program = { child, stdout: () => out, stderr: () => err, ended };
    programs.push(program);
    return program;
  }

  const isReady = (): Promise<boolean> =>
    fetch(`http://127.0.0.1:${adminPort}/readyz`).then(
      ({ status }) => status === 200,
      () => false,
    );

  async function untilReady({ child, stderr }: Program): Promise<void> {
    const since = Date.now();
    while (!(await isReady())) {
      assert.ok(child.exitCode === null && Date.now() - since < LIMIT_MS, stderr());
      await sleep(50);
    }
  }

  /** Ends by itself with code 1 and one line; nothing said meanwhile that it is ready. */
  async function refuses(program: Program, line: RegExp): Promise<void> {
    let code: number | null | undefined;
    void program.ended.then((ended) => {
      code = ended;
    });
    const since = Date.now();
    while (code === undefined) {
      assert.equal(await isReady(), false);
      assert.ok(Date.now() - since < LIMIT_MS, `it lives on: ${program.stderr()}`);
      await sleep(20);
    }
    assert.equal(code, 1);
    // Beside the lines of the log.
    const said = program
      .stderr()
      .trimEnd()
      .split('\n')
      .filter((each) => !each.startsWith('{'));
    assert.equal(said.length, 1, program.stderr());
    assert.match(said[0] ?? '', line);
    assert.doesNotMatch(program.stderr(), /"serving/);
  }

  async function hold(at: { readonly path: string } | { readonly port: number }): Promise<void> {
    const holder = createServer((socket) => socket.destroy());
    holder.listen('path' in at ? at : { ...at, host: '127.0.0.1' });
    await once(holder, 'listening');
    holders.push(holder);
  }

  /** A file that a listening process left when it was killed. */
  async function leaveSocket(path: string): Promise<void> {
    const code = 'require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))';
    await once(spawn(process.execPath, ['-e', code, path]), 'exit');
    assert.ok((await stat(path)).isSocket());
  }

  const socket = (name: string) => ({ listen: { socket: join(folder, name), socketMode: '0660' } });

  describe('as a gateway', () => {
    it('ends where the folder of its socket is missing, and names it', async () => {
      await refuses(await serve({ ...socket('none/gateway.sock') }), /no folder \S*none; .*listen\.socket$/);
    });

    it('ends where it may not write into that folder', async () => {
      // Nobody may there, root neither.
      const listen = { socket: '/proc/gateway.sock', socketMode: '0660' };
      await refuses(await serve({ listen }), /may not write into \/proc/);
    });

    it('ends where a live process listens on its socket, which goes on listening there', async () => {
      const path = join(folder, `taken.sock`);
      await hold({ path });
      await refuses(await serve({ ...socket(`taken.sock`) }), /another process listens on \S*taken/);
      assert.ok((await stat(path)).isSocket());
    });

    it('ends where something else lies in its place', async () => {
      await writeFile(join(folder, 'file.sock'), '');
      await refuses(await serve({ ...socket('file.sock') }), /file\.sock exists and is not a socket/);
    });

    it("ends where the operators' port is taken", async () => {
      await hold({ port: adminPort });
      await refuses(await serve({ ...socket('free.sock') }), /is already in use;.*admin\.address$/);
    });

    it('ends where what it needs besides cannot be had', async () => {
      await writeFile(join(folder, 'no-directory'), '');
      const audit = { directory: 'no-directory', minFreeBytes: 0 };
      await refuses(await serve({ ...socket('free.sock'), audit }), /audit/i);
    });

    for (const workers of [1, 2]) {
      it(`ends where its port is taken, with workers: ${workers}`, async () => {
        const port = await freePort();
        await hold({ port });
        const listen = { address: `127.0.0.1:${port}`, allowPlaintextLoopback: true };
        await refuses(
          await serve({ listen, workers }),
          new RegExp(`127\\.0\\.0\\.1:${port} is already in use;.*listen.address$`),
        );
      });

      it(`takes the place of a process that died, is ready when it listens, and stops when it is told to, with workers: ${workers}`, async () => {
        const name = `dead-${workers}.sock`;
        await leaveSocket(join(folder, name));
        const program = await serve({ ...socket(name), workers });
        await untilReady(program);
        assert.match(program.stderr(), /"event":"service_started"/);
        assert.equal((await stat(join(folder, name))).mode & 0o777, 0o660);
        assert.equal((await workerIds(program.child.pid ?? 0)).length, workers);
        program.child.kill('SIGTERM');
        assert.equal(await program.ended, 0);
      });
    }
  });

  describe('as a sidecar', () => {
    const sidecar = (port: number): Program => {
      const options = ['--bucket', 'box', '--region', 'eu-central-1', '--keyring-seed-file', 'seed', '--audit-stdout'];
      const program = runSidecar(
        [...options, '--listen', `127.0.0.1:${port}`],
        { SALLYPORT_ADMIN_ADDRESS: `127.0.0.1:${adminPort}`, SALLYPORT_TIMEOUTS_DRAIN_DELAY_MS: '0' },
        folder,
      );
      programs.push(program);
      return program;
    };

    it('ends where its port is taken', async () => {
      const port = await freePort();
      await hold({ port });
      await refuses(sidecar(port), /is already in use;.*--listen$/);
    });

    it("ends where the operators' port is taken", async () => {
      await hold({ port: adminPort });
      await refuses(sidecar(await freePort()), /is already in use;.*admin\.address$/);
    });

    it('is ready when it listens', async () => {
      const program = sidecar(await freePort());
      await untilReady(program);
      assert.match(program.stderr(), /sidecar_started/);
    });
  });
});
