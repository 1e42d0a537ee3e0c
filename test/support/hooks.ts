/** Root hooks of mocha: says what chance is, and stops what the suites share. */
import fc from 'fast-check';
import { fixedSeed } from './chance.ts';
import { stopSharedStack } from './stack.ts';

if (fixedSeed !== undefined) fc.configureGlobal({ seed: fixedSeed });

export const mochaHooks = {
  async afterAll(this: Mocha.Context): Promise<void> {
    this.timeout(60_000);
    await stopSharedStack();
  },
};
