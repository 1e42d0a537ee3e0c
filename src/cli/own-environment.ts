/**
 * The variables that a process was started with, less the secret among them from then on: programs that it starts, and a
 * diagnostic report of Node's, have no business with it. What the kernel shows of a process (`/proc/<pid>/environ`) stays.
 */
import type { CommandIo } from './io.ts';

/** Gives a copy, and takes the secret out of `environment`. */
export function ownEnvironment(environment: Record<string, string | undefined>): CommandIo['env'] {
  const own = { ...environment };
  delete environment['SALLYPORT_KEYRING_SEED'];
  return own;
}
