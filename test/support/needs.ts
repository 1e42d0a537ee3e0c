/** A test that needs a program of the machine: skipped where it is missing, but never in CI. */
import assert from 'node:assert/strict';

/** Skips the running test, or fails it in CI, unless what it needs is there. */
export function needs(context: Mocha.Context, what: string, present: boolean): asserts present {
  if (present) return;
  assert.notEqual(process.env['CI'], 'true', `CI needs ${what}`);
  context.skip();
}
