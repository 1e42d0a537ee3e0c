import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type AuditLog, type AuditSinkOptions, createAuditSink } from '../../../src/audit/create-audit-sink.ts';
import { auditFiles, readAudit } from '../../../src/audit/read-audit.ts';
import { denial, intent, outcome, refusal } from './entries.ts';
import { FaultyFiles, systemError } from './faulty-files.ts';
import { record } from './lines.ts';

const unavailable = { code: 'AuditUnavailable' };

describe('the audit sink', () => {
  let directory: string;
  let nowMs: number;
  let files: FaultyFiles;
  let audit: AuditLog | undefined;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'audit-'));
    nowMs = Date.UTC(2026, 10, 21, 10);
    files = new FaultyFiles();
    audit = undefined;
  });

  afterEach(async () => {
    await audit?.close();
    await rm(directory, { recursive: true, force: true });
  });

  /** Its own timer never fires within a test; tests sample when they mean to. */
  async function start(options: Partial<AuditSinkOptions> = {}): Promise<AuditLog> {
    audit = await createAuditSink({
      directory,
      worker: 0,
      pid: 1,
      files,
      clock: { now: () => nowMs },
      observer: { event: () => undefined },
      sampleIntervalMs: 3_600_000,
      ...options,
    });
    return audit;
  }

  async function linesOf(prefix: string): Promise<Record<string, unknown>[]> {
    const names = (await readdir(directory)).filter((name) => name.startsWith(prefix)).sort();
    const texts = await Promise.all(names.map((name) => readFile(join(directory, name), 'utf8')));
    return texts.flatMap((text) =>
      text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    );
  }

  it('loses no acknowledged entry when its process is killed', async function () {
    this.timeout(60_000);
    const script = fileURLToPath(new URL('acknowledging-writer.ts', import.meta.url));
    const acknowledged: string[] = [];
    for (let round = 0; round < 10; round++) {
      const child = spawn(process.execPath, [script, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
      const killAfter = acknowledged.length + 1 + Math.floor(Math.random() * 300);
      let text = '';
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
        const lines = (text + chunk).split('\n');
        text = lines.pop() ?? '';
        acknowledged.push(...lines);
        if (acknowledged.length >= killAfter) child.kill('SIGKILL');
      });
      await once(child, 'close');
      assert.equal(child.signalCode, 'SIGKILL');
    }
    const recorded = new Set<string>();
    for await (const access of readAudit(await auditFiles(directory))) recorded.add(access.requestId);
    assert.deepEqual(
      acknowledged.filter((id) => !recorded.has(id)),
      [],
    );
    assert.equal((await readdir(directory)).length, 10);
  });

  it('begins no access within the disk reserve and concludes those in progress', async () => {
    const sink = await start({ minFreeBytes: 1000 });
    await record(sink, intent('A'));
    files.free = 500;
    await sink.sample();
    await assert.rejects(record(sink, intent('B')), unavailable);
    await assert.rejects(record(sink, denial('C')), unavailable);
    await record(sink, outcome('A'));
    assert.equal(sink.canAudit(), false);
    assert.equal(sink.health()[0]?.state, 'degraded');
  });

  it('is degraded but serves while the disk is near its reserve', async () => {
    const sink = await start({ minFreeBytes: 1000 });
    files.free = 1500;
    await sink.sample();
    assert.equal(sink.canAudit(), true);
    assert.equal(sink.health()[0]?.state, 'degraded');
    files.free = 2000;
    await sink.sample();
    assert.partialDeepStrictEqual(sink.health(), [{ name: 'audit', state: 'ok' }]);
  });

  it('cannot audit while no file can be written', async () => {
    const sink = await start();
    assert.equal(sink.canAudit(), true);
    files.onAppend = () => Promise.reject(systemError('EIO'));
    await assert.rejects(record(sink, intent('A')), unavailable);
    await sink.sample();
    assert.equal(sink.canAudit(), false);
    files.onAppend = (bytes, file) => file.append(bytes);
    await sink.sample();
    assert.equal(sink.canAudit(), true);
  });

  it('looks at the disk by itself', async () => {
    const sink = await start({ sampleIntervalMs: 1, minFreeBytes: 1000 });
    files.free = 0;
    while (sink.canAudit()) await new Promise((resolve) => setImmediate(resolve));
    files.free = 1e9;
    while (!sink.canAudit()) await new Promise((resolve) => setImmediate(resolve));
  });

  it('shares no file between workers and restarts', async () => {
    const sinks = await Promise.all([start({ worker: 0 }), start({ worker: 1 }), start({ worker: 0 })]);
    await Promise.all(sinks.map((sink, index) => record(sink, intent(`ID-${index}`))));
    await Promise.all(sinks.map((sink) => sink.close()));
    assert.equal((await auditFiles(directory)).length, 3);
  });

  describe('keeps refusals apart and', () => {
    it('writes them to their own file, never to the audit', async () => {
      const sink = await start();
      sink.refuse(refusal('R-1'));
      await sink.sample();
      assert.deepEqual(
        (await linesOf('refusals-')).map((line) => line['requestId']),
        ['R-1'],
      );
      assert.deepEqual(
        (await linesOf('access-')).map((line) => line['entry']),
        ['file'],
      );
    });

    it('caps their rate and counts what was dropped', async () => {
      const sink = await start({ refusalsPerSecond: 10, refusalBurst: 20, summaryTicks: 2 });
      for (let index = 0; index < 1000; index++) sink.refuse(refusal(`R-${index}`));
      nowMs += 1000;
      for (let index = 0; index < 1000; index++) sink.refuse(refusal(`S-${index}`));
      await sink.sample();
      await sink.sample();
      const lines = await linesOf('refusals-');
      assert.equal(lines.filter((line) => line['entry'] === 'refusal').length, 30);
      assert.deepEqual(
        lines.filter((line) => line['entry'] === 'refusals-dropped').map((line) => line['count']),
        [1970],
      );
    });

    it('is not fooled into a larger rate by a clock that jumps back', async () => {
      const sink = await start({ refusalsPerSecond: 10, refusalBurst: 1 });
      for (let index = 0; index < 10; index++) {
        nowMs -= 60_000;
        sink.refuse(refusal(`R-${index}`));
      }
      await sink.sample();
      assert.equal((await linesOf('refusals-')).length, 1);
    });

    it('deletes the oldest so that all files together stay under their cap, over restarts too', async () => {
      const maxRefusalBytes = 16_000;
      for (let life = 0; life < 3; life++) {
        const sink = await start({ maxRefusalBytes, refusalBurst: 1e6, summaryTicks: 1e6 });
        for (let round = 0; round < 40; round++) {
          for (let index = 0; index < 5; index++) sink.refuse(refusal(`R-${life}-${round}-${index}`));
          await sink.sample();
        }
        nowMs += 1000;
        await sink.close();
        const sizes = await files.list(directory, 'refusals-');
        assert.ok(sizes.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) <= maxRefusalBytes);
      }
      assert.equal((await linesOf('refusals-')).at(-1)?.['requestId'], 'R-2-39-4');
    });

    it('never deletes a file of the audit or of another worker', async () => {
      const other = await start({ worker: 10 });
      other.refuse(refusal('OTHER'));
      await other.close();
      nowMs += 1000;
      const sink = await start({ worker: 1, maxRefusalBytes: 800, refusalBurst: 1e6 });
      for (let round = 0; round < 20; round++) {
        sink.refuse(refusal(`R-${round}`));
        await sink.sample();
      }
      const names = await readdir(directory);
      assert.equal(names.filter((name) => name.startsWith('refusals-') && name.includes('-w10-')).length, 1);
      assert.equal(names.filter((name) => name.startsWith('access-')).length, 2);
    });

    it('stops them before the disk comes near the reserve of the audit', async () => {
      const sink = await start({ minFreeBytes: 1000 });
      files.free = 1999;
      await sink.sample();
      sink.refuse(refusal('R-1'));
      await sink.sample();
      assert.deepEqual(await linesOf('refusals-'), []);
      await record(sink, intent('A'));
    });

    it('serves on when they cannot be written', async () => {
      const sink = await start({ summaryTicks: 2 });
      files.onCreate = () => {
        throw systemError('EMFILE');
      };
      sink.refuse(refusal('R-1'));
      await sink.sample();
      await record(sink, intent('A'));
      files.onCreate = () => undefined;
      for (let tick = 0; tick < 4; tick++) await sink.sample();
      assert.deepEqual(
        (await linesOf('refusals-')).map((line) => line['count']),
        [1],
      );
    });
  });
});
