/** The processes under a gateway's primary. */
import { readFile } from 'node:fs/promises';

/** Gives their ids; none where the primary has ended. */
export async function workerIds(primary: number): Promise<number[]> {
  const children = await readFile(`/proc/${primary}/task/${primary}/children`, 'utf8').catch(() => '');
  return children
    .split(' ')
    .filter((id) => id.trim() !== '')
    .map(Number);
}
