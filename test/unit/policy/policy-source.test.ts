import assert from 'node:assert/strict';
import { InvalidPolicies } from '../../../src/policy/invalid-policies.ts';
import type { PolicySet } from '../../../src/policy/load-policies.ts';
import { openPolicySource } from '../../../src/policy/policy-source.ts';

const set = (version: string): PolicySet => ({ version, policies: [] });
const invalid = new InvalidPolicies([{ file: 'a.yaml', path: 'rules', message: 'must hold at least one rule' }]);

/** Loads what is next in line; an error is thrown. */
const loading =
  (...results: (PolicySet | Error)[]) =>
  () => {
    const next = results.shift();
    return next === undefined || next instanceof Error
      ? Promise.reject(next ?? new Error('none'))
      : Promise.resolve(next);
  };

describe('a policy source', () => {
  it('does not open on a bad set', async () => {
    await assert.rejects(openPolicySource(loading(invalid)), InvalidPolicies);
  });

  it('never lets a bad set replace a good one, reports it, and takes the next good one', async () => {
    const source = await openPolicySource(loading(set('v1'), invalid, set('v2')));
    assert.deepEqual(await source.reload(), { outcome: 'refused', version: 'v1', error: invalid });
    assert.equal(source.current().version, 'v1');
    assert.deepEqual(await source.reload(), { outcome: 'replaced', version: 'v2' });
    assert.equal(source.current().version, 'v2');
  });

  it('keeps the set itself, and what was compiled from it, where nothing changed', async () => {
    const source = await openPolicySource(loading(set('v1'), set('v1')));
    const before = source.current();
    assert.deepEqual(await source.reload(), { outcome: 'unchanged', version: 'v1' });
    assert.equal(source.current(), before);
  });

  it('stays as it is, and usable, after a failure that is no verdict on the set', async () => {
    const source = await openPolicySource(loading(set('v1'), new RangeError(), set('v2')));
    await assert.rejects(source.reload(), RangeError);
    assert.equal(source.current().version, 'v1');
    assert.equal((await source.reload()).outcome, 'replaced');
  });

  it('never lets an older set that was slow to load replace a newer one', async () => {
    let finishSlow: (loaded: PolicySet) => void = () => undefined;
    const slow = new Promise<PolicySet>((resolve) => {
      finishSlow = resolve;
    });
    const loads = [Promise.resolve(set('v1')), slow, Promise.resolve(set('v3'))];
    const source = await openPolicySource(() => loads.shift() ?? assert.fail());
    const reloads = Promise.all([source.reload(), source.reload()]);
    finishSlow(set('v2'));
    assert.deepEqual(
      (await reloads).map(({ version }) => version),
      ['v2', 'v3'],
    );
    assert.equal(source.current().version, 'v3');
  });
});
