import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink } from 'node:fs/promises';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LOG_EVENTS } from '../../../src/contracts/log-events.ts';
import { diskFiles } from '../../../src/audit/audit-files.ts';
import { AUDIT_DEFAULTS } from '../../../src/audit/create-audit-sink.ts';
import { DurableWriter, type DurableWriterOptions } from '../../../src/audit/durable-writer.ts';
import { FaultyFiles, systemError } from './faulty-files.ts';

const unavailable = { code: 'AuditUnavailable' };

describe('the durable writer', () => {
  let root: string;
  let directory: string;
  let nowMs: number;
  let files: FaultyFiles;
  let warnings: string[];
  const open: DurableWriter[] = [];

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'audit-'));
    directory = join(root, 'deep', 'audit');
    nowMs = Date.UTC(2026, 10, 21, 10);
    files = new FaultyFiles();
    warnings = [];
  });

  afterEach(async () => {
    files.onAppend = (bytes, file) => file.append(bytes);
    for (const writer of open.splice(0)) await writer.close();
    await rm(root, { recursive: true, force: true });
  });

  async function start(options: Partial<DurableWriterOptions> = {}): Promise<DurableWriter> {
    const writer = await DurableWriter.open({
      ...AUDIT_DEFAULTS,
      directory,
      prefix: 'access',
      worker: 0,
      pid: 1234,
      files,
      clock: { now: () => nowMs },
      observer: {
        event: (event) => {
          if (LOG_EVENTS[event].level === 'warn') warnings.push(event);
        },
      },
      ...options,
    });
    open.push(writer);
    return writer;
  }

  /** All lines of all files but the headers. */
  async function written(): Promise<string[]> {
    const names = (await readdir(directory)).sort();
    const texts = await Promise.all(names.map((name) => readFile(join(directory, name), 'utf8')));
    return texts.flatMap((text) => text.split('\n')).filter((line) => line !== '' && !line.includes('"entry":"file"'));
  }

  /** Waits until a condition holds; mocha's time limit is the bound. */
  async function until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise((resolve) => setImmediate(resolve));
  }

  it('has a line on disk when append resolves', async () => {
    const writer = await start();
    await writer.append('one\n');
    assert.deepEqual(await written(), ['one']);
  });

  it('writes what arrives during a write as one group, in order', async () => {
    const writer = await start();
    const first = writer.append('0\n');
    let release = (): void => undefined;
    files.onAppend = async (bytes, file) => {
      await new Promise<void>((resolve) => (release = resolve));
      return file.append(bytes);
    };
    await until(() => files.appends.length === 2);
    const others = Array.from({ length: 50 }, (_, index) => writer.append(`${index + 1}\n`));
    files.onAppend = (bytes, file) => file.append(bytes);
    release();
    await Promise.all([first, ...others]);
    assert.equal(files.appends.length, 3);
    assert.deepEqual(
      await written(),
      Array.from({ length: 51 }, (_, index) => String(index)),
    );
  });

  it('makes directories that only their owner can enter and files that only their owner can read', async () => {
    await start();
    assert.equal((await stat(directory)).mode & 0o777, 0o700);
    const [name = ''] = await readdir(directory);
    assert.equal((await stat(join(directory, name))).mode & 0o777, 0o600);
  });

  it('refuses a directory that others may write to', async () => {
    await mkdir(directory, { recursive: true });
    await chmod(directory, 0o777);
    await assert.rejects(start(), unavailable);
  });

  it('names files by time, worker, process and sequence', async () => {
    await start({ worker: 3 });
    assert.deepEqual(files.created, ['access-20261121T100000.000Z-w3-p1234-000001.jsonl']);
  });

  it('never writes to a file or through a link that has its name already', async () => {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const victim = join(root, 'victim');
    await symlink(victim, join(directory, 'access-20261121T100000.000Z-w0-p1234-000001.jsonl'));
    const writer = await start();
    await writer.append('one\n');
    assert.deepEqual(files.created, ['access-20261121T100000.000Z-w0-p1234-000002.jsonl']);
    await assert.rejects(stat(victim), { code: 'ENOENT' });
  });

  it('opens its file so that a write returns only when it is on stable storage', async function () {
    if (process.platform !== 'linux') this.skip();
    const writer = await start({ files: diskFiles });
    await writer.append('one\n');
    const [name = ''] = await readdir(directory);
    const fds = readdirSync('/proc/self/fd');
    const fd = fds.find((number) => linkOf(number) === join(directory, name));
    assert.ok(fd !== undefined);
    const flags = parseInt(/^flags:\s+([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))![1]!, 8);
    const O_APPEND = 0o2000;
    const O_DSYNC = 0o10000;
    assert.equal(flags & (O_APPEND | O_DSYNC), O_APPEND | O_DSYNC);
  });

  it('goes on after a short write where it stopped', async () => {
    const writer = await start();
    files.onAppend = (bytes, file) => file.append(bytes.subarray(0, Math.min(3, bytes.length)));
    await Promise.all([writer.append('alpha\n'), writer.append('beta\n')]);
    assert.deepEqual(await written(), ['alpha', 'beta']);
  });

  it('refuses every waiter of a write that failed, and writes those that came later to a new file', async () => {
    const writer = await start();
    files.onAppend = async (bytes, file) => {
      files.onAppend = (rest, successor) => successor.append(rest);
      // All bytes are in the page cache, the sync fails: what a dying disk does.
      await file.append(bytes);
      throw systemError('EIO');
    };
    const waiters = [writer.append('a\n'), writer.append('b\n')];
    const settled = Promise.allSettled(waiters);
    await until(() => files.appends.length === 2);
    const later = writer.append('c\n');
    for (const result of await settled) {
      assert.equal(result.status, 'rejected');
      assert.equal((result.reason as { code: string }).code, 'AuditUnavailable');
    }
    await later;
    assert.equal(files.created.length, 2);
    assert.equal(await readFile(join(directory, files.created[1]!), 'utf8').then((text) => text.split('\n')[1]), 'c');
  });

  it('never writes behind a torn line in the same file', async () => {
    const writer = await start();
    files.onAppend = async (bytes, file) => {
      files.onAppend = () => {
        files.onAppend = (rest, successor) => successor.append(rest);
        return Promise.reject(systemError('ENOSPC'));
      };
      return file.append(bytes.subarray(0, 4));
    };
    await assert.rejects(writer.append('torn line\n'), unavailable);
    await writer.sample();
    await writer.append('whole line\n');
    assert.deepEqual(await written(), ['torn', 'whole line']);
    const [first = '', second = ''] = files.created;
    assert.ok((await readFile(join(directory, first), 'utf8')).endsWith('\ntorn'));
    assert.match(
      await readFile(join(directory, second), 'utf8'),
      /^{"v":1,"entry":"file".*"cause":"recovery"}\nwhole line\n$/,
    );
  });

  it('refuses at once while no file can be written, leaves no empty files, and recovers when the disk does', async () => {
    const writer = await start();
    await writer.append('before\n');
    files.onAppend = () => Promise.reject(systemError('ENOSPC'));
    await assert.rejects(writer.append('x\n'), unavailable);
    const appends = files.appends.length;
    await assert.rejects(writer.append('y\n'), unavailable);
    assert.equal(files.appends.length, appends);
    assert.notEqual(writer.refusal(), undefined);
    for (let round = 0; round < 3; round++) await writer.sample();
    assert.equal((await readdir(directory)).length, 1);
    files.onAppend = (bytes, file) => file.append(bytes);
    await writer.sample();
    assert.equal(writer.refusal(), undefined);
    await writer.append('after\n');
    assert.deepEqual(await written(), ['before', 'after']);
  });

  it('treats a disk that takes no bytes as failed instead of trying forever', async () => {
    const writer = await start();
    files.onAppend = () => Promise.resolve(0);
    await assert.rejects(writer.append('x\n'), unavailable);
  });

  it('refuses what is over the bounds of its queue, and still takes the ends of accesses in progress', async () => {
    const writer = await start({ maxQueuedEntries: 2 });
    const used = [writer.append('a\n'), writer.append('b\n')];
    await assert.rejects(writer.append('c\n'), unavailable);
    used.push(writer.append('d\n', true), writer.append('e\n', true));
    await assert.rejects(writer.append('f\n', true), unavailable);
    await Promise.all(used);
    await writer.append('g\n');
    assert.deepEqual(await written(), ['a', 'b', 'd', 'e', 'g']);
  });

  it('says how long the oldest line has waited that is not durable, how many wait, and what each group took', async () => {
    const durations: number[] = [];
    const writer = await start({ minFreeBytes: 7, committed: (durationMs) => durations.push(durationMs) });
    const { freeBytes, ...idle } = writer.status();
    assert.ok(freeBytes > 7);
    assert.deepEqual(idle, { minFreeBytes: 7, queuedEntries: 0, lagMs: 0 });
    let release = (): void => undefined;
    files.onAppend = async (bytes, file) => {
      await new Promise<void>((resolve) => (release = resolve));
      return file.append(bytes);
    };
    const beganMs = performance.now();
    const lines = [writer.append('0\n')];
    assert.equal(writer.status().queuedEntries, 1);
    await until(() => writer.status().queuedEntries === 0);
    lines.push(writer.append('1\n'), writer.append('2\n'));
    await until(() => performance.now() - beganMs > 20);
    const { queuedEntries, lagMs } = writer.status();
    assert.equal(queuedEntries, 2);
    assert.ok(lagMs > 10 && lagMs <= performance.now() - beganMs, String(lagMs));
    assert.deepEqual(durations, []);
    release();
    files.onAppend = (bytes, file) => file.append(bytes);
    await Promise.all(lines);
    assert.equal(durations.length, 2);
    assert.ok(Number(durations[0]) >= lagMs);
    assert.equal(writer.status().lagMs, 0);
  });

  it('bounds its queue in bytes, too', async () => {
    const writer = await start({ maxQueuedBytes: 10 });
    const used = writer.append('12345678\n');
    await assert.rejects(writer.append('ab\n'), unavailable);
    await used;
  });

  it('keeps the disk reserve for the ends of accesses in progress, and resumes only well above it', async () => {
    const writer = await start({ minFreeBytes: 1000 });
    files.free = 999;
    await writer.sample();
    await assert.rejects(writer.append('intent\n'), unavailable);
    await writer.append('outcome\n', true);
    files.free = 1050;
    await writer.sample();
    await assert.rejects(writer.append('intent\n'), unavailable);
    files.free = 1200;
    await writer.sample();
    await writer.append('intent\n');
    assert.deepEqual(await written(), ['outcome', 'intent']);
  });

  it('rotates by size and at midnight UTC, and loses nothing while it does', async () => {
    const writer = await start({ maxFileBytes: 300 });
    const expected: string[] = [];
    for (let round = 0; round < 5; round++) {
      const lines = Array.from({ length: 30 }, (_, index) => `round ${round} line ${index}`);
      expected.push(...lines);
      await Promise.all([...lines.map((line) => writer.append(`${line}\n`)), writer.sample()]);
    }
    await writer.sample();
    const bySize = files.created.length;
    assert.ok(bySize >= 3);
    nowMs += 24 * 3600 * 1000;
    await writer.sample();
    assert.equal(files.created.length, bySize + 1);
    await writer.append('next day\n');
    assert.deepEqual(await written(), [...expected, 'next day']);
  });

  it('never closes a file under a write', async () => {
    const writer = await start();
    let release = (): void => undefined;
    files.onAppend = async (bytes, file) => {
      files.onAppend = (rest, successor) => successor.append(rest);
      await new Promise<void>((resolve) => (release = resolve));
      return file.append(bytes);
    };
    const held = writer.append('old day\n');
    await until(() => files.appends.length === 2);
    nowMs += 24 * 3600 * 1000;
    await writer.sample();
    await writer.sample();
    release();
    await held;
    await writer.append('new day\n');
    assert.equal(files.created.length, 2);
    const texts = await Promise.all(files.created.map((name) => readFile(join(directory, name), 'utf8')));
    assert.deepEqual(
      texts.map((text) => text.split('\n')[1]),
      ['old day', 'new day'],
    );
  });

  it('keeps the file it has when no new one can be opened for a rotation', async () => {
    const writer = await start({ maxFileBytes: 1 });
    files.onCreate = () => {
      throw systemError('EMFILE');
    };
    await writer.sample();
    await writer.append('still here\n');
    assert.deepEqual(await written(), ['still here']);
  });

  it('notices that its file was deleted and goes on in a new one', async () => {
    const writer = await start({ files: diskFiles });
    await rm(directory, { recursive: true });
    await writer.sample();
    await writer.append('after\n');
    assert.deepEqual(await written(), ['after']);
    assert.deepEqual(warnings.length > 0, true);
  });

  it('refuses everyone who waits on a disk that does not answer, and recovers when it does', async () => {
    const writer = await start({ stallSamples: 2 });
    let release = (): void => undefined;
    files.onAppend = async (bytes, file) => {
      await new Promise<void>((resolve) => (release = resolve));
      return file.append(bytes);
    };
    const held = assert.rejects(writer.append('held\n'), unavailable);
    await until(() => files.appends.length === 2);
    const queued = assert.rejects(writer.append('queued\n'), unavailable);
    for (let round = 0; round < 3; round++) await writer.sample();
    await Promise.all([held, queued]);
    await assert.rejects(writer.append('refused\n'), unavailable);
    files.onAppend = (bytes, file) => file.append(bytes);
    release();
    await until(() => writer.refusal() === undefined);
    await writer.append('after\n');
    assert.deepEqual((await written()).at(-1), 'after');
  });

  it('writes everything queued before close resolves, and takes nothing afterwards', async () => {
    const writer = await start();
    const lines = Array.from({ length: 20 }, (_, index) => writer.append(`${index}\n`));
    await writer.close();
    await Promise.all(lines);
    assert.equal((await written()).length, 20);
    await assert.rejects(writer.append('late\n'), unavailable);
  });

  it('does not open at all where its first file cannot be written', async () => {
    files.onAppend = () => Promise.reject(systemError('ENOSPC'));
    await assert.rejects(start(), unavailable);
  });
});

function linkOf(fd: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined;
  }
}
