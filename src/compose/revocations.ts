/** Configuration -> the list of revocations: as gateways watch it, and the store of it that the commands write. */
import type { Config } from '../config/config.ts';
import type { Clock } from '../contracts/clock.ts';
import type { Observer } from '../contracts/observer.ts';
import type { RedisLogin, RevocationSettings } from '../contracts/revocation-settings.ts';
import { createFileStore } from '../lists/file-store.ts';
import type { Listed, ListFormat, ListStore } from '../lists/list-store.ts';
import type { RedisConnection } from '../lists/redis-connection.ts';
import { REVOCATIONS, type Entry } from '../revocation/entry.ts';
import { createRevocationList, type RevocationList } from '../revocation/revocation-list.ts';

export interface ListOptions {
  readonly clock: Clock;
  readonly observer: Observer;
  /** Asked for at each connection to Redis; default: that of the settings. */
  readonly login?: () => RedisLogin;
}

/** As whom Redis is asked by this configuration. */
export const redisLoginOf = ({ revocation }: Config): RedisLogin =>
  revocation?.kind === 'redis' ? revocation : { username: undefined, password: undefined };

/**
 * Makes the list of a gateway, read once and watched from then on. A file that cannot be read is a reason not to start;
 * Redis may be away for a while, and what that means is configured.
 * @throws Error in one line
 */
export async function revocationsOf({ revocation }: Config, options: ListOptions): Promise<RevocationList> {
  if (revocation === undefined) return nobodyRevoked;
  const { whenUnavailable, maxStaleSeconds } = revocation;
  const store = await revocationStoreOf(revocation, options);
  const list = createRevocationList({ ...options, store, whenUnavailable, maxStaleSeconds });
  await list.refresh();
  const problem = list.health().find(({ state }) => state === 'degraded');
  if (problem !== undefined && revocation.kind === 'file') throw new Error(`${revocation.path}: ${problem.detail}`);
  list.watch();
  return list;
}

/** Opens the store of the list; resolves when it is connected, or when that takes too long to wait for. */
export function revocationStoreOf(revocation: RevocationSettings, options: ListOptions): Promise<ListStore<Entry>> {
  return listStoreOf(REVOCATIONS, revocation, options);
}

/** Opens the store of a list that is kept where the revocations are: `path` is its own file. */
export async function listStoreOf<Listing extends Listed>(
  format: ListFormat<Listing>,
  settings: RevocationSettings,
  options: ListOptions,
): Promise<ListStore<Listing>> {
  if (settings.kind === 'file') return createFileStore({ format, path: settings.path, clock: options.clock });
  return (await redisListOf(format, settings, options)).store;
}

/** Opens a list in Redis, with the connection that it closes with itself: what asks as often may use it as well. */
export async function redisListOf<Listing extends Listed>(
  format: ListFormat<Listing>,
  settings: Extract<RevocationSettings, { readonly kind: 'redis' }>,
  { clock, observer, login }: ListOptions,
): Promise<{ readonly store: ListStore<Listing>; readonly connection: RedisConnection }> {
  // The client is 476 modules: only who uses Redis keeps them in memory.
  const [{ openRedis }, { createRedisStore }] = await Promise.all([
    import('../lists/redis-connection.ts'),
    import('../lists/redis-store.ts'),
  ]);
  const connection = openRedis({ ...settings, ...(login && { login }) });
  await connection.settled();
  const store = createRedisStore({ format, connection, keyPrefix: settings.keyPrefix, clock, observer });
  return { store, connection };
}

const nobodyRevoked: RevocationList = {
  check: () => undefined,
  refresh: () => Promise.resolve(),
  watch: () => undefined,
  isShut: () => false,
  status: () => ({ entries: 0, ageMs: 0 }),
  health: () => [],
  close: () => Promise.resolve(),
};
