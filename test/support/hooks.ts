/** Root hooks of mocha: stops what the suites share. */
import { stopSharedStack } from './stack.ts';

export const mochaHooks = {
  async afterAll(this: Mocha.Context): Promise<void> {
    this.timeout(60_000);
    await stopSharedStack();
  },
};
