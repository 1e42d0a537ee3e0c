/**
 * Keeps STS sessions in memory: one call for all who wait for the same one, a new one ahead of expiry while the old one
 * still serves, none beyond its time or its caller's. A failure is kept for a second only, so that a crowd of retries
 * does not become a crowd of calls.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../contracts/clock.ts';
import type { StoreCredentials } from '../contracts/credential-broker.ts';
import type { Observer } from '../contracts/observer.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { createSingleFlight } from '../platform/single-flight.ts';

/** Credentials are used no more this long before they expire: what is signed with them must still be accepted. */
export const SESSION_MARGIN_MS = 60_000;
const FAILURE_KEPT_MS = 1000;
/** A younger session is not dropped: the refusal was of the one before it, or would come again at once. */
const DROPPED_AFTER_MS = 5000;
/** How long a failed renewal is left alone; up to half as long again by chance. */
const RENEWAL_PAUSE_MS = 10_000;

export interface SessionCacheOptions {
  readonly clock: Clock;
  readonly observer: Observer;
  readonly maxSessions: number;
}

export interface SessionCache {
  /**
   * Gives credentials that may be used now, at once where there are some; else they are obtained.
   * @throws GatewayError ExpiredToken (`notAfterMs` has passed), ServiceUnavailable, and whatever `obtain` throws
   */
  readonly get: (
    key: string,
    notAfterMs: number,
    obtain: () => Promise<StoreCredentials>,
  ) => StoreCredentials | Promise<StoreCredentials>;
  /** Drops a session that the store has refused, unless it is new. */
  readonly drop: (key: string) => void;
}

interface Session {
  readonly credentials: StoreCredentials;
  readonly obtainedAtMs: number;
  readonly usableUntilMs: number;
  renewAtMs: number;
}

/** Makes an empty cache. Nothing in it runs by itself: sessions that nobody asks for are not renewed. */
export function createSessionCache({ clock, observer, maxSessions }: SessionCacheOptions): SessionCache {
  const sessions = new LRUCache<string, Session>({ max: maxSessions });
  const failures = new LRUCache<string, { readonly error: unknown; readonly untilMs: number }>({ max: maxSessions });
  const calls = createSingleFlight<Session>();

  const renewed = async (key: string, obtain: () => Promise<StoreCredentials>): Promise<Session> => {
    try {
      const session = sessionOf(await obtain(), clock.now());
      sessions.set(key, session);
      failures.delete(key);
      return session;
    } catch (error) {
      failures.set(key, { error, untilMs: clock.now() + FAILURE_KEPT_MS });
      throw error;
    }
  };
  const join = (key: string, obtain: () => Promise<StoreCredentials>): Promise<Session> =>
    calls.join(() => renewed(key, obtain), key);
  const renew = (key: string, session: Session, obtain: () => Promise<StoreCredentials>): void => {
    session.renewAtMs = clock.now() + RENEWAL_PAUSE_MS * (1 + Math.random() / 2);
    join(key, obtain).catch((error: unknown) => {
      observer.event('sts_renewal_failed', {
        detail: error instanceof GatewayError ? error.message : 'unexpected failure',
      });
    });
  };

  return {
    get: (key, notAfterMs, obtain) => {
      const nowMs = clock.now();
      refuseAfter(notAfterMs, nowMs);
      const kept = sessions.get(key);
      const usable = kept !== undefined && nowMs < kept.usableUntilMs;
      observer.cache('credentials', usable);
      if (usable) {
        if (nowMs >= kept.renewAtMs && notAfterMs > kept.usableUntilMs) renew(key, kept, obtain);
        return kept.credentials;
      }
      const failure = failures.get(key);
      if (failure !== undefined && nowMs < failure.untilMs) throw failure.error;
      return join(key, obtain).then(({ credentials }) => {
        // The call took time, and the caller's own time may have ended in it.
        refuseAfter(notAfterMs, clock.now());
        return credentials;
      });
    },
    drop: (key) => {
      const kept = sessions.get(key);
      if (kept !== undefined && clock.now() - kept.obtainedAtMs >= DROPPED_AFTER_MS) sessions.delete(key);
    },
  };
}

/** @throws GatewayError ExpiredToken once the caller's time has passed */
export function refuseAfter(notAfterMs: number, nowMs: number): void {
  // Written so that a time which is no number refuses too.
  if (nowMs < notAfterMs) return;
  throw new GatewayError('ExpiredToken', { detail: 'the token ended before the store was asked' });
}

/** Renewal falls between 60% and 85% of the life, by chance: many sessions that began together must not end together. */
function sessionOf(credentials: StoreCredentials, nowMs: number): Session {
  const usableUntilMs = credentials.expiresAtMs - SESSION_MARGIN_MS;
  const lifeMs = usableUntilMs - nowMs;
  if (lifeMs <= 0) {
    const detail = 'credentials of STS expire too soon, or the clocks here and there differ';
    throw new GatewayError('ServiceUnavailable', { detail });
  }
  return { credentials, obtainedAtMs: nowMs, usableUntilMs, renewAtMs: nowMs + lifeMs * (0.6 + Math.random() / 4) };
}
