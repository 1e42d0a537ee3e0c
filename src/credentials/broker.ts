/**
 * An allowed access in; what will be asked of STS, and then the store's short-lived credentials, out. These are no wider
 * than the grants, are kept in memory only, and never outlive the caller's token. What is asked can be recorded before
 * anything is asked.
 */
import { LRUCache } from 'lru-cache';
import type { Bucket } from '../contracts/bucket.ts';
import type { Clock } from '../contracts/clock.ts';
import type {
  AccessScope,
  AssumeRolePlan,
  CredentialBroker,
  StoreCredentials,
} from '../contracts/credential-broker.ts';
import type { HealthReport, HealthSource } from '../contracts/health.ts';
import type { Observer } from '../contracts/observer.ts';
import type { Principal } from '../contracts/principal.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { createAssumeRole, type AssumeRole, type AssumeRoleOptions, type StsStore } from './assume-role.ts';
import { digest } from './digest.ts';
import { createPolicyPlanner } from './plan-policy.ts';
import { createSessionCache, SESSION_MARGIN_MS } from './session-cache.ts';
import { sessionName } from './session-name.ts';
import { PolicyTooLargeError } from './sts-failure.ts';

/** STS gives no shorter sessions; where the token ends sooner, the rest of the session goes unused. */
const MIN_SESSION_SECONDS = 900;
/** Keeps a session that is to last as long as a token from ending moments before it. */
const SLACK_MS = SESSION_MARGIN_MS + 5000;
const MAX_POLICIES_TOO_LARGE = 1000;

export interface CredentialBrokerOptions {
  readonly stores: readonly StsStore[];
  readonly clock: Clock;
  readonly observer: Observer;
  /** Sessions kept at most. Default 10,000. */
  readonly maxSessions?: number;
  /** One call of STS, whole, in milliseconds. Default 5,000. */
  readonly stsTimeoutMs?: number;
}

interface StoreState {
  readonly store: StsStore;
  readonly assumeRole: AssumeRole;
  readonly policyFor: (scopes: readonly AccessScope[]) => string;
  health: HealthReport;
}

/**
 * Makes the broker over the STS of every store. A plan costs little while `principal` and `grants` are the same objects
 * as before: what was worked out lives as long as they do.
 * @throws TypeError when two stores have the same name or a duration is below 900 seconds
 */
export function createCredentialBroker(
  options: CredentialBrokerOptions,
): CredentialBroker & HealthSource & { readonly close: () => void } {
  const { clock, observer, maxSessions = 10_000, stsTimeoutMs = 5000 } = options;
  const policiesTooLarge = new LRUCache<string, true>({ max: MAX_POLICIES_TOO_LARGE });
  const isTooLarge = (policy: string): boolean => policiesTooLarge.has(policy);
  const states = storeStates(options.stores, isTooLarge, { clock, observer, timeoutMs: stsTimeoutMs });
  const sessions = createSessionCache({ clock, observer, maxSessions });
  const plans = new WeakMap<Principal, WeakMap<Bucket, AssumeRolePlan>>();
  const cacheKeys = new WeakMap<AssumeRolePlan, string>();

  const stateOf = (storeName: string): StoreState => {
    const state = states.get(storeName);
    if (state !== undefined) return state;
    throw new GatewayError('InternalError', 'assume-role', { detail: `store ${storeName} has no STS` });
  };

  const keyOf = (asked: AssumeRolePlan, { store }: StoreState): string =>
    getOrSet(cacheKeys, asked, () => cacheKey(asked, store));

  const plan = (principal: Principal, scopes: readonly AccessScope[]): AssumeRolePlan => {
    const bucket = soleTarget(scopes);
    const { store, policyFor } = stateOf(bucket.store.name);
    const sessionPolicy = policyFor(scopes);
    const ofPrincipal = getOrSet(plans, principal, () => new WeakMap<Bucket, AssumeRolePlan>());
    const known = ofPrincipal.get(bucket);
    if (known?.sessionPolicy === sessionPolicy) return known;
    const name = known?.sessionName ?? sessionName(principal.issuer, principal.subject);
    const fresh = Object.freeze({
      storeName: store.name,
      roleArn: bucket.roleArn,
      sessionName: name,
      sourceIdentity: store.roleDefaults.sourceIdentity ? name : undefined,
      sessionPolicy,
      ...(principal.binding === undefined ? {} : { binding: principal.binding }),
      notAfterMs: principal.expiresAtMs,
    });
    ofPrincipal.set(bucket, fresh);
    return fresh;
  };

  const assume = async (state: StoreState, asked: AssumeRolePlan): Promise<StoreCredentials> => {
    const neededSeconds = Math.ceil((asked.notAfterMs - clock.now() + SLACK_MS) / 1000);
    const { durationSeconds } = state.store.roleDefaults;
    try {
      const given = await state.assumeRole.call(
        asked,
        Math.max(MIN_SESSION_SECONDS, Math.min(durationSeconds, neededSeconds)),
      );
      state.health = { name: state.health.name, state: 'ok' };
      return given;
    } catch (error) {
      if (error instanceof PolicyTooLargeError) policiesTooLarge.set(asked.sessionPolicy, true);
      state.health = healthAfter(state.health.name, error);
      throw error;
    }
  };

  return {
    plan,
    credentials: async (asked) => {
      const state = stateOf(asked.storeName);
      return sessions.get(keyOf(asked, state), asked.notAfterMs, () => assume(state, asked));
    },
    forget: (asked) => sessions.drop(keyOf(asked, stateOf(asked.storeName))),
    health: () => [...states.values()].map(({ health }) => health),
    close: () => {
      for (const { assumeRole } of states.values()) assumeRole.close();
    },
  };
}

/** The bucket of the first scope; one session of one role serves all of them, or none. */
function soleTarget(scopes: readonly AccessScope[]): Bucket {
  const bucket = scopes[0]?.bucket;
  const together = scopes.every(
    (scope) =>
      scope.accesses.length > 0 &&
      scope.bucket.store.name === bucket?.store.name &&
      scope.bucket.roleArn === bucket.roleArn,
  );
  if (bucket !== undefined && together) return bucket;
  const detail = 'a request must have accesses, and all of them in one store and by one role';
  throw new GatewayError('InternalError', 'assume-role', { detail });
}

function storeStates(
  stores: readonly StsStore[],
  isTooLarge: (policy: string) => boolean,
  options: AssumeRoleOptions,
): ReadonlyMap<string, StoreState> {
  const states = new Map<string, StoreState>();
  for (const store of stores) {
    if (states.has(store.name)) throw new TypeError(`two stores are named ${store.name}`);
    if (!(store.roleDefaults.durationSeconds >= MIN_SESSION_SECONDS)) {
      throw new TypeError(`store ${store.name}: sessions last ${MIN_SESSION_SECONDS} seconds or more`);
    }
    const health = { name: `sts:${store.name}`, state: 'ok' } as const;
    const policyFor = createPolicyPlanner(store.iamEscapes, isTooLarge);
    states.set(store.name, { store, assumeRole: createAssumeRole(store, options), policyFor, health });
  }
  return states;
}

/** A refusal is an answer: STS works, and other roles may well be had. */
function healthAfter(name: string, error: unknown): HealthReport {
  if (!(error instanceof GatewayError)) return { name, state: 'degraded', detail: 'unexpected failure' };
  if (error.code === 'AccessDeniedByStore' || error instanceof PolicyTooLargeError) return { name, state: 'ok' };
  return { name, state: 'degraded', detail: error.detail ?? error.code };
}

/**
 * SHA-256 of all inputs of AssumeRole but the duration, and of the binding: a session serves whoever asks for the same,
 * as long as it lasts. The end of the caller's token is not an input; it is checked at every use.
 */
function cacheKey(asked: AssumeRolePlan, { roleDefaults }: StsStore): string {
  const { storeName, roleArn, sessionName: name, sourceIdentity, sessionPolicy, binding } = asked;
  return digest([storeName, roleArn, name, sourceIdentity, roleDefaults.externalId, sessionPolicy, binding]);
}

function getOrSet<K extends WeakKey, V>(map: WeakMap<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
