/**
 * Whether a store takes the gateway's own keys. Enters: how its STS answered, which may refuse a role and wrong keys in the
 * same words (Ceph RGW). Leaves: whose fault a refusal is, the caller's or the gateway's. What was found out holds for seconds,
 * and is found out once for all who wait, so that callers cannot have it asked more often.
 */
import type { Clock } from '../contracts/clock.ts';
import type { HealthProbe } from '../contracts/health.ts';
import type { Observer } from '../contracts/observer.ts';
import { GatewayError, type StoreRefusal } from '../errors/gateway-error.ts';
import { createSingleFlight } from '../platform/single-flight.ts';
import { refusesKeys } from './sts-failure.ts';

/** What a store said of the keys. */
export type KeyVerdict =
  | { readonly keys: 'taken' }
  | { readonly keys: 'refused' | 'unanswered'; readonly detail: string }
  /** It says nothing that tells. */
  | { readonly keys: 'unclear' };

export interface OwnKeys extends HealthProbe {
  /** STS gave a session for these keys. */
  readonly worked: () => void;
  /** Gives the failure of STS as the caller is to have it: a refusal of the gateway's own keys is ServiceUnavailable. */
  readonly blame: (error: unknown) => Promise<unknown>;
}

export interface OwnKeysOptions {
  readonly storeName: string;
  /** Asks the store. Never rejects. `hasWorked`: these keys were given a session, whatever else they may not. */
  readonly ask: (hasWorked: boolean) => Promise<KeyVerdict>;
  readonly clock: Clock;
  readonly observer: Pick<Observer, 'event'>;
}

/** How long a verdict holds, and the least time between two questions. */
const FRESH_MS = 5000;

/** Makes it; nothing is known yet, and nothing is asked until somebody is refused. */
export function createOwnKeys({ storeName, ask, clock, observer }: OwnKeysOptions): OwnKeys {
  const asking = createSingleFlight<KeyVerdict>();
  let known: { readonly verdict: KeyVerdict; readonly atMs: number } | undefined;
  let hasWorked = false;
  let told: string | undefined;

  const learn = (verdict: KeyVerdict): KeyVerdict => {
    known = { verdict, atMs: clock.now() };
    if (verdict.keys === 'taken' && told !== undefined) {
      told = undefined;
      observer.event('store_credentials_recovered', { store: storeName });
    } else if (verdict.keys === 'refused' && told !== verdict.detail) {
      told = verdict.detail;
      observer.event('store_credentials_refused', { store: storeName, detail: verdict.detail });
    }
    return verdict;
  };

  const current = (): KeyVerdict | Promise<KeyVerdict> => {
    // A clock that was set back must not make an old verdict young.
    if (known !== undefined && Math.abs(clock.now() - known.atMs) < FRESH_MS) return known.verdict;
    return asking.join(() => ask(hasWorked).then(learn));
  };

  return {
    worked: () => {
      hasWorked = true;
      learn({ keys: 'taken' });
    },
    blame: async (error) => {
      if (!(error instanceof GatewayError) || error.refusal?.by !== 'sts') return error;
      const { refusal, detail = '' } = error;
      if (refusesKeys(refusal.code ?? '')) {
        learn({ keys: 'refused', detail: `its STS answers ${refusal.code}` });
        return blamed(error.code, detail, { ...refusal, keys: 'refused' });
      }
      if (error.code !== 'AccessDeniedByStore') return error;
      const verdict = await current();
      if (verdict.keys === 'unclear') return error;
      if (verdict.keys === 'taken') return blamed(error.code, detail, { ...refusal, keys: 'taken' });
      const why =
        verdict.keys === 'refused'
          ? `the gateway's own keys are refused: ${verdict.detail}`
          : `whether it takes the gateway's own keys could not be found out: ${verdict.detail}`;
      const keys = verdict.keys === 'refused' ? { keys: 'refused' as const } : {};
      return blamed('ServiceUnavailable', `${detail}; ${why}`, { ...refusal, ...keys });
    },
    ask: async () => {
      // Nobody was refused: keys that may only not list buckets are not to be called wrong.
      const verdict = await asking.join(() => ask(true), 'in the background');
      if (verdict.keys !== 'unclear') learn(verdict);
    },
    report: () => {
      const name = `credentials:${storeName}`;
      if (known === undefined) return { name, state: 'unknown', detail: 'not asked yet' };
      const { verdict, atMs: checkedAtMs } = known;
      if (verdict.keys === 'taken') return { name, state: 'ok', checkedAtMs };
      if (verdict.keys === 'unclear') return { name, state: 'unknown', detail: 'the store does not tell', checkedAtMs };
      const what = verdict.keys === 'refused' ? "the gateway's own keys are refused" : 'it could not be asked';
      return { name, state: 'degraded', detail: `${what}: ${verdict.detail}`, checkedAtMs };
    },
  };
}

function blamed(code: GatewayError['code'], detail: string, refusal: StoreRefusal): GatewayError {
  return new GatewayError(code, { detail, refusal });
}
