/**
 * Where gateways of the world write their audit. Lanes install gigabytes while others run, and a disk that does not answer for
 * five seconds makes a gateway refuse everybody, as it must: clients are tried here, and disks elsewhere.
 */
import { mkdtemp, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MEMORY = '/dev/shm';
const ENOUGH_BYTES = 2 ** 31;

/** Makes a folder in memory, where there is enough of it, else on disk. Whoever asks removes it. */
export async function makeAuditFolder(): Promise<string> {
  const free = await statfs(MEMORY).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => 0,
  );
  return mkdtemp(join(free > ENOUGH_BYTES ? MEMORY : tmpdir(), 'sallyport-audit-'));
}
