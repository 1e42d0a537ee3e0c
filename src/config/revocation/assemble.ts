/** The revocation section of a checked file, with what its files hold. */
import { resolve } from 'node:path';
import type { RevocationSettings } from '../../contracts/revocation-settings.ts';
import { pathKey } from '../loading/path-key.ts';
import { promised } from '../loading/promised.ts';
import type { Files } from '../loading/read-files.ts';
import { parseAddress } from '../values/shapes.ts';
import type { FileRevocation } from './schema.ts';

/** Puts the section together. Relative paths start at `directory`. */
export const assembleRevocation = (
  revocation: FileRevocation,
  files: Files,
  directory: string,
): RevocationSettings | undefined => {
  if (revocation === undefined) return undefined;
  const { redis, maxStaleSeconds } = revocation;
  const whenUnavailable = revocation.whenUnavailable ?? 'fail-closed';
  if (redis === undefined) {
    const path = resolve(directory, promised(revocation.file));
    return { kind: 'file', path, whenUnavailable, maxStaleSeconds };
  }
  const file = (...path: readonly string[]) => files.get(pathKey(['revocation', 'redis', ...path]));
  const { database, keyPrefix } = redis;
  return {
    kind: 'redis',
    ...promised(parseAddress(redis.address)),
    ...{ database, keyPrefix, whenUnavailable, maxStaleSeconds },
    username: file('usernameFile'),
    password: file('passwordFile'),
    tls: redis.allowPlaintextLoopback
      ? undefined
      : {
          ca: file('tls', 'caFile')?.reveal(),
          certificate: file('tls', 'certFile')?.reveal(),
          key: file('tls', 'keyFile'),
          serverName: redis.tls?.serverName,
        },
  };
};
