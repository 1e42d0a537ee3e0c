/**
 * For a store that has no STS: an allowed access in, the store's own long-lived keys out. Nothing narrows them there, so
 * the grants are looked at once more here, and the end of the caller's token holds here too.
 */
import type { Clock } from '../contracts/clock.ts';
import type { AssumeRolePlan, CredentialBroker, StoreCredentials } from '../contracts/credential-broker.ts';
import type { Principal } from '../contracts/principal.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import type { StsStore } from './sts-store.ts';
import { chainSource, type BaseCredentials } from './base-credentials.ts';
import { unspokenPolicy } from './plan-policy.ts';
import { refuseAfter } from './session-cache.ts';
import { sessionName } from './session-name.ts';

/** Makes the broker of one such store. */
export function createStaticBroker(
  { name, base = chainSource('auto') }: Pick<StsStore, 'name' | 'base'>,
  { clock }: { readonly clock: Clock },
): CredentialBroker {
  const known = new WeakMap<BaseCredentials, StoreCredentials>();
  const credentialsOf = (keys: BaseCredentials): StoreCredentials => {
    const { accessKeyId, secretAccessKey, sessionToken, expiration } = keys;
    const credentials = known.get(keys) ?? {
      ...{ accessKeyId, secretAccessKey, sessionToken },
      expiresAtMs: expiration?.getTime() ?? Infinity,
    };
    known.set(keys, credentials);
    return credentials;
  };
  const plans = new WeakMap<Principal, AssumeRolePlan>();
  const planOf = (principal: Principal, roleArn: string, sessionPolicy: string): AssumeRolePlan => {
    const known = plans.get(principal);
    if (known?.roleArn === roleArn) return known;
    const { issuer, subject, actor, expiresAtMs } = principal;
    const identity = sessionName(issuer, subject, actor);
    const plan = Object.freeze({
      ...{ storeName: name, roleArn, sessionName: identity, sourceIdentity: undefined, sessionPolicy },
      ...{ sessionKey: identity, notAfterMs: expiresAtMs },
    });
    plans.set(principal, plan);
    return plan;
  };
  return {
    plan: (principal, scopes) => {
      // Of each request: no store would refuse it.
      const sessionPolicy = unspokenPolicy(scopes);
      return { plan: planOf(principal, scopes[0]?.bucket.roleArn ?? '', sessionPolicy), principal, scopes };
    },
    credentials: async ({ plan }) => {
      refuseAfter(plan.notAfterMs, clock.now());
      const keys = await base.current().catch(() => {
        throw new GatewayError('ServiceUnavailable', {
          detail: `store ${name}: its keys cannot be had`,
        });
      });
      return credentialsOf(keys);
    },
    forget: () => void base.renew(),
  };
}
