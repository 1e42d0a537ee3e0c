import assert from 'node:assert/strict';
import { releaseStartMemory } from '../../../../src/cli/server/release-memory.ts';
import { nodeFlags } from '../../../support/stack/node-flags.ts';

describe('cli/server: releaseStartMemory', () => {
  const { gc } = globalThis;
  afterEach(() => {
    globalThis.gc = gc;
  });

  it('collects all garbage, which the start line allows', () => {
    const calls: unknown[] = [];
    globalThis.gc = (options?: unknown): Promise<void> => {
      calls.push(options);
      return Promise.resolve();
    };
    releaseStartMemory();
    assert.deepEqual(calls, [{ type: 'major', execution: 'sync', flavor: 'last-resort' }]);
    assert.ok(nodeFlags().includes('--expose-gc'));
  });

  it('does nothing where Node was started without the flag', () => {
    globalThis.gc = undefined;
    assert.doesNotThrow(releaseStartMemory);
  });
});
