/** A test that needs a program of the machine: skipped where it is missing, but never in CI. */
import assert from 'node:assert/strict';

/** Skips the running test, or fails it in CI, unless what it needs is there. */
export function needs(context: Mocha.Context, what: string, present: boolean): asserts present {
  if (present) return;
  assert.notEqual(process.env['CI'], 'true', `CI needs ${what}`);
  context.skip();
}

/** The same of a program; `found` as a text says why there is none. */
export function needsProgram<Found extends object>(
  context: Mocha.Context,
  what: string,
  found: Found | string,
): asserts found is Found {
  needs(context, typeof found === 'string' ? `${what}: ${found}` : what, typeof found !== 'string');
}

/** Skips the running test, in CI too, where what it is tried with is on no package source that CI has. */
export function triedWhere(context: Mocha.Context, present: boolean): asserts present {
  if (!present) context.skip();
}
