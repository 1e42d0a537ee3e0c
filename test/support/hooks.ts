/** Root hooks of mocha: says what chance is, and stops what the tests of a file share. */
import fc from 'fast-check';
import { fixedSeed } from './chance.ts';
import { COMPILE_CACHE } from './compile-cache.ts';
import { replayedText } from './stack/replayed.ts';
import { stopSharedStack } from './stack/stack.ts';

// Mocha sets no bound: an error in a deep recursion would take milliseconds.
Error.stackTraceLimit = 50;

Object.assign(process.env, COMPILE_CACHE);

if (fixedSeed !== undefined) fc.configureGlobal({ seed: fixedSeed });

export const mochaHooks = {
  async afterAll(this: Mocha.Context): Promise<void> {
    this.timeout(60_000);
    await stopSharedStack();
    const replayed = replayedText();
    if (replayed !== undefined) console.log(`\n${replayed}`);
  },
};
