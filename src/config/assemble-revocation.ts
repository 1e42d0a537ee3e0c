/** The revocation section of a checked file, with what its files hold. */
import { resolve } from 'node:path';
import type { RevocationConfig } from './config.ts';
import { pathKey } from './environment.ts';
import { promised } from './promised.ts';
import type { Files } from './read-files.ts';
import type { FileConfig } from './schema.ts';
import { parseAddress } from './shapes.ts';

/** Puts the section together. Relative paths start at `directory`. */
export const assembleRevocation = (
  revocation: FileConfig['revocation'],
  files: Files,
  directory: string,
): RevocationConfig | undefined => {
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
