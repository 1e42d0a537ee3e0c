import assert from 'node:assert/strict';
import { guardrailChanges, idleBudgets } from '../../../src/policy/analysis/guardrails.ts';
import { lint } from '../../../src/policy/analysis/lint.ts';
import { setOf, written, type WrittenRule } from './fixture.ts';

const all = { allow: ['read', 'write', 'delete'], bucket: 'reports', everything: true };
const hourly = { id: 'hourly', per: 'identity', window: '1h', deletes: 10, whenSpent: 'wait' };
const guarded = (guardrails?: readonly object[], rules: readonly WrittenRule[] = [all], subjects?: readonly object[]) =>
  setOf({ ...(written('p', rules, subjects) as object), ...(guardrails && { guardrails }) });

describe('the analysis of guardrails', () => {
  const changes = (before: readonly object[] | undefined, after: readonly object[] | undefined) =>
    guardrailChanges(guarded(before), guarded(after)).flatMap((each) => each.changes);

  it('says in words which budget differs', () => {
    assert.deepEqual(changes([hourly], [hourly]), []);
    assert.deepEqual(changes(undefined, [hourly]), [
      'hourly is new: 10 deletes in 1h, for each identity, when spent wait',
    ]);
    assert.deepEqual(changes([hourly], undefined), [
      'hourly is gone: 10 deletes in 1h, for each identity, when spent wait',
    ]);
    const other = { ...hourly, window: '90s', per: 'policy', deletes: 20, written: '1 MiB', whenSpent: 'stop' };
    assert.deepEqual(changes([hourly], [other]), [
      'hourly: for each identity, now for all together',
      'hourly: in 1h, now in 90s',
      'hourly: deletes 10, now 20',
      'hourly: written without bound, now 1048576',
      'hourly: when spent wait, now stop',
    ]);
    const daily = { ...hourly, deletes: undefined, requests: 3, window: '2d' };
    assert.deepEqual(changes([{ ...hourly, window: '2d' }], [daily]), [
      'hourly: requests without bound, now 3',
      'hourly: deletes 10, now without bound',
    ]);
  });

  it('says whom they bound, and whom now', () => {
    const [before, after] = [guarded([hourly]), guarded([hourly], [all], [{ issuer: 'demo', subject: 'ci' }])];
    const [found] = guardrailChanges(before, after);
    assert.equal(found?.policy, 'p');
    assert.match(found.changes.join(), /^they bound .+ of demo, and now bind subject ci of demo$/);
    assert.deepEqual(guardrailChanges(guarded(), guarded(undefined, [all], [{ issuer: 'demo', subject: 'ci' }])), []);
  });

  it('finds budgets that are never spent, and no others', () => {
    const idle = (guardrails: readonly object[], rules?: readonly WrittenRule[]) =>
      idleBudgets(guarded(guardrails, rules)).map(({ rule, message }) => `${rule}: ${message}`);
    assert.deepEqual(idle([hourly]), []);
    const reading = [{ allow: ['read'], bucket: 'reports', everything: true }];
    assert.deepEqual(idle([{ ...hourly, overwrites: 1, requests: 1, keys: 1 }], reading), [
      'p/hourly: nothing is spent of deletes: no rule allows DELETE or DELETE_VERSION',
      'p/hourly: nothing is spent of overwrites: no rule allows PUT',
    ]);
    const daily = { ...hourly, id: 'daily', window: '1d' };
    assert.deepEqual(idle([{ ...hourly, deletes: 20 }, daily]), [
      'p/hourly: deletes are never spent: p/daily is always spent before',
    ]);
    // In an hour in which a day ends and the next one begins, 18 can be deleted.
    assert.deepEqual(idle([hourly, { ...daily, deletes: 9 }]), []);
    assert.deepEqual(
      idle([
        { ...hourly, deletes: 20 },
        { ...daily, per: 'policy' },
      ]),
      [],
    );
    assert.deepEqual(
      idle([
        { ...hourly, deletes: 20 },
        { ...daily, whenSpent: 'stop' },
      ]),
      [],
    );
    assert.deepEqual(idle([hourly, { ...hourly, id: 'again' }]), []);
  });

  it('is part of lint', () => {
    const reading = [{ allow: ['read'], bucket: 'reports', everything: true }];
    assert.deepEqual(
      lint(guarded([hourly], reading), 0).map(({ kind, rule }) => [kind, rule]),
      [['idle-budget', 'p/hourly']],
    );
  });
});
