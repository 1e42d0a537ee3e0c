/**
 * Configuration -> the guardrails of a gateway: the budgets that policies have, over counters of this process or of another one,
 * and the list of breakers; and the store of that list, which the commands write.
 */
import type { Config } from '../config/config.ts';
import type { Guardrails } from '../contracts/guardrails.ts';
import type { RevocationSettings } from '../contracts/revocation-settings.ts';
import type { SecretBytes } from '../contracts/secret.ts';
import { breakerFormat, type Breaker } from '../guardrails/breaker.ts';
import { createBreakerList, type BreakerList } from '../guardrails/breaker-list.ts';
import { createLocalCounters, type Counters } from '../guardrails/counters.ts';
import { createGuardrails, type GuardrailOptions } from '../guardrails/guardrails.ts';
import type { ListStore } from '../lists/list-store.ts';
import { createRedisCounters } from '../guardrails/redis-counters.ts';
import { listStoreOf, redisListOf, type ListOptions } from './revocations.ts';

/** What guardrails stand on. */
export interface GuardrailParts extends Pick<GuardrailOptions, 'counters' | 'whileAway'> {
  readonly breakers: BreakerList | undefined;
}

/**
 * Makes the list of breakers, read once and watched from then on, where the configuration has one, and the counters: in Redis
 * where that list is, else those of the machine (`own`) or of this process.
 */
export async function guardrailPartsOf(
  { policies, revocation }: Config,
  { own, ...options }: ListOptions & { readonly own: Counters | undefined },
): Promise<GuardrailParts> {
  const { clock, observer } = options;
  const local = own ?? createLocalCounters(clock);
  if (policies.guardrails === undefined || revocation === undefined) return { breakers: undefined, counters: local };
  const format = breakerFormat(policies.guardrails.key.revealBytes());
  const watched = async (store: ListStore<Breaker>): Promise<BreakerList> => {
    const list = createBreakerList({ clock, observer, store });
    await list.refresh();
    list.watch();
    return list;
  };
  if (revocation.kind === 'file') {
    const store = await breakerStoreOf(policies.guardrails, revocation, options);
    return { breakers: await watched(store), counters: local };
  }
  const { store, connection } = await redisListOf(format, revocation, options);
  const counters = createRedisCounters({ connection, keyPrefix: revocation.keyPrefix, clock, observer });
  return { breakers: await watched(store), counters, whileAway: local };
}

/** Makes the guardrails of a sidecar: it has no breakers, and no process beside it. */
export function sidecarGuardrailsOf(options: Pick<GuardrailOptions, 'of' | 'clock' | 'count'>): Guardrails {
  return createGuardrails({ ...options, counters: createLocalCounters(options.clock) });
}

/** Opens the store: a file beside that of the revocations, or another hash of the same Redis. */
export function breakerStoreOf(
  { key }: { readonly key: SecretBytes },
  revocation: RevocationSettings,
  options: ListOptions,
): Promise<ListStore<Breaker>> {
  const beside = revocation.kind === 'file' ? { ...revocation, path: `${revocation.path}.breakers` } : revocation;
  return listStoreOf(breakerFormat(key.revealBytes()), beside, options);
}
