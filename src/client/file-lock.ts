/**
 * One process at a time, on every system: a file that only one can create. Who dies holding it is waited for, and then
 * passed over. It keeps two refreshes apart; where it fails to, the caller must still come out right.
 */
import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ClientFailure } from './failure.ts';

export interface LockTimes {
  /** How long to wait for another holder, in milliseconds. */
  readonly waitMs: number;
  /** After how many milliseconds its holder is taken for dead: longer than any holder's work can take. */
  readonly staleMs: number;
}

const TIMES: LockTimes = { waitMs: 75_000, staleMs: 60_000 };
const PAUSE_MS = 50;

/** Runs `work` while no other process holds the lock at `path`. @throws ClientFailure another does, for too long */
export async function withLock<Result>(
  path: string,
  work: () => Promise<Result>,
  { waitMs, staleMs }: LockTimes = TIMES,
): Promise<Result> {
  const mark = randomBytes(12).toString('hex');
  const untilMs = Date.now() + waitMs;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  while (!(await take(path, mark))) {
    if (Date.now() >= untilMs) {
      throw new ClientFailure('timed out waiting for another sallyport command', `if none runs, remove ${path}`);
    }
    await passOver(path, mark, staleMs);
    await sleep(PAUSE_MS);
  }
  try {
    return await work();
  } finally {
    // Only our own: whoever took us for dead holds it now.
    if ((await markOf(path)) === mark) await rm(path, { force: true });
  }
}

async function take(path: string, mark: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx', 0o600);
    await file.writeFile(mark).finally(() => file.close());
    return true;
  } catch (error) {
    // Windows says EPERM or EACCES of a file that is just being removed.
    if (['EEXIST', 'EPERM', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

/** Moves a dead holder's lock out of the way: of several who try, one succeeds, and the others find nothing to move. */
async function passOver(path: string, mark: string, staleMs: number): Promise<void> {
  const isStale = async (name: string): Promise<boolean> => Date.now() - (await stat(name)).mtimeMs >= staleMs;
  try {
    if (!(await isStale(path))) return;
    const aside = `${path}.${mark}`;
    await rename(path, aside);
    // Between the look and the move somebody else may have passed the dead one over, and begun.
    if (!(await isStale(aside))) await link(aside, path).catch(() => undefined);
    await rm(aside, { force: true });
  } catch (error) {
    if (!['ENOENT', 'EPERM', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

async function markOf(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}
