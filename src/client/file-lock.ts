/**
 * One command of a person at a time. It keeps two refreshes apart; where it fails to, the caller must still come out right.
 */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { withFileLock, type LockOptions } from '../platform/file-lock.ts';
import { ClientFailure } from './failure.ts';

const TIMES: Pick<LockOptions, 'waitMs' | 'staleMs'> = { waitMs: 75_000, staleMs: 60_000 };
/** What Windows says of a file that is just being removed. */
const ALSO_HELD = ['EPERM', 'EACCES'];

/** Runs `work` while no other process holds the lock at `path`. @throws ClientFailure another does, for too long */
export async function withLock<Result>(path: string, work: () => Promise<Result>, times = TIMES): Promise<Result> {
  const timedOut = (): ClientFailure =>
    new ClientFailure('timed out waiting for another sallyport command', `if none runs, remove ${path}`);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  return withFileLock(path, work, { ...times, timedOut, alsoHeld: ALSO_HELD });
}
