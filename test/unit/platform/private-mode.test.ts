import assert from 'node:assert/strict';
import { isPrivateMode, thisProcess } from '../../../src/platform/private-mode.ts';

describe('the mode of a file that holds a secret', () => {
  const reader = { uid: 1000, gids: [1000, 2000] };
  const isPrivate = (mode: number, uid: number, gid: number, by = reader) =>
    isPrivateMode({ mode: 0o100000 | mode, uid, gid }, by);

  it('is private where the owner alone has rights, whoever that is', () => {
    for (const uid of [0, 1000, 4711]) {
      for (const mode of [0o600, 0o400, 0o700]) assert.equal(isPrivate(mode, uid, 4711), true, mode.toString(8));
    }
  });

  it('is private where root lets a group of the process read, as Kubernetes does with secrets', () => {
    for (const gid of reader.gids) {
      for (const mode of [0o440, 0o640]) assert.equal(isPrivate(mode, 0, gid), true, mode.toString(8));
    }
  });

  it('is not private where root lets a group read that the process is not in', () => {
    assert.equal(isPrivate(0o440, 0, 4711), false);
    assert.equal(isPrivate(0o440, 0, 0, { uid: 1000, gids: [] }), false);
  });

  it('is not private where the process is root, which needs no group to read it', () => {
    assert.equal(isPrivate(0o440, 0, 0, { uid: 0, gids: [0] }), false);
  });

  it('is not private where another owner than root lets a group read, the process itself too', () => {
    for (const uid of [1000, 4711]) assert.equal(isPrivate(0o440, uid, 1000), false);
  });

  it('is not private where a group may write or others have any right, whoever owns it', () => {
    for (const uid of [0, 1000]) {
      for (const mode of [0o660, 0o620, 0o450, 0o444, 0o404, 0o604, 0o602, 0o601]) {
        assert.equal(isPrivate(mode, uid, 1000), false, mode.toString(8));
      }
    }
  });

  it('is judged by the ids of this very process', () => {
    assert.equal(thisProcess().uid, process.geteuid?.() ?? 0);
    assert.deepEqual(
      (process.getgroups?.() ?? []).filter((gid) => !thisProcess().gids.includes(gid)),
      [],
    );
  });
});
