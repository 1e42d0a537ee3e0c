import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Inspection } from '../../src/operate/inspect.ts';
import type { KeyStatus } from '../../src/operate/key-status.ts';
import { migrate, type MigrateReport } from '../../src/operate/migrate.ts';
import { rewrap, type RewrapReport } from '../../src/operate/rewrap.ts';
import { REWRITING } from '../../src/cli/operator/operator-command.ts';
import type { Operator } from '../../src/compose/operator.ts';
import { startOperatorWorld, type OperatorWorld } from '../support/stack/operator-world.ts';
import { SEED, vector } from '../unit/core/legacy/stored-vectors.ts';

const quiet = { expect: () => undefined, step: () => undefined };
const options = { concurrency: 2, progress: quiet, countFirst: false, dryRun: false, force: false };
const sizes = [0, 1, 65_536, 200_000];

describe("operators' commands", function () {
  this.timeout(30_000);
  let world: OperatorWorld;

  const bodyOf = async (bucket: string, key: string): Promise<Buffer> =>
    (await world.raw({ method: 'GET', bucket, key })).body;
  const envelopeOf = async (bucket: string, key: string): Promise<string | undefined> => {
    const { headers } = await world.raw({ method: 'HEAD', bucket, key });
    return headers['x-amz-meta-sallyport'] as string | undefined;
  };
  const config = (): readonly string[] => ['--config', world.configPath];
  const rotate = async (): Promise<void> => {
    assert.equal((await world.command('keys', 'rotate', ...config())).code, 0);
    assert.equal((await world.command('keys', 'rotate', ...config(), '--activate')).code, 0);
    await world.restart();
  };
  const withOperator = async <Result>(run: (operator: Operator) => Promise<Result>): Promise<Result> => {
    const operator = await world.operator();
    try {
      return await run(operator);
    } finally {
      await operator.close();
    }
  };

  describe('rotate a key', () => {
    const bodies = new Map(sizes.map((size) => [`docs/of ${size}+ü.bin`, randomBytes(size)]));
    before(async () => {
      world = await startOperatorWorld({ box: '{}' });
      const headers = { 'content-type': 'text/x-test', 'x-amz-meta-owner': 'alice', 'cache-control': 'no-store' };
      for (const [key, body] of bodies) assert.equal(await world.put(`/box/${encodeURI(key)}`, body, headers), 200);
    });
    after(() => world.stop());

    it('adds a seed of mode 0600 and a version to the configuration, keeps current and comments', async () => {
      const result = await world.command('keys', 'rotate', ...config());
      assert.equal(result.code, 0, result.stderr);
      assert.equal((await stat(join(world.folder, 'seed-2'))).mode & 0o777, 0o600);
      const text = await readFile(world.configPath, 'utf8');
      assert.match(text, /# Copies of the seeds are in the safe\./);
      assert.match(text, /# of the first day/);
      assert.match(text, /current: 1/);
      assert.match(text, /2: *\n? *\{? *seedFile: seed-2/);
    });

    it('refuses a second rotation while the first is half done', async () => {
      const text = await readFile(world.configPath, 'utf8');
      const result = await world.command('keys', 'rotate', ...config());
      assert.equal(result.code, 1);
      assert.equal(await readFile(world.configPath, 'utf8'), text);
    });

    it('makes the new version current, once', async () => {
      assert.equal((await world.command('keys', 'rotate', ...config(), '--activate')).code, 0);
      assert.match(await readFile(world.configPath, 'utf8'), /current: 2/);
      assert.equal((await world.command('keys', 'rotate', ...config(), '--activate')).code, 1);
      await world.restart();
    });

    it('says that nothing can be retired while objects need it', async () => {
      const status = (await world.command('keys', 'status', '--all', '--json', ...config())).report() as KeyStatus;
      assert.equal(status.keyring.current, 'local:2');
      assert.deepEqual(status.locations[0]?.versions.sealed['local:1'], { current: sizes.length, old: 0, locked: 0 });
      assert.deepEqual(status.unreferenced, []);
    });

    it('counts in a dry run what it would do, and does nothing', async () => {
      const dry = await world.command('keys', 'rewrap', 's3://box', '--dry-run', '--json', ...config());
      assert.equal((dry.report() as RewrapReport).rewrapped, sizes.length);
      for (const key of bodies.keys()) assert.match((await envelopeOf('box', key)) ?? '', /^1;1;s;1;/);
    });

    it('re-wraps without touching a byte of a body, keeps metadata and tags, and puts each on record', async () => {
      const [tagged = ''] = bodies.keys();
      const tagging = '<Tagging><TagSet><Tag><Key>team</Key><Value>a b/c</Value></Tag></TagSet></Tagging>';
      const digest = { 'content-md5': createHash('md5').update(tagging).digest('base64') };
      const named = { bucket: 'box', key: tagged, query: { tagging: '' } };
      assert.equal((await world.raw({ method: 'PUT', ...named, headers: digest, body: tagging })).status, 200);
      const before = await Promise.all([...bodies.keys()].map((key) => bodyOf('box', key)));
      const result = await world.command('keys', 'rewrap', 's3://box/docs/', '--json', ...config());
      assert.equal(result.code, 0, result.stderr);
      assert.equal((result.report() as RewrapReport).rewrapped, sizes.length);
      const after = await Promise.all([...bodies.keys()].map((key) => bodyOf('box', key)));
      assert.deepEqual(after, before);
      for (const key of bodies.keys()) {
        const { headers } = await world.raw({ method: 'HEAD', bucket: 'box', key });
        assert.match(String(headers['x-amz-meta-sallyport']), /^1;1;s;2;/);
        assert.equal(headers['content-type'], 'text/x-test');
        assert.equal(headers['cache-control'], 'no-store');
        assert.equal(headers['x-amz-meta-owner'], 'alice');
      }
      const tags = await world.raw({ method: 'GET', ...named });
      assert.match(tags.body.toString(), /a b\/c/);
      const lines = (await world.auditLines()).filter(({ operation }) => operation === 'Rewrap');
      assert.deepEqual(new Set(lines.map(({ key }) => key)), new Set(bodies.keys()));
      assert.ok(lines.every(({ issuer, subject }) => issuer === 'urn:sallyport:operator' && subject === 'olivia'));
      const outcomes = await world.auditLines();
      for (const { requestId } of lines) {
        const outcome = outcomes.find((line) => line['requestId'] === requestId && line['entry'] === 'outcome');
        assert.equal(outcome?.['result'], 'completed');
        assert.equal(outcome['keyId'], 'local:2');
      }
    });

    it('finds nothing left to do in a second run', async () => {
      const again = await world.command('keys', 'rewrap', 's3://box', '--json', ...config());
      assert.equal((again.report() as RewrapReport).rewrapped, 0);
    });

    it('says that the old version can be retired, after which everything is still readable', async () => {
      const status = (await world.command('keys', 'status', '--all', '--json', ...config())).report() as KeyStatus;
      assert.equal(status.locations[0]?.versions.sealed['local:1'], undefined);
      assert.deepEqual(status.unreferenced, ['local:1']);
      const text = await readFile(world.configPath, 'utf8');
      await writeFile(world.configPath, text.replace(/ *1: \{ seedFile: seed-1 \}.*\n/, ''));
      assert.doesNotMatch(await readFile(world.configPath, 'utf8'), /seed-1/);
      await world.restart();
      for (const [key, body] of bodies) {
        const got = await world.get(`/box/${encodeURI(key)}`);
        assert.equal(got.status, 200);
        assert.ok(got.body.equals(body));
      }
    });
  });

  describe('re-wrap', () => {
    before(async () => {
      world = await startOperatorWorld({ box: '{}', kept: '{}' });
      for (let i = 0; i < 6; i += 1) await world.put(`/box/run/${i}`, Buffer.from(`body ${i}`));
      const versioning = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>';
      await world.raw({ method: 'PUT', bucket: 'kept', query: { versioning: '' }, body: versioning });
      await world.put('/kept/a', Buffer.from('old'));
      await world.put('/kept/a', Buffer.from('new'));
      await rotate();
    });
    after(() => world.stop());

    it('goes on where a stopped run ended', async () => {
      await withOperator(async (operator) => {
        const at = operator.open({ bucket: 'box', prefix: 'run/' }, REWRITING)!;
        const control = new AbortController();
        let steps = 0;
        const progress = {
          expect: () => undefined,
          step: () => {
            steps += 1;
            if (steps === 3) control.abort();
          },
        };
        const stopping = { ...options, concurrency: 1, target: 'local:2' };
        const first = await rewrap(operator, at, { ...stopping, progress, signal: control.signal });
        assert.equal(first.complete, false);
        assert.equal(first.rewrapped, 3);
        const second = await rewrap(operator, at, { ...stopping, signal: new AbortController().signal });
        assert.equal(second.complete, true);
        assert.equal(second.rewrapped, 3);
        assert.deepEqual(second.versions.sealed, { 'local:2': { current: 6, old: 0, locked: 0 } });
      });
    });

    it('never loses what a client writes meanwhile', async () => {
      await rotate();
      await withOperator(async (operator) => {
        const at = operator.open({ bucket: 'box', prefix: 'run/' }, REWRITING)!;
        const { copies } = operator;
        const racing: typeof copies = {
          ...copies,
          replaceEnvelope: async (session, key, etag) => {
            if (key === 'run/2') await world.put('/box/run/2', Buffer.from('newer'));
            return copies.replaceEnvelope(session, key, etag);
          },
        };
        const report = await rewrap({ ...operator, copies: racing }, at, {
          ...options,
          target: 'local:3',
          signal: new AbortController().signal,
        });
        assert.equal(report.failed, 0);
        assert.deepEqual(report.versions.sealed, { 'local:3': { current: 6, old: 0, locked: 0 } });
      });
      assert.equal((await world.get('/box/run/2')).body.toString(), 'newer');
    });

    it('leaves old versions under their key, and says so', async () => {
      const result = await world.command('keys', 'rewrap', 's3://kept', '--json', ...config());
      const { versions, rewrapped } = result.report() as RewrapReport;
      assert.equal(rewrapped, 1);
      assert.deepEqual(versions.sealed, {
        'local:1': { current: 0, old: 2, locked: 0 },
        'local:3': { current: 1, old: 0, locked: 0 },
      });
      const status = (await world.command('keys', 'status', 's3://kept', '--json', ...config())).report() as KeyStatus;
      assert.deepEqual(status.locations[0]?.versions.sealed['local:1'], { current: 0, old: 2, locked: 0 });
      assert.equal((await world.get('/kept/a')).body.toString(), 'new');
    });

    it('leaves nothing of its own behind, in any version', async () => {
      for (const bucket of ['box', 'kept']) {
        const listed = await world.raw({ method: 'GET', bucket, query: { versions: '' } });
        assert.doesNotMatch(listed.body.toString(), /sallyport-work/);
      }
    });

    it('refuses a store that cannot hold it to an ETag, unless forced', async () => {
      await withOperator(async (operator) => {
        const at = operator.open({ bucket: 'box', prefix: 'run/' }, REWRITING)!;
        const probe = () => Promise.resolve({ source: true, target: false, completion: false });
        const lax = { ...operator, copies: { ...operator.copies, probe } };
        const signal = new AbortController().signal;
        await assert.rejects(rewrap(lax, at, { ...options, signal, target: 'local:3' }), { name: 'UncheckedStore' });
        const forced = await rewrap(lax, at, { ...options, signal, target: 'local:3', force: true });
        assert.equal(forced.complete, true);
      });
    });

    it('removes the trial that a killed run left behind, once it is old, and counts it as nothing', async () => {
      const key = 'killed/.sallyport-work/trial-left';
      const left = await withOperator(async ({ cipher }) => {
        const sealed = await cipher.seal({ bucketId: 'box', key }, 0, undefined);
        const headers = { 'x-amz-meta-sallyport': sealed.envelope, 'x-amz-meta-sallyport-work': '1' };
        return { headers, body: sealed.whole(Buffer.alloc(0)) };
      });
      await world.raw({ method: 'PUT', bucket: 'box', key, ...left });
      const days = (count: number) => ({ now: () => Date.now() + count * 24 * 3_600_000 });
      await withOperator(async (operator) => {
        const at = operator.open({ bucket: 'box', prefix: 'killed/' }, REWRITING)!;
        const run = (age: number, dryRun: boolean) =>
          rewrap({ ...operator, clock: days(age) }, at, {
            ...options,
            ...{ dryRun, signal: new AbortController().signal, target: 'local:9' },
          });
        for (const [age, dryRun, status] of [
          [6, false, 200],
          [8, true, 200],
          [8, false, 404],
        ] as const) {
          const { rewrapped, versions } = await run(age, dryRun);
          assert.deepEqual([rewrapped, versions.sealed], [0, {}]);
          assert.equal((await world.raw({ method: 'HEAD', bucket: 'box', key })).status, status);
        }
      });
    });
  });

  describe('migrate', () => {
    const legacy = vector('isec-kek-v1');
    const plain = randomBytes(150_000);
    before(async () => {
      world = await startOperatorWorld(
        { old: '{ encryption: migrating, legacy: { seedFile: legacy-seed } }', open: '{ encryption: off }' },
        { 'legacy-seed': SEED },
      );
    });
    after(() => world.stop());

    it('encrypts plaintext and legacy objects in their place, with all that was beside them', async () => {
      const headers = { 'content-type': 'image/x-test', 'x-amz-meta-camera': 'k', 'x-amz-tagging': 'team=a' };
      await world.raw({ method: 'PUT', bucket: 'old', key: 'd/plain', headers, body: plain });
      const metadata = Object.entries(legacy.metadata).map(([name, value]) => [`x-amz-meta-${name}`, value] as const);
      const legacyHeaders = { ...Object.fromEntries(metadata), 'x-amz-meta-note': 'kept' };
      await world.raw({ method: 'PUT', bucket: 'old', key: 'd/legacy', headers: legacyHeaders, body: legacy.body });
      await world.put('/old/d/sealed', Buffer.from('sealed already'));
      const sealed = await bodyOf('old', 'd/sealed');

      const result = await world.command('migrate', 's3://old/d/', '--json', ...config());
      assert.equal(result.code, 0, result.stdout + result.stderr);
      const report = result.report() as MigrateReport;
      assert.equal(report.encrypted, 2);
      assert.equal(report.encryptedBytes, plain.length + legacy.plain.length);
      assert.deepEqual(report.versions.sealed, { 'local:1': { current: 3, old: 0, locked: 0 } });

      const stored = await world.raw({ method: 'GET', bucket: 'old', key: 'd/plain' });
      assert.equal(stored.body.includes(plain.subarray(0, 16)), false);
      assert.match(String(stored.headers['x-amz-meta-sallyport']), /^1;1;s;1;/);
      assert.equal(stored.headers['content-type'], 'image/x-test');
      assert.equal(stored.headers['x-amz-meta-camera'], 'k');
      const tags = await world.raw({ method: 'GET', bucket: 'old', key: 'd/plain', query: { tagging: '' } });
      assert.match(tags.body.toString(), /<Key>team<\/Key><Value>a<\/Value>/);
      const was = await world.raw({ method: 'HEAD', bucket: 'old', key: 'd/legacy' });
      assert.equal(was.headers['x-amz-meta-isec'], undefined);
      assert.equal(was.headers['x-amz-meta-isec-kek-ver'], undefined);
      assert.equal(was.headers['x-amz-meta-note'], 'kept');
      assert.ok((await world.get('/old/d/plain')).body.equals(plain));
      assert.ok((await world.get('/old/d/legacy')).body.equals(legacy.plain));
      assert.deepEqual(await bodyOf('old', 'd/sealed'), sealed);
      const listed = await world.raw({ method: 'GET', bucket: 'old', query: { versions: '' } });
      assert.doesNotMatch(listed.body.toString(), /sallyport-work/);
      const lines = (await world.auditLines()).filter(({ operation }) => operation === 'Migrate');
      assert.deepEqual(lines.map(({ key }) => key).sort(), ['d/legacy', 'd/plain']);
    });

    it('finds nothing left to do in a second run', async () => {
      const again = await world.command('migrate', 's3://old/d/', '--json', ...config());
      assert.equal((again.report() as MigrateReport).encrypted, 0);
    });

    it("takes a client's object for one, whatever its name, and never deletes it", async () => {
      const key = 'named/.sallyport-work/00000000-0000-4000-8000-000000000000';
      assert.equal(await world.put(`/old/${key}`, Buffer.from('x'), { 'x-amz-meta-sallyport-work': '1' }), 400);
      await world.raw({ method: 'PUT', bucket: 'old', key, body: "a client's" });
      const weeks = { now: () => Date.now() + 30 * 24 * 3_600_000 };
      await withOperator(async (operator) => {
        const at = operator.open({ bucket: 'old', prefix: 'named/' }, REWRITING)!;
        const signal = new AbortController().signal;
        const report = await migrate({ ...operator, clock: weeks }, at, { ...options, signal });
        assert.equal(report.encrypted, 1);
      });
      assert.equal((await world.get(`/old/${key}`)).body.toString(), "a client's");
    });

    it('removes what a run that was killed left behind, once it is old', async () => {
      const key = 'left/.sallyport-work/abandoned';
      await world.raw({ method: 'PUT', bucket: 'old', key, headers: { 'x-amz-meta-sallyport-work': '1' }, body: 'x' });
      const days = (count: number) => ({ now: () => Date.now() + count * 24 * 3_600_000 });
      await withOperator(async (operator) => {
        const at = operator.open({ bucket: 'old', prefix: 'left/' }, REWRITING)!;
        const signal = new AbortController().signal;
        await migrate({ ...operator, clock: days(6) }, at, { ...options, signal });
        assert.equal((await world.raw({ method: 'HEAD', bucket: 'old', key })).status, 200);
        await migrate({ ...operator, clock: days(8) }, at, { ...options, signal });
        assert.equal((await world.raw({ method: 'HEAD', bucket: 'old', key })).status, 404);
      });
    });

    it('refuses a bucket that is kept plain', async () => {
      assert.equal((await world.command('migrate', 's3://open', ...config())).code, 2);
    });

    it('never loses what a client writes meanwhile', async () => {
      await world.raw({ method: 'PUT', bucket: 'old', key: 'race/one', body: 'older' });
      await withOperator(async (operator) => {
        const at = operator.open({ bucket: 'old', prefix: 'race/' }, REWRITING)!;
        const { reader } = operator;
        const racing: typeof reader = {
          ...reader,
          read: async (session, query) => {
            const opened = await reader.read(session, query);
            if (query.key === 'race/one') await world.put('/old/race/one', Buffer.from('newer'));
            return opened;
          },
        };
        const signal = new AbortController().signal;
        const report = await migrate({ ...operator, reader: racing }, at, { ...options, signal });
        assert.equal(report.failed, 0);
      });
      assert.equal((await world.get('/old/race/one')).body.toString(), 'newer');
    });

    it('leaves the old object where the new one does not read back as it was', async () => {
      await world.raw({ method: 'PUT', bucket: 'old', key: 'torn/one', body: 'as it was' });
      await withOperator(async (operator) => {
        const at = operator.open({ bucket: 'old', prefix: 'torn/' }, REWRITING)!;
        const { reader } = operator;
        const lossy: typeof reader = {
          ...reader,
          read: async (session, query) => {
            const opened = await reader.read(session, query);
            return query.key.includes('sallyport-work') ? { ...opened, body: Buffer.from('as it is.') } : opened;
          },
        };
        const signal = new AbortController().signal;
        const report = await migrate({ ...operator, reader: lossy }, at, { ...options, signal });
        assert.equal(report.failed, 1);
        assert.equal(report.failures[0]?.error, 'IntegrityFailure');
        assert.equal(report.versions.plain.current, 1);
      });
      assert.equal((await bodyOf('old', 'torn/one')).toString(), 'as it was');
      const failed = (await world.auditLines()).filter(({ result }) => result === 'failed');
      assert.deepEqual(
        failed.map(({ error }) => error),
        ['PreconditionFailed', 'IntegrityFailure'],
      );
    });

    it('shows no client what it puts aside, whatever its policy grants there', async () => {
      await world.raw({ method: 'PUT', bucket: 'old', key: 'shut/one', body: 'for few eyes' });
      const shown: string[] = [];
      await withOperator(async (operator) => {
        const at = operator.open({ bucket: 'old', prefix: 'shut/' }, REWRITING)!;
        const { reader } = operator;
        const watching: typeof reader = {
          ...reader,
          read: async (session, query) => {
            if (query.key.includes('sallyport-work')) {
              const { status, body } = await world.get(`/old/${query.key}`);
              shown.push(`${status} ${body.toString()}`);
            }
            return reader.read(session, query);
          },
        };
        const signal = new AbortController().signal;
        const report = await migrate({ ...operator, reader: watching }, at, { ...options, signal });
        assert.deepEqual([report.failed, report.encrypted], [0, 1]);
      });
      assert.equal(shown.length, 1);
      assert.match(shown[0] ?? '', /^500 .*<Code>InternalError<\/Code>/s);
      assert.doesNotMatch(shown[0] ?? '', /for few eyes/);
      assert.equal((await world.get('/old/shut/one')).body.toString(), 'for few eyes');
    });

    it('aborts what it reads where it cannot seal it', async () => {
      await world.raw({ method: 'PUT', bucket: 'old', key: 'held/one', body: randomBytes(200_000) });
      let discarded = 0;
      await withOperator(async (operator) => {
        const at = operator.open({ bucket: 'old', prefix: 'held/' }, REWRITING)!;
        const { reader, cipher } = operator;
        const counting: typeof reader = {
          ...reader,
          read: async (session, query) => {
            const opened = await reader.read(session, query);
            const discard = () => {
              discarded += 1;
              return opened.discard();
            };
            return { ...opened, discard };
          },
        };
        const keyless: typeof cipher = { ...cipher, seal: () => Promise.reject(new Error('no key')) };
        const signal = new AbortController().signal;
        const dependencies = { ...operator, reader: counting, cipher: keyless };
        const report = await migrate(dependencies, at, { ...options, signal });
        assert.equal(report.failed, 1);
      });
      assert.equal(discarded, 1);
    });

    it('gives an object up whose metadata it could not write again', async () => {
      const session = { bucket: 'old', key: 'odd/one' };
      await world.raw({ method: 'PUT', ...session, headers: { 'x-amz-meta-name': 'gr\u00fc\u00df' }, body: 'x' });
      const result = await world.command('migrate', 's3://old/odd/', '--json', ...config());
      assert.equal(result.code, 1);
      assert.equal((result.report() as MigrateReport).failures[0]?.error, 'InvalidRequest');
      assert.equal((await bodyOf('old', 'odd/one')).toString(), 'x');
    });
  });

  describe('inspect', () => {
    before(async () => {
      world = await startOperatorWorld({ box: '{}' });
      await world.put('/box/a/one', Buffer.alloc(70_000));
      await world.raw({ method: 'PUT', bucket: 'box', key: 'a/plain', body: 'plain' });
    });
    after(() => world.stop());

    it('shows what an object says of itself without any key configured', async () => {
      const text = await readFile(world.configPath, 'utf8');
      const keyless = text.replace(/keyring:[^]*?(?=policies:)/, '').replace('box: {}', 'box: { encryption: off }');
      await writeFile(world.configPath, keyless);
      const result = await world.command('inspect', 's3://box/a/one', '--json', ...config());
      await writeFile(world.configPath, text);
      assert.equal(result.code, 0, result.stderr);
      const facts = result.report() as Inspection;
      assert.equal(facts.form, 'sealed');
      assert.deepEqual(facts.sealed, {
        format: 1,
        algorithm: 1,
        kind: 'single',
        keyring: 'local',
        kekVersion: 1,
        layout: 'regular',
      });
      assert.equal(facts.storedSizeBytes, 70_000 + 2 * 28 + 160);
      assert.equal(facts.plainSizeBytes, 70_000);
      assert.equal(facts.storedParts, 1);
    });

    it('tells a plaintext object in an encrypted bucket for what it is', async () => {
      const result = await world.command('inspect', 's3://box/a/plain', '--json', ...config());
      assert.equal((result.report() as Inspection).form, 'plain');
    });

    it('fails in one line where there is no such object', async () => {
      const result = await world.command('inspect', 's3://box/a/none', ...config());
      assert.equal(result.code, 1);
      assert.match(result.stderr, /^NoSuchKey: [^\n]*$/);
      assert.equal((await world.command('inspect', 's3://other/a', ...config())).code, 2);
    });
  });
});
