/**
 * One stack per folder: two would write into each other's objects and audit. The lock is a name in the kernel (a socket of
 * Linux's abstract namespace), so it cannot be left behind by a process that was killed.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { realpath } from 'node:fs/promises';
import { createServer } from 'node:net';
import { platform } from 'node:os';

/** Locks an existing folder; resolves to what unlocks it. @throws Error in one line when it is locked */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  if (platform() !== 'linux') return () => Promise.resolve();
  const name = createHash('sha256')
    .update(await realpath(folder))
    .digest('hex')
    .slice(0, 32);
  const server = createServer().unref();
  try {
    server.listen(`\0sallyport-demo-${name}`);
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE')
      throw new Error(`a demo already runs in ${folder}; stop it, or name another folder with --data`);
    throw error;
  }
  return async () => {
    server.close();
    await once(server, 'close');
  };
}
