/** Configuration -> the list of revocations: as gateways watch it, and the store of it that the commands write. */
import type { Config } from '../config/config.ts';
import type { Clock } from '../contracts/clock.ts';
import type { Observer } from '../contracts/observer.ts';
import type { RevocationSettings } from '../contracts/revocation-settings.ts';
import { createFileStore } from '../revocation/file-store.ts';
import { createRevocationList, type RevocationList } from '../revocation/revocation-list.ts';
import type { RevocationStore } from '../revocation/revocation-store.ts';

interface RevocationOptions {
  readonly clock: Clock;
  readonly observer: Observer;
}

/**
 * Makes the list of a gateway, read once and watched from then on. A file that cannot be read is a reason not to start;
 * Redis may be away for a while, and what that means is configured.
 * @throws Error in one line
 */
export async function revocationsOf({ revocation }: Config, options: RevocationOptions): Promise<RevocationList> {
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

/** Opens the store; resolves when it is connected, or when that takes too long to wait for. */
export async function revocationStoreOf(
  revocation: RevocationSettings,
  { clock, observer }: RevocationOptions,
): Promise<RevocationStore> {
  if (revocation.kind === 'file') return createFileStore({ path: revocation.path, clock });
  // The client is 476 modules: only who uses Redis keeps them in memory.
  const [{ openRedis }, { createRedisStore }] = await Promise.all([
    import('../revocation/redis-connection.ts'),
    import('../revocation/redis-store.ts'),
  ]);
  const connection = openRedis(revocation);
  await connection.settled();
  return createRedisStore({ connection, keyPrefix: revocation.keyPrefix, clock, observer });
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
