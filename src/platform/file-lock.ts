/**
 * One process at a time, on every system: a file that only one can create. Who dies holding it is waited for, and then
 * passed over. A holder that was halted for longer than that has lost the lock without knowing: before it does what must
 * not happen twice, it asks.
 */
import { randomBytes } from 'node:crypto';
import { link, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

export interface LockOptions {
  /** How long to wait for another holder, in milliseconds. */
  readonly waitMs: number;
  /** After how many milliseconds its holder is taken for dead: longer than any holder's work can take. */
  readonly staleMs: number;
  /** Makes the error of waiting for too long. */
  readonly timedOut: () => Error;
  /** What the system says, beside EEXIST, of a lock that another one has. */
  readonly alsoHeld?: readonly string[];
}

const PAUSE_MS = 50;

/**
 * Runs `work` while no other process holds the lock at `path`. `work` can ask whether it still holds it.
 * @throws what `timedOut` makes, what `work` throws, and errors of the file system
 */
export async function withFileLock<Result>(
  path: string,
  work: (isHeld: () => Promise<boolean>) => Promise<Result>,
  { waitMs, staleMs, timedOut, alsoHeld = [] }: LockOptions,
): Promise<Result> {
  const mark = randomBytes(12).toString('hex');
  const untilMs = performance.now() + waitMs;
  while (!(await take(path, mark, ['EEXIST', ...alsoHeld]))) {
    await passOver(path, mark, staleMs, ['ENOENT', ...alsoHeld]);
    if (performance.now() >= untilMs) throw timedOut();
    await sleep(PAUSE_MS);
  }
  const isHeld = async (): Promise<boolean> => (await readFile(path, 'utf8').catch(() => undefined)) === mark;
  try {
    return await work(isHeld);
  } finally {
    // Only our own: whoever took us for dead holds it now.
    if (await isHeld()) await rm(path, { force: true });
  }
}

async function take(path: string, mark: string, used: readonly string[]): Promise<boolean> {
  try {
    const file = await open(path, 'wx', 0o600);
    await file.writeFile(mark).finally(() => file.close());
    return true;
  } catch (error) {
    if (isOneOf(error, used)) return false;
    throw error;
  }
}

/** Moves a dead holder's lock out of the way: of several who try, one succeeds, and the others find nothing to move. */
async function passOver(path: string, mark: string, staleMs: number, gone: readonly string[]): Promise<void> {
  const isStale = async (name: string): Promise<boolean> => Date.now() - (await stat(name)).mtimeMs >= staleMs;
  try {
    if (!(await isStale(path))) return;
    const renamed = `${path}.${mark}`;
    await rename(path, renamed);
    // Between the lookup and the move somebody else may have passed the dead one over, and begun.
    if (!(await isStale(renamed))) await link(renamed, path).catch(() => undefined);
    await rm(renamed, { force: true });
  } catch (error) {
    if (!isOneOf(error, gone)) throw error;
  }
}

function isOneOf(error: unknown, codes: readonly string[]): boolean {
  return codes.includes((error as NodeJS.ErrnoException).code ?? '');
}
