import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidPolicies } from '../../../src/policy/invalid-policies.ts';
import { NO_SET, type LoadedPolicies } from '../../../src/policy/load-policies.ts';
import { openPolicySource, type PolicySource, type PolicySourceOptions } from '../../../src/policy/policy-source.ts';

const set = (version: string, text = version): LoadedPolicies => ({
  version,
  policies: [],
  files: [{ name: 'a.yaml', text }],
});
const issue = { file: 'a.yaml', line: 3, path: 'rules', message: 'must hold at least one rule' };
const invalid = new InvalidPolicies([issue], 'bad1');

/** Loads what is next in line; an error is thrown, and the last one is there for good. */
const loading = (results: (LoadedPolicies | Error)[]) => () => {
  const next = results.length > 1 ? results.shift() : results[0];
  return next === undefined || next instanceof Error
    ? Promise.reject(next ?? new Error('none'))
    : Promise.resolve(next);
};

describe('a policy source', () => {
  const events: { readonly event: string; readonly fields: Readonly<Record<string, unknown>> }[] = [];
  const open: PolicySource[] = [];
  beforeEach(() => {
    events.length = 0;
  });
  afterEach(() => {
    for (const source of open.splice(0)) source.close();
  });

  const opened = async (
    results: (LoadedPolicies | Error)[],
    options: Partial<PolicySourceOptions> = {},
  ): Promise<PolicySource> => {
    const source = await openPolicySource({
      load: loading(results),
      stamp: () => Promise.resolve('same'),
      keep: () => Promise.resolve(),
      event: (event, fields = {}) => events.push({ event, fields }),
      ...options,
    });
    open.push(source);
    return source;
  };

  it('does not open on a bad set, nor on one that cannot be kept', async () => {
    await assert.rejects(opened([invalid]), InvalidPolicies);
    await assert.rejects(opened([set('v1')], { keep: () => Promise.reject(new RangeError('full')) }), RangeError);
  });

  it('opens without a good set where it is given a first one, which is not kept, and says so under its name', async () => {
    const kept: string[] = [];
    const keep = ({ version }: LoadedPolicies) => Promise.resolve(void kept.push(version));
    const source = await opened([invalid, set('v1')], { first: NO_SET, name: 'policies-preview', keep });
    assert.deepEqual(source.health(), [{ name: 'policies-preview', state: 'ok' }]);
    await source.reload();
    assert.equal(source.current().version, '');
    const [report] = source.health();
    assert.deepEqual([report?.name, report?.state], ['policies-preview', 'degraded']);
    assert.match(report?.detail ?? '', /a\.yaml:3.*there is no other$/);
    await source.keepAgain();
    assert.deepEqual(kept, []);
    assert.equal((await source.reload()).outcome, 'replaced');
    assert.deepEqual(kept, ['v1']);
  });

  it('never lets a bad set replace a good one, reports it, and takes the next good one', async () => {
    const source = await opened([set('v1'), invalid, set('v2')]);
    assert.equal((await source.reload()).outcome, 'refused');
    assert.equal(source.current().version, 'v1');
    assert.equal(source.refused(), 'bad1');
    const [report] = source.health();
    assert.equal(report?.state, 'degraded');
    // What, where, and what stays in force.
    assert.match(report.detail ?? '', /a\.yaml:3: rules must hold at least one rule.*v1 stays in force/);
    assert.deepEqual(await source.reload(), { outcome: 'replaced', version: 'v2' });
    assert.equal(source.refused(), undefined);
    assert.deepEqual(source.health(), [{ name: 'policies', state: 'ok' }]);
    assert.deepEqual(
      events.map(({ event }) => event),
      ['policies_reload_failed', 'policies_reloaded'],
    );
    const refusal = events[0]?.fields;
    assert.deepEqual([refusal?.['refusedVersion'], refusal?.['policyVersion']], ['bad1', 'v1']);
  });

  it('clears what was refused when the set in force is put back', async () => {
    const source = await opened([set('v1'), invalid, set('v1')]);
    await source.reload();
    assert.deepEqual(await source.reload(), { outcome: 'unchanged', version: 'v1' });
    assert.equal(source.refused(), undefined);
  });

  it('keeps the set itself, and what was compiled from it, where nothing changed', async () => {
    const source = await opened([set('v1'), set('v1')]);
    const before = source.current();
    assert.deepEqual(await source.reload(), { outcome: 'unchanged', version: 'v1' });
    assert.equal(source.current(), before);
  });

  it('takes two sets that somebody made to have one version for two, and puts none in force that cannot be kept', async () => {
    const kept: string[] = [];
    const keep = ({ files }: LoadedPolicies) => {
      const text = files.map((file) => file.text).join();
      if (kept.length > 0 && !kept.includes(text)) return Promise.reject(new Error('holds another set'));
      kept.push(text);
      return Promise.resolve();
    };
    const source = await opened([set('v1', 'old'), set('v1', 'new')], { keep });
    const before = source.current();
    assert.equal((await source.reload()).outcome, 'refused');
    assert.equal(source.current(), before);
  });

  it('keeps a set before it shares it, shares it before it uses it, and uses none that cannot be shared', async () => {
    const steps: string[] = [];
    let broken = false;
    const source = await opened([set('v1'), set('v2'), set('v3')], {
      keep: ({ version }) => {
        steps.push(`keep ${version}`);
        return Promise.resolve();
      },
      share: (version) => {
        steps.push(`share ${version} over ${source.current().version}`);
        return broken ? Promise.reject(new Error('worker 1 could not')) : Promise.resolve();
      },
    });
    await source.reload();
    broken = true;
    assert.equal((await source.reload()).outcome, 'refused');
    assert.equal(source.current().version, 'v2');
    assert.equal(source.refused(), 'v3');
    assert.deepEqual(steps, ['keep v1', 'keep v2', 'share v2 over v1', 'keep v3', 'share v3 over v2']);
  });

  it('stays as it is, and usable, after a failure that is no verdict on the set', async () => {
    const source = await opened([set('v1'), new RangeError(), set('v2')]);
    assert.equal((await source.reload()).outcome, 'refused');
    assert.equal(source.refused(), 'unreadable');
    assert.equal((await source.reload()).outcome, 'replaced');
  });

  it('never lets an older set that was slow to load replace a newer one, and reads once for all who ask meanwhile', async () => {
    const slow = Promise.withResolvers<LoadedPolicies>();
    const loads = [Promise.resolve(set('v1')), slow.promise, Promise.resolve(set('v3'))];
    const source = await opened([], { load: () => loads.shift() ?? assert.fail() });
    const first = source.reload();
    await sleep(5);
    const later = [source.reload(), source.reload(), source.reload()];
    slow.resolve(set('v2'));
    assert.equal((await first).version, 'v2');
    for (const each of later) assert.equal((await each).version, 'v3');
  });

  it('reads again where the directory changed while it was read, and refuses none of what it saw in between', async () => {
    let stamps = 0;
    const source = await opened([set('v1'), invalid, set('v2')], { stamp: () => Promise.resolve(`${++stamps}`) });
    assert.equal((await source.reload()).outcome, 'replaced');
    assert.deepEqual(
      events.map(({ event }) => event),
      ['policies_reloaded'],
    );
  });

  it('says one refusal once, however often it is met again', async () => {
    const source = await opened([set('v1'), invalid]);
    for (let times = 0; times < 5; times += 1) await source.reload();
    assert.equal(events.length, 1);
  });

  it('bounds what it says of a set with very many errors', async () => {
    const many = new InvalidPolicies(Array.from({ length: 5000 }, () => ({ ...issue, message: 'x'.repeat(900) })));
    const source = await opened([set('v1'), many]);
    await source.reload();
    assert.ok((source.health()[0]?.detail ?? '').length < 700);
    assert.ok(String(events[0]?.fields['problems']).length < 5000);
  });

  describe('that watches', () => {
    const quick = { pollMs: 5, settleMs: 5 };
    const until = async (reached: () => boolean): Promise<void> => {
      for (let attempt = 0; !reached(); attempt += 1) {
        assert.ok(attempt < 400, 'it did not come to that');
        await sleep(5);
      }
    };

    it('loads when the directory changed, and only then', async () => {
      let stamp = 'one';
      let loads = 0;
      const source = await opened([], {
        ...quick,
        stamp: () => Promise.resolve(stamp),
        load: () => Promise.resolve(set(`v${(loads += 1)}`)),
      });
      source.watch();
      await sleep(60);
      assert.equal(loads, 1);
      stamp = 'two';
      await until(() => source.current().version === 'v2');
      await sleep(60);
      assert.equal(loads, 2);
    });

    it('waits until a directory that is being written stays as it is', async () => {
      let writing = true;
      let stamps = 0;
      let loads = 0;
      const source = await opened([], {
        ...quick,
        stamp: () => Promise.resolve(writing ? `${(stamps += 1)}` : 'done'),
        load: () => Promise.resolve(set(`v${(loads += 1)}`)),
      });
      source.watch();
      await sleep(80);
      assert.equal(loads, 1);
      writing = false;
      await until(() => loads === 2);
    });

    it('goes on looking when a look fails, and never again once it is closed', async () => {
      let looks = 0;
      const source = await opened([set('v1')], {
        ...quick,
        stamp: () => ((looks += 1) % 2 === 0 ? Promise.reject(new Error('EIO')) : Promise.resolve('same')),
      });
      source.watch();
      await until(() => looks > 5);
      source.close();
      await sleep(20);
      const last = looks;
      await sleep(50);
      assert.equal(looks, last);
    });
  });
});
