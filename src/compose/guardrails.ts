/**
 * Configuration -> the guardrails of a gateway: the budgets that policies have, over counters of this process or of another one,
 * and the list of breakers; and the store of that list, which the commands write.
 */
import type { Config } from '../config/config.ts';
import type { Clock } from '../contracts/clock.ts';
import type { Guardrails } from '../contracts/guardrails.ts';
import type { Observer } from '../contracts/observer.ts';
import type { RevocationSettings } from '../contracts/revocation-settings.ts';
import type { SecretBytes } from '../contracts/secret.ts';
import { breakerFormat, type Breaker } from '../guardrails/breaker.ts';
import { createBreakerList, type BreakerList } from '../guardrails/breaker-list.ts';
import { createLocalCounters, type Counters } from '../guardrails/counters.ts';
import { createGuardrails, type GuardrailOptions } from '../guardrails/guardrails.ts';
import type { ListStore } from '../lists/list-store.ts';
import { listStoreOf } from './revocations.ts';

interface ListOptions {
  readonly clock: Clock;
  readonly observer: Observer;
}

/** Makes the guardrails. */
export function guardrailsOf(
  options: Omit<GuardrailOptions, 'counters'> & { readonly counters: Counters | undefined },
): Guardrails {
  return createGuardrails({ ...options, counters: options.counters ?? createLocalCounters(options.clock) });
}

/** Makes the list of breakers, read once and watched from then on; `undefined`: the configuration has none. */
export async function breakersOf(
  { policies, revocation }: Config,
  options: ListOptions,
): Promise<BreakerList | undefined> {
  if (policies.guardrails === undefined || revocation === undefined) return undefined;
  const store = await breakerStoreOf(policies.guardrails, revocation, options);
  const list = createBreakerList({ ...options, store });
  await list.refresh();
  list.watch();
  return list;
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
