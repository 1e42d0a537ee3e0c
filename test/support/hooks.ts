/** Root hooks of mocha: says what chance is, and stops what the tests of a file share. */
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { fixedSeed } from './chance.ts';
import { stopSharedStack } from './stack/stack.ts';

// Mocha sets no bound: an error in a deep recursion would take milliseconds.
Error.stackTraceLimit = 50;

// Gateways and commands that tests start are up in two thirds of the time.
process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(new URL('../../node_modules/.cache/compiled', import.meta.url));

if (fixedSeed !== undefined) fc.configureGlobal({ seed: fixedSeed });

export const mochaHooks = {
  async afterAll(this: Mocha.Context): Promise<void> {
    this.timeout(60_000);
    await stopSharedStack();
  },
};
