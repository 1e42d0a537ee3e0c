/**
 * The connections to one store, TLS verified: one pool for each host that its buckets are reached at, which is one in
 * path style. Each keeps to the bound, and all together do but for what is in use: a host that needs a further connection
 * ends the idle ones of the host that was longest without a request. Enters: an origin. Leaves: its pool, to be used at
 * once. A request in progress is ended only where all is closed and its time is over.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import type { StoreTls } from '../../contracts/store-access.ts';
import { createStoreConnector } from './store-connector.ts';

export interface StorePoolOptions extends StoreTls {
  /** Of each host; of all together as long as no more requests than these are in progress at once. */
  readonly connections: number;
  readonly connectTimeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly bodyIdleTimeoutMs: number;
}

export interface StorePools {
  readonly poolOf: (origin: string) => Pool;
  /** Resolves when every request has ended; what has not after `graceMs` (default: as long as it takes) is cut. */
  readonly close: (graceMs?: number) => Promise<void>;
}

interface HostPool {
  readonly pool: Pool;
  connections: number;
}

/** Creates the pools of a store. Connections are made when they are first needed. */
export function createStorePools(options: StorePoolOptions): StorePools {
  /** Longest unused first. */
  const pools = new Map<string, HostPool>();
  const retired = new Set<Pool>();
  const connect = createStoreConnector(options);
  let connections = 0;

  const retireOneBut = (kept: HostPool): void => {
    for (const [origin, host] of pools) {
      if (host === kept || host.pool.stats.running >= host.connections) continue;
      pools.delete(origin);
      retired.add(host.pool);
      // It may be cut meanwhile.
      void host.pool
        .close()
        .catch(() => undefined)
        .finally(() => retired.delete(host.pool));
      return;
    }
  };

  const open = (origin: string): HostPool => {
    const pool = new Pool(origin, {
      connections: options.connections,
      pipelining: 1,
      headersTimeout: options.headersTimeoutMs,
      bodyTimeout: options.bodyIdleTimeoutMs,
      allowH2: false,
      connect,
    });
    const host: HostPool = { pool, connections: 0 };
    pool.on('connect', () => {
      host.connections += 1;
      connections += 1;
      if (connections > options.connections) retireOneBut(host);
    });
    pool.on('disconnect', () => {
      host.connections -= 1;
      connections -= 1;
    });
    return host;
  };

  return {
    poolOf: (origin) => {
      const host = pools.get(origin) ?? open(origin);
      pools.delete(origin);
      pools.set(origin, host);
      return host.pool;
    },
    close: async (graceMs) => {
      const all = [...[...pools.values()].map(({ pool }) => pool), ...retired];
      const closed = Promise.all(all.map((pool) => pool.close()));
      closed.catch(() => undefined);
      await (graceMs === undefined ? closed : Promise.race([closed, sleep(graceMs)]));
      await Promise.all(all.map((pool) => pool.destroy()));
    },
  };
}
