/** What is asked of the file that `edge` names. */
import type { Explanation } from '../loading/explain.ts';
import { pathKey } from '../loading/path-key.ts';
import type { Files } from '../loading/read-files.ts';

/** Whoever guesses it chooses the addresses on record. */
export const checkEdgeSecret = (files: Files): readonly Explanation[] => {
  const secret = files.get(pathKey(['edge', 'secretFile']))?.reveal();
  if (secret === undefined || (secret.length >= 32 && secret.length <= 128)) return [];
  const message = 'names a secret of less than 32 or more than 128 characters; make one with `openssl rand -hex 32`';
  return [{ path: ['edge', 'secretFile'], message }];
};
