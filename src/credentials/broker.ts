/**
 * An allowed access in; what will be asked of STS, and then the store's short-lived credentials, out. These are no wider
 * than the grants, are kept in memory only, and never outlive the caller's token. What is asked can be recorded before
 * anything is asked.
 */
import { LRUCache } from 'lru-cache';
import type { Access, Grant } from '../contracts/authorizer.ts';
import type { Bucket } from '../contracts/bucket.ts';
import type { Clock } from '../contracts/clock.ts';
import type { AssumeRolePlan, CredentialBroker, StoreCredentials } from '../contracts/credential-broker.ts';
import type { HealthReport, HealthSource } from '../contracts/health.ts';
import type { Observer } from '../contracts/observer.ts';
import type { Principal } from '../contracts/principal.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { createAssumeRole, type AssumeRole, type AssumeRoleOptions, type StsStore } from './assume-role.ts';
import { digest } from './digest.ts';
import { createSessionCache, SESSION_MARGIN_MS } from './session-cache.ts';
import { sessionName } from './session-name.ts';
import { sessionPolicies, type SessionPolicies } from './session-policies.ts';
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
  const states = storeStates(options.stores, { clock, observer, timeoutMs: stsTimeoutMs });
  const sessions = createSessionCache({ clock, observer, maxSessions });
  const policiesTooLarge = new LRUCache<string, true>({ max: MAX_POLICIES_TOO_LARGE });
  const policies = new WeakMap<readonly Grant[], WeakMap<Bucket, SessionPolicies>>();
  const plans = new WeakMap<Principal, WeakMap<Bucket, AssumeRolePlan>>();
  const cacheKeys = new WeakMap<AssumeRolePlan, string>();

  const stateOf = (storeName: string): StoreState => {
    const state = states.get(storeName);
    if (state !== undefined) return state;
    throw new GatewayError('InternalError', 'assume-role', { detail: `store ${storeName} has no STS` });
  };

  const keyOf = (asked: AssumeRolePlan, { store }: StoreState): string =>
    getOrSet(cacheKeys, asked, () => cacheKey(asked, store));

  const plan = (principal: Principal, bucket: Bucket, grants: readonly Grant[], access: Access): AssumeRolePlan => {
    const { store } = stateOf(bucket.store.name);
    const ofGrants = getOrSet(policies, grants, () => new WeakMap<Bucket, SessionPolicies>());
    const { shared, sharedCovers, exact } = getOrSet(ofGrants, bucket, () =>
      sessionPolicies(grants, { bucketArn: bucketArn(bucket), iamEscapes: store.iamEscapes }),
    );
    const sharedServes = shared !== undefined && sharedCovers(access) && !policiesTooLarge.has(shared);
    const sessionPolicy = sharedServes ? shared : exact(access);
    if (policiesTooLarge.has(sessionPolicy)) {
      const detail = 'STS finds the session policy of this key or prefix too large';
      throw new GatewayError('AccessDenied', 'assume-role', { detail });
    }
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

function storeStates(stores: readonly StsStore[], options: AssumeRoleOptions): ReadonlyMap<string, StoreState> {
  const states = new Map<string, StoreState>();
  for (const store of stores) {
    if (states.has(store.name)) throw new TypeError(`two stores are named ${store.name}`);
    if (!(store.roleDefaults.durationSeconds >= MIN_SESSION_SECONDS)) {
      throw new TypeError(`store ${store.name}: sessions last ${MIN_SESSION_SECONDS} seconds or more`);
    }
    const health = { name: `sts:${store.name}`, state: 'ok' } as const;
    states.set(store.name, { store, assumeRole: createAssumeRole(store, options), health });
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
 * SHA-256 of all inputs of AssumeRole but the duration: a session serves whoever asks for the same, as long as it lasts. The end of
 * the caller's token is not an input; it is checked at every use.
 */
function cacheKey(asked: AssumeRolePlan, { roleDefaults }: StsStore): string {
  const { storeName, roleArn, sessionName: name, sourceIdentity, sessionPolicy } = asked;
  return digest([storeName, roleArn, name, sourceIdentity, roleDefaults.externalId, sessionPolicy]);
}

/** China and GovCloud are partitions of their own, and a role is in the partition of its buckets. */
function bucketArn({ roleArn, storeBucket }: Bucket): string {
  return `arn:${/^arn:(aws[a-z-]*):/.exec(roleArn)?.[1] ?? 'aws'}:s3:::${storeBucket}`;
}

function getOrSet<K extends WeakKey, V>(map: WeakMap<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
