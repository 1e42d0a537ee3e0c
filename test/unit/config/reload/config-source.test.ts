import assert from 'node:assert/strict';
import { readFile, rename } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { stringify } from 'yaml';
import type { Config } from '../../../../src/config/config.ts';
import { configOf, loadWholeConfig } from '../../../../src/config/load-config.ts';
import type { LoadedConfig } from '../../../../src/config/loading/load.ts';
import {
  openConfigSource,
  type ConfigSource,
  type ConfigSourceOptions,
} from '../../../../src/config/reload/config-source.ts';
import { changed, Sample, SECRET_KEY, SEED, type Changes, type Variables } from '../sample.ts';

const OTHER = 'another seed of no less than thirty-two bytes';
const SECOND: Changes = { 'keyring.local.versions.2': { seedFile: 'seed-2' } };
const TLS: Changes = {
  listen: {
    address: '127.0.0.1:9',
    tls: { certFile: 'test-only.crt.pem', keyFile: 'test-only.key.pem', clientCaFile: 'test-only.crt.pem' },
  },
};

describe('config/reload/config-source', () => {
  let sample: Sample;
  let source: ConfigSource;
  let shared: Config[];
  let events: [name: string, fields: Readonly<Record<string, unknown>>][];

  beforeEach(async () => {
    sample = await Sample.create();
    await sample.write('seed-2', OTHER);
    [shared, events] = [[], []];
  });
  afterEach(async () => {
    source.close();
    await sample.remove();
  });

  const put = (changes: Changes) =>
    sample.write('sallyport.yaml', stringify(changed({ 'keyring.local.current': 1, ...changes })));
  const names = () => events.map(([name]) => name);
  const versions = (config = shared.at(-1)) => [...(config?.keyring?.local?.versions.keys() ?? [])];
  const told = () => JSON.stringify([source.health(), events]);

  const open = async (
    changes: Changes = {},
    options: Partial<ConfigSourceOptions<Config>> = {},
    env: Variables = {},
  ): Promise<() => Promise<LoadedConfig<Config>>> => {
    await put(changes);
    const from = { env, cwd: sample.workingDirectory };
    const path = sample.file('sallyport.yaml');
    const load = () => loadWholeConfig({ path, ...from });
    source = await openConfigSource<Config>({
      ...{ first: await load(), path, load, make: (snapshot) => configOf(snapshot, from) },
      share: ({ config }) => Promise.resolve(void shared.push(config)),
      event: (name, fields) => events.push([name, fields ?? {}]),
      ...options,
    });
    return load;
  };

  /** Refused, with a report that says what is wrong and nothing of a content, and with all as it was. */
  const assertRefused = async (pattern: RegExp): Promise<void> => {
    const before = source.snapshot();
    const count = shared.length;
    await source.reload();
    const [report] = source.health();
    assert.ok(source.isRefused());
    assert.equal(report?.state, 'degraded');
    assert.match(report.detail ?? '', pattern);
    assert.match(report.detail ?? '', /; the last one stays in force$/);
    assert.equal(source.snapshot(), before);
    assert.equal(shared.length, count);
    for (const content of [SEED, OTHER, SECRET_KEY, 'PRIVATE KEY-----', sample.directory]) {
      for (const form of ['utf8', 'base64', 'hex'] as const) {
        assert.ok(!told().includes(Buffer.from(content).toString(form)), `${content} in ${form}`);
      }
    }
  };

  it('shares and tells nothing while nothing changes, though files are written again', async () => {
    await open();
    await sample.write('seed', `${SEED}\n`);
    await put({});
    await source.reload();
    assert.deepEqual([shared, events, source.waiting()], [[], [], 0]);
    assert.deepEqual(source.health(), [{ name: 'configuration', state: 'ok' }]);
  });

  it('puts a seed and a certificate in force that were added, and tells it', async () => {
    await open(TLS);
    await put({ ...TLS, ...SECOND });
    await sample.write('test-only.crt.pem', `# a comment\n${await readFile(sample.file('test-only.crt.pem'), 'utf8')}`);
    await source.reload();
    assert.deepEqual(versions(), [1, 2]);
    assert.match(JSON.stringify(source.snapshot().content), /seed-2/);
    assert.deepEqual(events, [['configuration_reloaded', { outcome: 'replaced' }]]);
  });

  it('refuses a key that changes its content under its name, until it is put back', async () => {
    await open();
    await sample.write('seed', OTHER);
    await assertRefused(/^keyring\.local\.versions\.1: its seed is another one/);
    await source.reload();
    assert.deepEqual(names(), ['configuration_reload_failed'], 'the same is told once');
    await sample.write('seed', `${SEED}\n`);
    await source.reload();
    assert.deepEqual(source.health(), [{ name: 'configuration', state: 'ok' }]);
    assert.deepEqual(events.at(-1), ['configuration_reloaded', { outcome: 'unchanged' }]);
  });

  it('refuses it also where another file is named, or two keys change places, beside what is right', async () => {
    const both = { 1: { seedFile: 'seed' }, 2: { seedFile: 'seed-2' } };
    await open({ 'keyring.local': { current: 1, versions: both } });
    await put({ 'keyring.local': { current: 1, versions: { ...both, 1: { seedFile: 'seed-2' } } } });
    await assertRefused(/./);
    await put({ 'keyring.local': { current: 1, versions: { 1: both[2], 2: both[1] } } });
    await assertRefused(/versions\.1: .* \(and 1 more\)/);
  });

  it('refuses half of a file, of each kind, and one that is gone or readable by others', async () => {
    await open(TLS);
    const yaml = await readFile(sample.file('sallyport.yaml'), 'utf8');
    const certificate = await readFile(sample.file('test-only.crt.pem'), 'utf8');
    const half = (text: string) => text.slice(0, text.length / 2);
    for (const [name, whole, bad, pattern] of [
      ['sallyport.yaml', yaml, '', /sallyport\.yaml/],
      ['sallyport.yaml', yaml, half(yaml), /sallyport\.yaml/],
      ['sallyport.yaml', yaml, `keyring: [${SECRET_KEY}\n`, /sallyport\.yaml/],
      ['sallyport.yaml', yaml, yaml.replace('seedFile: seed', `seedFile: ["${SECRET_KEY}"]`), /seedFile/],
      ['test-only.crt.pem', certificate, half(certificate), /listen\.tls\.certFile/],
      ['seed', `${SEED}\n`, '', /empty/],
      ['seed', `${SEED}\n`, half(SEED), /seed of less than 32 bytes/],
    ] as const) {
      await sample.write(name, bad);
      await assertRefused(pattern);
      await sample.write(name, whole);
      await source.reload();
      assert.ok(!source.isRefused(), name);
    }
    await sample.write('seed', `${SEED}\n`, 0o644);
    await assertRefused(/others may read/);
    await rename(sample.file('seed'), sample.file('gone'));
    await assertRefused(/ENOENT/);
    assert.deepEqual(shared, []);
  });

  it('reads again what changed while it was read, and takes the whole of it', async () => {
    let readings = 0;
    const load = await open(
      {},
      {
        load: async () => {
          readings += 1;
          const result = await load().catch((error: unknown) => error);
          if (readings === 1) await put(SECOND);
          if (result instanceof Error) throw result;
          return result as LoadedConfig<Config>;
        },
      },
    );
    await sample.write('sallyport.yaml', 'listen: {');
    await source.reload();
    // The third time since the second named a file that nobody had looked at.
    assert.deepEqual([readings, versions(), names()], [3, [1, 2], ['configuration_reloaded']]);
  });

  it('gives up after a few readings of a file that goes on changing, and checks what it read as ever', async () => {
    let readings = 0;
    const load = await open(
      {},
      {
        load: async () => {
          readings += 1;
          const result = await load();
          await sample.write('seed', `${OTHER} ${readings}`);
          return result;
        },
      },
    );
    await assertRefused(/versions\.1/);
    assert.equal(readings, 3);
  });

  it('puts in force what it checked, though the file is replaced in between', async () => {
    let isLate = false;
    await open(
      {},
      {
        make: async (snapshot) => {
          isLate = true;
          await sample.write('seed-2', SEED);
          return configOf(snapshot, { env: {}, cwd: sample.workingDirectory });
        },
      },
    );
    await put(SECOND);
    await source.reload();
    assert.ok(isLate);
    assert.equal(shared.at(-1)?.keyring?.local?.versions.get(2)?.reveal(), OTHER);
  });

  it('lets what needs a restart wait, names it once, dots and all, and takes up the rest', async () => {
    await open();
    await put({ ...SECOND, buckets: { reports: {}, 'logs.2026': {} }, workers: 2 });
    await source.reload();
    await source.reload();
    assert.deepEqual(versions(), [1, 2]);
    assert.deepEqual([shared[0]?.workers, shared[0]?.buckets.length, shared.length], [1, 1, 1]);
    assert.deepEqual([source.waiting(), source.isRefused()], [2, false]);
    assert.deepEqual(names(), ['configuration_waits_for_restart', 'configuration_reloaded']);
    const [report] = source.health();
    assert.deepEqual([report?.name, report?.state], ['configuration', 'ok']);
    assert.match(report?.detail ?? '', /^waits for a restart: (?=.*\bworkers\b).*buckets\.logs\.2026/);
    await put(SECOND);
    await source.reload();
    assert.deepEqual([source.waiting(), source.health()], [0, [{ name: 'configuration', state: 'ok' }]]);
  });

  it('bounds what it reports', async () => {
    await open();
    const many = Array.from({ length: 200 }, (_, number) => [`bucket-with-a-name-${number}`, {}] as const);
    await put({ buckets: { reports: {}, ...Object.fromEntries(many) } });
    await source.reload();
    assert.equal(source.waiting(), 200);
    assert.ok((source.health()[0]?.detail ?? '').length < 600);
    await put({ buckets: { reports: {}, ...Object.fromEntries(many.map(([name]) => [name, { no: 1 }])) } });
    await assertRefused(/\(and \d+ more\)/);
    assert.ok((source.health()[0]?.detail ?? '').length < 700);
    assert.ok(String(events.at(-1)?.[1]['problems']).length <= 4003);
  });

  it('leaves all as it was where it cannot be shared, and tries it again', async () => {
    const fails: unknown[] = [new Error('a worker did not answer'), 'no error at all'];
    await open(
      {},
      {
        share: async ({ config }) => {
          if (fails.length > 0) throw fails.shift();
          await Promise.resolve(shared.push(config));
        },
      },
    );
    await put(SECOND);
    await assertRefused(/^a worker did not answer/);
    await assertRefused(/^unknown/);
    await source.reload();
    assert.deepEqual([versions(), source.isRefused()], [[1, 2], false]);
    assert.match(JSON.stringify(source.snapshot().content), /seed-2/);
  });

  it('never loads twice at once; every call sees what was written before it, and waiting ones are one', async () => {
    let [running, most, loads] = [0, 0, 0];
    const load = await open(
      {},
      {
        load: async () => {
          most = Math.max(most, (running += 1));
          loads += 1;
          return load().finally(() => (running -= 1));
        },
      },
    );
    const begun = source.reload();
    while (loads === 0) await delay(1);
    await put(SECOND);
    await Promise.all([begun, ...Array.from({ length: 20 }, () => source.reload())]);
    assert.equal(most, 1);
    assert.ok(loads <= 5, `${loads} loads`);
    assert.deepEqual([versions(), shared.length], [[1, 2], 1]);
  });

  it('holds a key to its content also where a variable names its file', async () => {
    await open({ keyring: undefined }, {}, { SALLYPORT_KEYRING_SEED_FILE: sample.file('seed') });
    await sample.write('seed', OTHER);
    await assertRefused(/versions\.1/);
  });

  it('sees also what changed while the last change was taken up', async function () {
    this.timeout(20_000);
    const third: Changes = { ...SECOND, 'keyring.local.versions.3': { seedFile: 'seed-3' } };
    await open(
      {},
      {
        share: async ({ config }) => {
          shared.push(config);
          if (shared.length > 1) return;
          await sample.write('seed-3', `${OTHER}, the third`);
          await put(third);
        },
      },
    );
    await put(SECOND);
    await source.reload();
    assert.deepEqual(versions(), [1, 2]);
    source.watch();
    while (shared.length < 2) await delay(50);
    assert.deepEqual(versions(), [1, 2, 3]);
  });

  it('looks at the files by itself, also at those of a configuration that it refused, until it is closed', async function () {
    this.timeout(60_000);
    const until = async (holds: () => boolean): Promise<void> => {
      while (!holds()) await delay(20);
    };
    await open();
    source.watch();
    await put({ 'keyring.local.versions.2': { seedFile: 'seed-3' } });
    await until(() => source.isRefused());
    await put(SECOND);
    await until(() => shared.length === 1);
    assert.ok(!source.isRefused());
    source.close();
  });
});
