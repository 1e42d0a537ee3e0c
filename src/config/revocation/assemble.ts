/** The revocation section of a checked file, with what its files hold. */
import { resolve } from 'node:path';
import { pathKey } from '../loading/path-key.ts';
import { promised } from '../loading/promised.ts';
import type { Files } from '../loading/read-files.ts';
import type { Secret } from '../loading/secret.ts';
import { parseAddress, type Address } from '../values/shapes.ts';
import type { FileRevocation } from './schema.ts';

interface RevocationRules {
  readonly whenUnavailable: 'fail-open' | 'fail-closed';
  readonly maxStaleSeconds: number;
}

/** Where it is kept who was revoked. */
export type RevocationConfig =
  /** An absolute path. */
  | ({ readonly kind: 'file'; readonly path: string } & RevocationRules)
  | ({
      readonly kind: 'redis';
      /** Undefined: plain TCP, on a loopback address. PEM texts; of the CA undefined: the system's certificates. */
      readonly tls:
        | {
            readonly ca: string | undefined;
            readonly certificate: string | undefined;
            readonly key: Secret | undefined;
            readonly serverName: string | undefined;
          }
        | undefined;
      readonly username: Secret | undefined;
      readonly password: Secret | undefined;
      readonly database: number;
      readonly keyPrefix: string;
    } & Address &
      RevocationRules);

/** Puts the section together. Relative paths start at `directory`. */
export const assembleRevocation = (
  revocation: FileRevocation,
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
