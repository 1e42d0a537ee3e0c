/**
 * `sallyport demo` as a person runs it: it starts, tells where things are, gives tokens, and leaves nothing behind.
 */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DemoFacts } from '../../demo/banner.ts';
import { freePort } from '../../demo/free-port.ts';

const program = join(import.meta.dirname, '../../bin/sallyport.js');
const ANY_PORTS = ['--port', '0', '--admin-port', '0', '--idp-port', '0', '--store-port', '0'];

describe('sallyport demo', function () {
  this.timeout(60_000);
  let folder: string;
  const running = new Set<ChildProcess>();

  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'sallyport-demo-'))));
  afterEach(async () => {
    for (const child of running) child.kill('SIGKILL');
    running.clear();
    await untilNothingRuns();
    await rm(folder, { recursive: true });
  });

  function run(...parameters: string[]): ChildProcess {
    const child = spawn(process.execPath, [program, 'demo', ...parameters], { stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(child);
    child.once('exit', () => running.delete(child));
    return child;
  }

  async function finished(child: ChildProcess): Promise<{ code: number | null; stdout: string; stderr: string }> {
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout!),
      text(child.stderr!),
      once(child, 'exit') as Promise<[number | null]>,
    ]);
    return { code, stdout, stderr };
  }

  async function start(data: string): Promise<{ child: ChildProcess; facts: DemoFacts }> {
    const child = run('--data', data, '--json', ...ANY_PORTS);
    let said = '';
    for await (const chunk of child.stdout! as unknown as AsyncIterable<Buffer>) {
      said += chunk.toString();
      if (said.endsWith('\n')) return { child, facts: JSON.parse(said) as DemoFacts };
    }
    throw new Error(`the demo did not start: ${await text(child.stderr!)}`);
  }

  /** Processes whose command line or environment names the demo's folder. */
  async function leftovers(): Promise<string[]> {
    const found: string[] = [];
    for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && name !== String(process.pid))) {
      const about = await Promise.all(
        ['cmdline', 'environ'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '')),
      );
      if (about.some((words) => words.includes(folder)))
        found.push(`${pid} ${await readlink(`/proc/${pid}/exe`).catch(() => '')}`);
    }
    return found;
  }

  async function untilNothingRuns(): Promise<void> {
    while ((await leftovers()).length > 0) await sleep(50);
  }

  describe('while it runs', () => {
    let shared: { child: ChildProcess; facts: DemoFacts };
    let data: string;
    before(async () => {
      data = await mkdtemp(join(tmpdir(), 'sallyport-demo-'));
      shared = await start(data);
      running.delete(shared.child);
    });
    after(async () => {
      shared.child.kill('SIGINT');
      await once(shared.child, 'exit');
      await rm(data, { recursive: true });
    });

    it('is ready, has done the main job and keeps its secrets to its owner', async () => {
      assert.equal((await fetch(`${shared.facts.admin}/readyz`)).status, 200);
      assert.ok((await readdir(shared.facts.audit)).length > 0);
      for (const name of await readdir(join(data, 'secrets')))
        assert.equal((await stat(join(data, 'secrets', name))).mode & 0o077, 0);
      assert.equal((await stat(data)).mode & 0o077, 0);
    });

    it('prints tokens of its identities and nothing else', async () => {
      for (const name of ['alice', 'ci-bot']) {
        const { code, stdout } = await finished(run('token', name, '--data', data));
        assert.equal(code, 0);
        const claims = JSON.parse(Buffer.from(stdout.split('.')[1]!, 'base64url').toString()) as { sub: string };
        assert.equal(claims.sub, name);
      }
      const { code, stdout } = await finished(run('token', 'mallory', '--data', data));
      assert.deepEqual([code, stdout], [1, '']);
    });

    it('refuses a second demo in its folder in one line', async () => {
      const { code, stderr } = await finished(run('--data', data, ...ANY_PORTS));
      assert.equal(code, 1);
      assert.match(stderr, /--data/);
      assert.equal(stderr.trim().split('\n').length, 1);
    });
  });

  it('ends on SIGINT without leftovers, starts again on the same data, and takes its children along when it is killed', async () => {
    const { child } = await start(folder);
    child.kill('SIGINT');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
    assert.deepEqual(await leftovers(), []);
    assert.equal((await finished(run('token', 'alice', '--data', folder))).code, 1);

    const again = await start(folder);
    again.child.kill('SIGKILL');
    await once(again.child, 'exit');
    await untilNothingRuns();
  });

  it('names a taken port and its option in one line, and starts nothing', async () => {
    const used = await freePort();
    const holder = createServer().listen(used, '::1');
    await once(holder, 'listening');
    for (const option of ['--port', '--admin-port', '--idp-port', '--store-port']) {
      const { code, stderr } = await finished(run('--data', folder, ...ANY_PORTS, option, String(used)));
      assert.equal(code, 1);
      assert.equal(stderr.trim().split('\n').length, 1);
      assert.ok(stderr.includes(String(used)) && stderr.includes(`${option}\n`));
    }
    holder.close();
    assert.deepEqual(await leftovers(), []);
  });

  it('works in a folder whose path is too long for a unix socket, and is refused by serve for key and issuer', async () => {
    const deep = join(folder, 'd'.repeat(60), 'e'.repeat(60));
    await mkdir(deep, { recursive: true });
    const { child, facts } = await start(deep);
    assert.ok(!facts.gatewaySocket.startsWith(deep));
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
    await assert.rejects(stat(facts.gatewaySocket), { code: 'ENOENT' });

    const configuration = join(deep, 'gateway.yaml');
    const serve = spawn(process.execPath, [program, 'serve', '--config', configuration], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const { code, stderr } = await finished(serve);
    assert.equal(code, 2);
    assert.match(stderr, /issuers\.demo/);
    assert.match(stderr, /keyring\.local\.versions\.1/);
  });
});
