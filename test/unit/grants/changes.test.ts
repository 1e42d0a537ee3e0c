import assert from 'node:assert/strict';
import { approval, ending, grantWithId, lapsed, newGrant, refusal } from '../../../src/grants/changes.ts';
import { isFurther } from '../../../src/grants/entry.ts';
import { grantOf, HOUR_MS, NOW_MS, TERMS } from './fixture.ts';

const by = (name: string, nowMs = NOW_MS) => ({ nowMs, by: name });
const refused = (message: RegExp) => ({ name: 'GrantRefused', message });
const ID = '00000000000000aa';
const pending = newGrant(ID, { ...TERMS, approvers: ['bob', 'carol', 'olivia'] }, by('olivia'));

describe('the steps of a grant', () => {
  it('begin in force where nobody has to approve it', () => {
    assert.deepEqual(newGrant(ID, TERMS, by('olivia')).approved, { atMs: NOW_MS, by: 'olivia' });
    assert.equal(pending.approved, undefined);
  });

  it('need a second person, and one who was named', () => {
    assert.throws(() => approval(pending, by('olivia')), refused(/somebody else must decide: bob, carol$/));
    assert.throws(() => approval(pending, by('mallory')), refused(/mallory is not among those/));
    assert.throws(() => refusal(pending, by('mallory'), undefined), refused(/mallory/));
    assert.throws(() => newGrant(ID, { ...TERMS, approvers: ['olivia'] }, by('olivia')), refused(/somebody else/));
    assert.equal(approval(pending, by('carol')).approved?.by, 'carol');
  });

  it('are taken once: no way leads back from approved, refused, ended or lapsed', () => {
    const active = approval(pending, by('bob'));
    const over = [
      refusal(pending, by('bob'), 'no'),
      ending(pending, by('olivia'), undefined),
      ending(active, by('x'), 'y'),
    ];
    assert.throws(() => approval(active, by('bob')), refused(/in force already/));
    for (const entry of over) {
      assert.throws(() => approval(entry, by('bob')), refused(/only one that is pending/));
      assert.throws(() => ending(entry, by('bob'), undefined), refused(/over already/));
      assert.ok(isFurther(entry, pending) && isFurther(entry, active) && !isFurther(active, entry));
    }
  });

  it('come too late an hour after the request', () => {
    assert.throws(() => approval(pending, by('bob', NOW_MS + HOUR_MS)), refused(/lapsed/));
    assert.equal(approval(pending, by('bob', NOW_MS + HOUR_MS - 1)).approved?.by, 'bob');
    const all = new Map([[pending.id, pending]]);
    assert.deepEqual(lapsed(all, NOW_MS + HOUR_MS - 1), []);
    assert.deepEqual(lapsed(all, NOW_MS + HOUR_MS), [pending]);
  });

  it('name a grant by an id that is there once', () => {
    const one = { ...grantOf(), id: 'abcdef0000000001' };
    const other = { ...grantOf(), id: 'abcdef0000000002' };
    const all = new Map([one, other].map((entry) => [entry.id, entry]));
    assert.equal(grantWithId(all, 'abcdef0000000002'), other);
    assert.throws(() => grantWithId(all, 'abcdef'), refused(/several/));
    assert.throws(() => grantWithId(all, '123456'), refused(/no grant/));
  });
});
