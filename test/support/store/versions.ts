/** What the programs that tests start say of themselves: a test that meets several versions asks, and says what each does. */
import { findProgram, runProgram } from '../../../demo/programs.ts';

/** Such as `3.2.26`, of the program that PATH has; `none` where it is missing. */
export async function versionOf(name: 'haproxy' | 'radosgw'): Promise<string> {
  const program = await findProgram(name, process.env);
  if (program === undefined) return 'none';
  const said = await runProgram(program, ['-v'], { environment: process.env });
  return /version (\d+(?:\.\d+)+)/.exec(said)?.[1] ?? 'unknown';
}

/** The first number: 16 and 20 of Ceph, 2 and 3 of HAProxy. */
export const releaseOf = (version: string): number => Number.parseInt(version, 10);
