/**
 * An allowed access in; the credentials to carry it out at its store out, by whichever way that store has: sessions of
 * its STS, or its own keys where it has none. What will be asked can be recorded before anything is asked.
 */
import type { Clock } from '../contracts/clock.ts';
import type { CredentialBroker } from '../contracts/credential-broker.ts';
import type { Observer } from '../contracts/observer.ts';
import { SESSION_SECONDS } from '../contracts/store-access.ts';
import type { StsStore } from './sts-store.ts';
import { createAssumingBroker, soleTarget, type ClosableBroker } from './assuming-broker.ts';
import { createStaticBroker } from './static-broker.ts';

export interface CredentialBrokerOptions {
  readonly stores: readonly StsStore[];
  readonly clock: Clock;
  readonly observer: Observer;
  /** Sessions kept at most. Default 10,000. */
  readonly maxSessions?: number;
  /** One call of STS, whole, in milliseconds. Default 5,000. */
  readonly stsTimeoutMs?: number;
  /** There are no several callers whom a store without STS could not tell apart. */
  readonly isOneCaller?: boolean;
}

/**
 * Makes the broker over every store. A plan costs little while `principal` and `grants` are the same objects as before:
 * what was worked out lives as long as they do.
 * @throws TypeError when two stores have the same name or a duration is below 900 seconds
 */
export function createCredentialBroker({
  stores,
  clock,
  observer,
  maxSessions = 10_000,
  stsTimeoutMs = 5000,
  isOneCaller = false,
}: CredentialBrokerOptions): ClosableBroker {
  refuseUnusable(stores);
  const withSts = stores.filter(({ method }) => method !== 'static');
  const assuming = createAssumingBroker({ stores: withSts, clock, observer, maxSessions, stsTimeoutMs });
  const byKeys = new Map<string, CredentialBroker>();
  for (const store of stores) {
    if (store.method !== 'static') continue;
    byKeys.set(store.name, createStaticBroker(store, { clock }));
    if (isOneCaller) continue;
    observer.event('store_credentials_static', { store: store.name });
  }
  for (const { name, method } of stores) {
    if (method !== 'web-identity') continue;
    observer.event('store_tokens_forwarded', { store: name });
  }
  const brokerOf = (storeName: string): CredentialBroker => byKeys.get(storeName) ?? assuming;
  return {
    plan: (principal, scopes, storeToken) =>
      brokerOf(soleTarget(scopes).store.name).plan(principal, scopes, storeToken),
    credentials: (planned) => brokerOf(planned.plan.storeName).credentials(planned),
    forget: (planned) => brokerOf(planned.plan.storeName).forget(planned),
    health: assuming.health,
    probes: assuming.probes,
    close: assuming.close,
  };
}

function refuseUnusable(stores: readonly StsStore[]): void {
  const names = new Set<string>();
  for (const { name, sessionSeconds } of stores) {
    if (names.has(name)) throw new TypeError(`two stores are named ${name}`);
    names.add(name);
    if (!(sessionSeconds >= SESSION_SECONDS.min)) {
      throw new TypeError(`store ${name}: sessions last ${SESSION_SECONDS.min} seconds or more`);
    }
  }
}
