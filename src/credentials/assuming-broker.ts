/**
 * For stores with an STS: an allowed access in; what will be asked of STS, and then short-lived credentials, out. Each
 * session is of one identity and one policy, is kept in memory only, and never outlives the caller's token.
 */
import { LRUCache } from 'lru-cache';
import type { Bucket } from '../contracts/bucket.ts';
import type { Clock } from '../contracts/clock.ts';
import type {
  AccessScope,
  AssumeRolePlan,
  CredentialBroker,
  PlannedSession,
  StoreCredentials,
} from '../contracts/credential-broker.ts';
import type { HealthProbe, HealthReport, HealthSource } from '../contracts/health.ts';
import type { Observer } from '../contracts/observer.ts';
import type { Principal } from '../contracts/principal.ts';
import type { StoreToken } from '../contracts/store-tokens.ts';
import { SESSION_SECONDS } from '../contracts/store-access.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import type { ErrorCode } from '../errors/codes.ts';
import { orElse } from '../platform/at-once.ts';
import { createConcurrencyLimit } from '../platform/concurrency-limit.ts';
import { createSingleFlight } from '../platform/single-flight.ts';
import { createAssumeRole } from './assume-role.ts';
import { createAssumeRoleWithWebIdentity } from './assume-role-with-web-identity.ts';
import { createAskOwnKeys } from './ask-own-keys.ts';
import { chainSource } from './base-credentials.ts';
import { digest } from './digest.ts';
import { HARMLESS_ACTION } from './iam-actions.ts';
import { createOwnKeys, type OwnKeys } from './own-keys.ts';
import { createPolicyPlanner, tooLarge, type PolicyPlanner } from './plan-policy.ts';
import { createSessionCache, SESSION_MARGIN_MS } from './session-cache.ts';
import { sessionName } from './session-name.ts';
import { sessionTags } from './session-tags.ts';
import { needsStoreToken, PolicyRefusedError, PolicyTooLargeError } from './sts-failure.ts';
import type { AssumeRole, StsStore } from './sts-store.ts';
import { actionsIn, unknownAmong } from './unknown-actions.ts';

/** Keeps a session that is to last as long as a token from ending moments before it. */
const SLACK_MS = SESSION_MARGIN_MS + 5000;
const MAX_POLICIES_TOO_LARGE = 1000;
/** Sessions that each store's STS is called for at a time for one identity; a quarter of the connections to it. */
const CALLS_PER_IDENTITY = 16;

export interface AssumingBrokerOptions {
  readonly stores: readonly StsStore[];
  readonly clock: Clock;
  readonly observer: Observer;
  /** Sessions kept at most. */
  readonly maxSessions: number;
  /** One call of STS, whole, in milliseconds. */
  readonly stsTimeoutMs: number;
}

/** A broker with what stands behind it. */
export interface ClosableBroker extends CredentialBroker, HealthSource {
  /** Of the gateway's own keys. */
  readonly probes: readonly HealthProbe[];
  readonly close: () => void;
}

interface StoreState {
  readonly store: StsStore;
  readonly assumeRole: AssumeRole;
  policies: PolicyPlanner;
  health: HealthReport;
  /** Absent: it is asked with callers' own tokens. */
  readonly ownKeys: OwnKeys | undefined;
  readonly close: () => void;
  /** What its IAM does not know, and what it was found to know. */
  readonly unknown: Set<string>;
  readonly known: Set<string>;
}

/** What a plan says of an identity in a bucket, whatever it does there. */
type CallerIdentity = Pick<AssumeRolePlan, 'sessionName' | 'sourceIdentity' | 'sessionTags'> & {
  /** Digest of the caller. */
  readonly identity: string;
};

/** Makes the broker of all stores with an STS; they share one cache of sessions. */
export function createAssumingBroker(options: AssumingBrokerOptions): ClosableBroker {
  const { clock, observer, maxSessions, stsTimeoutMs: timeoutMs } = options;
  const policiesTooLarge = new LRUCache<string, true>({ max: MAX_POLICIES_TOO_LARGE });
  const isTooLarge = (policy: string): boolean => policiesTooLarge.has(policy);
  const states = new Map(
    options.stores.map((store): [string, StoreState] => {
      const create = store.method === 'web-identity' ? createAssumeRoleWithWebIdentity : createAssumeRole;
      const base = store.base ?? chainSource(store.region);
      const assumeRole = create({ ...store, base }, { clock, observer, timeoutMs });
      const asking =
        store.method === 'web-identity' ? undefined : createAskOwnKeys(store, { base, clock, observer, timeoutMs });
      const ownKeys = asking && createOwnKeys({ storeName: store.name, ask: asking.ask, clock, observer });
      const close = (): void => {
        assumeRole.close();
        asking?.close();
      };
      const unknown = new Set(store.unknownActions);
      const policies = createPolicyPlanner({ escapes: store.iamEscapes, unknownActions: unknown }, isTooLarge);
      const health: HealthReport = { name: `sts:${store.name}`, state: 'unknown' };
      const known = new Set([HARMLESS_ACTION]);
      return [store.name, { store, assumeRole, ownKeys, close, policies, health, unknown, known }];
    }),
  );
  const sessions = createSessionCache({ clock, observer, maxSessions });
  /** Of what a store's IAM does not know; one at a time for each. */
  const searches = createSingleFlight();
  // Who has token after token, or asks for policy after policy, has a session got for each; the connections to an STS, and
  // the rate that it takes of an account, are everybody's.
  const shares = createConcurrencyLimit(CALLS_PER_IDENTITY, () => {
    const detail = `STS is called for ${CALLS_PER_IDENTITY} sessions of one identity already`;
    return new GatewayError('SlowDown', { detail });
  });
  const callers = new WeakMap<Principal, Map<StsStore, CallerIdentity>>();
  const plans = new WeakMap<Principal, WeakMap<Bucket, AssumeRolePlan>>();

  const stateOf = (storeName: string): StoreState => {
    const state = states.get(storeName);
    if (state !== undefined) return state;
    throw new GatewayError('InternalError', { detail: `store ${storeName} has no STS` });
  };

  const callerOf = (principal: Principal, store: StsStore): CallerIdentity => {
    const ofPrincipal = getOrSet(callers, principal, () => new Map<StsStore, CallerIdentity>());
    const known = ofPrincipal.get(store) ?? describeCaller(principal, store);
    ofPrincipal.set(store, known);
    return known;
  };

  const planOf = (
    principal: Principal,
    bucket: Bucket,
    store: StsStore,
    sessionPolicy: string,
    storeToken?: StoreToken,
  ): AssumeRolePlan => {
    const { identity, ...sessionFields } = callerOf(principal, store);
    const { roleArn } = bucket;
    const { externalId, transitiveTags = [] } = store;
    const what = [store.name, roleArn, externalId, sessionPolicy, storeToken?.digest, ...transitiveTags];
    return Object.freeze({
      ...{ storeName: store.name, roleArn, sessionPolicy, ...sessionFields },
      ...(storeToken === undefined ? {} : { storeToken }),
      sessionKey: digest([identity, ...what]),
      notAfterMs: Math.min(principal.expiresAtMs, storeToken?.expiresAtMs ?? Infinity),
    });
  };

  /** The policy is worked out of the grants of each request; a plan that says another one is never taken for it. */
  const keptPlanOf = (principal: Principal, bucket: Bucket, store: StsStore, sessionPolicy: string): AssumeRolePlan => {
    const ofPrincipal = getOrSet(plans, principal, () => new WeakMap<Bucket, AssumeRolePlan>());
    const known = ofPrincipal.get(bucket);
    if (known?.sessionPolicy === sessionPolicy) return known;
    const planned = planOf(principal, bucket, store, sessionPolicy);
    ofPrincipal.set(bucket, planned);
    return planned;
  };

  const plan: CredentialBroker['plan'] = (principal, scopes, storeToken) => {
    const bucket = soleTarget(scopes);
    const { store, policies } = stateOf(bucket.store.name);
    const sessionPolicy = policies.widest(scopes);
    if (store.method === 'web-identity') {
      if (storeToken === undefined) throw needsStoreToken(store.name);
      // Never kept beside the principal: the token must be gone with its request.
      return { plan: planOf(principal, bucket, store, sessionPolicy, storeToken), principal, scopes };
    }
    return { plan: keptPlanOf(principal, bucket, store, sessionPolicy), principal, scopes };
  };

  /** What to ask for where STS refuses the plan's policy. @throws GatewayError AccessDenied, InvalidRequest */
  const narrowerOf = ({ plan: { storeToken }, principal, scopes }: PlannedSession): AssumeRolePlan => {
    const bucket = soleTarget(scopes);
    const { store, policies } = stateOf(bucket.store.name);
    return planOf(principal, bucket, store, policies.exact(scopes), storeToken);
  };

  const assume = async (state: StoreState, plan: AssumeRolePlan): Promise<StoreCredentials> => {
    const neededSeconds = Math.ceil((plan.notAfterMs - clock.now() + SLACK_MS) / 1000);
    const { sessionSeconds: durationSeconds } = state.store;
    try {
      const credentials = await state.assumeRole.call(
        plan,
        Math.max(SESSION_SECONDS.min, Math.min(durationSeconds, neededSeconds)),
      );
      state.health = { name: state.health.name, state: 'ok', checkedAtMs: clock.now() };
      state.ownKeys?.worked();
      return credentials;
    } catch (failure) {
      const error = (await state.ownKeys?.blame(failure)) ?? failure;
      if (error instanceof PolicyTooLargeError) policiesTooLarge.set(plan.sessionPolicy, true);
      state.health = { ...healthAfter(state.health, error), checkedAtMs: clock.now() };
      throw error;
    }
  };

  /** Looks for actions that made STS refuse a policy, and leaves them out of all later ones. */
  const searchUnknown = async (state: StoreState, plan: AssumeRolePlan): Promise<void> => {
    const { store, unknown, known } = state;
    const unproven = actionsIn(plan.sessionPolicy).filter((action) => !unknown.has(action) && !known.has(action));
    if (unproven.length === 0) return;
    const takes = async (sessionPolicy: string): Promise<boolean> => {
      try {
        await state.assumeRole.call({ ...plan, sessionPolicy }, SESSION_SECONDS.min);
        return true;
      } catch (error) {
        if (error instanceof PolicyRefusedError) return false;
        throw error;
      }
    };
    const found = await unknownAmong(unproven, takes);
    for (const action of unproven) (found.includes(action) ? unknown : known).add(action);
    if (found.length === 0) return;
    state.policies = createPolicyPlanner({ escapes: store.iamEscapes, unknownActions: new Set(unknown) }, isTooLarge);
    observer.event('iam_action_unknown', { store: store.name, actions: found.join(', ') });
  };

  const learnFrom = (plan: AssumeRolePlan): Promise<void> => {
    const state = stateOf(plan.storeName);
    return searches.join(() => searchUnknown(state, plan), plan.storeName);
  };

  const sessionOf = (plan: AssumeRolePlan): StoreCredentials | Promise<StoreCredentials> => {
    const { storeName, sessionName: identity } = plan;
    const state = stateOf(storeName);
    const obtain = () => shares.enter(() => assume(state, plan), `${storeName} ${identity}`);
    return sessions.get(plan.sessionKey, plan.notAfterMs, obtain);
  };

  /** Asks for the narrower session where STS refused the policy. @throws `error`, where it was of something else */
  const narrowed = async (planned: PlannedSession, error: unknown): Promise<StoreCredentials> => {
    if (!(error instanceof PolicyRefusedError)) throw error;
    if (!(error instanceof PolicyTooLargeError)) await learnFrom(planned.plan);
    const narrower = narrowerOf(planned);
    try {
      return await sessionOf(narrower);
    } catch (again) {
      throw refusalOf(again);
    }
  };

  return {
    plan,
    credentials: (planned) =>
      orElse(
        () => sessionOf(planned.plan),
        (error) => narrowed(planned, error),
      ),
    forget: (planned) => {
      sessions.drop(planned.plan.sessionKey);
      if (isTooLarge(planned.plan.sessionPolicy)) sessions.drop(narrowerOf(planned).sessionKey);
    },
    health: () =>
      [...states.values()].flatMap(({ health, ownKeys }) => [
        health,
        ...(ownKeys === undefined ? [] : [ownKeys.report()]),
      ]),
    probes: [...states.values()].flatMap(({ ownKeys }) => ownKeys ?? []),
    close: () => {
      for (const { close } of states.values()) close();
    },
  };
}

/** The bucket of the first scope; one session of one role serves all of them, or none. */
export function soleTarget(scopes: readonly AccessScope[]): Bucket {
  const bucket = scopes[0]?.bucket;
  const together = scopes.every(
    (scope) =>
      (scope.accesses.length > 0 || scope.listsBuckets === true) &&
      scope.bucket.store.name === bucket?.store.name &&
      scope.bucket.roleArn === bucket.roleArn,
  );
  if (bucket !== undefined && together) return bucket;
  const detail = 'a request must have accesses, and all of them in one store and by one role';
  throw new GatewayError('InternalError', { detail });
}

const refusalOf = (error: unknown): unknown => (error instanceof PolicyTooLargeError ? tooLarge() : error);

const ANSWERS: ReadonlySet<ErrorCode> = new Set(['AccessDeniedByStore', 'InvalidToken', 'ExpiredToken']);

/**
 * A refusal is an answer, and says nothing of others: who is refused may be one caller, or, where nobody can tell whether the
 * gateway's own keys are taken, everybody.
 */
function healthAfter({ name, state }: HealthReport, error: unknown): HealthReport {
  if (!(error instanceof GatewayError)) return { name, state: 'degraded', detail: 'unexpected failure' };
  if (error instanceof PolicyTooLargeError) return { name, state: 'ok' };
  if (ANSWERS.has(error.code))
    return { name, state: state === 'ok' || error.refusal?.keys === 'taken' ? 'ok' : 'unknown' };
  return { name, state: 'degraded', detail: error.detail ?? error.code };
}

/**
 * Whoever differs in any of these shares no session, even where STS would get the same request. The end of the token is
 * not among them; it is checked at every use.
 */
function describeCaller(principal: Principal, { sourceIdentity, sessionTags: rules = {} }: StsStore): CallerIdentity {
  const { issuer, subject, actor, binding, groups } = principal;
  const name = sessionName(issuer, subject, actor);
  const tags = sessionTags(principal, rules);
  const acting = actor === undefined ? undefined : digest([actor.issuer, actor.subject]);
  return {
    sessionName: name,
    sourceIdentity: sourceIdentity ? name : undefined,
    ...(tags.length === 0 ? {} : { sessionTags: tags }),
    identity: digest([
      ...[issuer, subject, acting, binding, digest(groups.toSorted()), digest(tags.flat())],
      sourceIdentity ? name : undefined,
    ]),
  };
}

function getOrSet<K extends WeakKey, V>(map: WeakMap<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
