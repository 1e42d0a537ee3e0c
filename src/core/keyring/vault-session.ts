/**
 * A token of Vault that is always good: got by one login however many need it, renewed ahead of its end even while nobody
 * calls, got anew when Vault does not take it any more. The token never leaves but in its header.
 */
import type { Clock } from '../../contracts/clock.ts';
import type { VaultAuth } from '../../contracts/keyring-settings.ts';
import { createSingleFlight } from '../../platform/single-flight.ts';
import type { JsonAnswer } from './json-calls.ts';
import { callVault, logIn, renew, type VaultApi, type VaultToken } from './vault-login.ts';

export interface VaultSessionOptions {
  readonly api: VaultApi;
  readonly auth: VaultAuth;
  readonly clock: Clock;
}

export interface VaultSession {
  /** Calls with the token, and once more with a new one where Vault refused it. @throws GatewayError ServiceUnavailable */
  readonly call: (path: string, body?: object) => Promise<JsonAnswer>;
  /** Ends the renewal. */
  readonly close: () => void;
}

interface HeldToken extends VaultToken {
  readonly gotAtMs: number;
  /** Of the first lease; renewals near the end of the longest life get shorter. */
  readonly firstLeaseSeconds: number;
}

/** A refusal of a token that was got a moment ago is about permission: another login would not help. */
const FRESH_MS = 5000;
/** How long a login that failed speaks for those that come after it. */
const LOGIN_PAUSE_MS = 1000;
/** A timer cannot wait longer; it then looks again. */
const MAX_WAIT_MS = 86_400_000;
const MIN_WAIT_MS = 500;

/** Opens a session; nothing is asked until something is called. */
export function createVaultSession({ api, auth, clock }: VaultSessionOptions): VaultSession {
  let held: HeldToken | undefined;
  const logins = createSingleFlight<HeldToken>();
  let failed: { readonly error: unknown; readonly atMs: number } | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const hold = (token: VaultToken, gotAtMs: number, firstLeaseSeconds: number): HeldToken => {
    held = { ...token, gotAtMs, firstLeaseSeconds };
    schedule(held);
    return held;
  };

  const attempt = async (): Promise<HeldToken> => {
    const startedMs = clock.now();
    if (failed !== undefined && startedMs - failed.atMs < LOGIN_PAUSE_MS) throw failed.error;
    try {
      const token = await logIn(api, auth);
      failed = undefined;
      // Counted from before the call, so that it never seems to live longer than it does.
      return hold(token, startedMs, token.leaseSeconds);
    } catch (error) {
      failed = { error, atMs: clock.now() };
      throw error;
    }
  };

  const logInOnce = (): Promise<HeldToken> => logins.join(attempt);

  const good = async (): Promise<HeldToken> => {
    if (held !== undefined && (held.leaseSeconds === 0 || clock.now() < endOf(held))) return held;
    return logInOnce();
  };

  /** Renews, or logs in where renewal is refused or gives no more than half of the first: the longest life is near. */
  const prolong = async (token: HeldToken): Promise<void> => {
    const startedMs = clock.now();
    if (token.renewable) {
      const renewed = await renew(api, token.token);
      if (renewed !== undefined && (renewed.leaseSeconds === 0 || renewed.leaseSeconds * 2 > token.firstLeaseSeconds)) {
        if (held === token) hold(renewed, startedMs, token.firstLeaseSeconds);
        return;
      }
    }
    if (held === token) await logInOnce();
  };

  const schedule = (token: HeldToken): void => {
    clearTimeout(timer);
    if (closed || token.leaseSeconds === 0) return;
    const leftMs = endOf(token) - clock.now();
    // Two thirds of the lease, and after a failure two thirds of what is left.
    const waitMs = Math.max(MIN_WAIT_MS, Math.min((leftMs * 2) / 3, MAX_WAIT_MS));
    timer = setTimeout(() => {
      if (clock.now() < token.gotAtMs + (token.leaseSeconds * 1000) / 2) schedule(token);
      else {
        prolong(token)
          .catch(() => undefined)
          .finally(() => {
            // Beyond its end the next call logs in.
            if (held === token && clock.now() < endOf(token)) schedule(token);
          });
      }
    }, waitMs);
    timer.unref();
  };

  return {
    call: async (path, body) => {
      const callWith = ({ token }: HeldToken) =>
        callVault(api, { path, token, ...(body === undefined ? {} : { body }) });
      const token = await good();
      const answer = await callWith(token);
      // 403 is also what Vault says to a token that ended or was revoked.
      if (answer.status !== 403 || clock.now() - token.gotAtMs < FRESH_MS) return answer;
      if (held === token) held = undefined;
      return callWith(await good());
    },
    close: () => {
      closed = true;
      clearTimeout(timer);
    },
  };
}

function endOf({ gotAtMs, leaseSeconds }: HeldToken): number {
  return gotAtMs + leaseSeconds * 1000;
}
