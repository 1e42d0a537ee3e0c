/**
 * Principal -> credentials that a client signs with, and back. Nothing is stored: the token carries the identity, sealed,
 * and the secret follows from keys of configuration, so that every replica opens what another one issued. A session
 * never outlives the token that it was issued for, and nothing here ever sees a credential of a store.
 */
import { hash, randomBytes } from 'node:crypto';
import type { ClientSessions } from '../contracts/client-sessions.ts';
import type { Clock } from '../contracts/clock.ts';
import type { Observer } from '../contracts/observer.ts';
import type { Principal } from '../contracts/principal.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { derived } from '../platform/derived.ts';
import type { SigningCredentials } from '../sigv4/signing-key.ts';
import { createIdentityCache } from './identity-cache.ts';
import { invalidSession } from './refuse.ts';
import { readSessionClaims, writeSessionClaims, type SessionPrincipal } from './session-claims.ts';
import { createSessionSeal, MAX_TOKEN_LENGTH, type SessionKeys } from './session-seal.ts';

export interface ClientSessionsOptions {
  /** Another object when they change. */
  readonly keys: () => SessionKeys;
  /** Tokens of one deployment are refused by every other one, even where both have the same keys. */
  readonly deploymentId: string;
  readonly defaultSeconds: number;
  readonly maxSeconds: number;
  /** Default 900, or `defaultSeconds` where that is less. A token that ends sooner still ends its session. */
  readonly minSeconds?: number;
  readonly clock: Clock;
  readonly observer: Observer;
  /** The authorizer's: cuts an identity down to what policies look at; asked where the whole does not fit. */
  readonly relevant: (principal: Principal) => Principal;
  /** The `iss` of each configured issuer by its name: policies go by the name, which may be another issuer's since. */
  readonly issuers: ReadonlyMap<string, string>;
  /** Opened sessions kept. Default 10,000. */
  readonly cacheEntries?: number;
}

/** One session, the same object for every request of it while it is kept: caches elsewhere hang on its parts. */
export interface OpenedSession {
  readonly principal: SessionPrincipal;
  readonly credentials: SigningCredentials;
}

export interface OpenableSessions extends ClientSessions {
  /**
   * Opens a session token. Verified: issued here, not over; who sends it is not, that takes the signature.
   * @throws GatewayError InvalidSession, ExpiredSession
   */
  readonly open: (token: string, nowMs: number) => OpenedSession;
}

const USUAL_MIN_SECONDS = 900;
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/**
 * Makes the sessions of one deployment.
 * @throws TypeError when the keys, the deployment's name or the durations are not sound
 * @see docs/spec/session-token.md
 */
export const createClientSessions = (options: ClientSessionsOptions): OpenableSessions => {
  const { clock, observer, relevant, issuers, defaultSeconds, maxSeconds } = options;
  const minSeconds = options.minSeconds ?? Math.min(USUAL_MIN_SECONDS, defaultSeconds);
  if (!(minSeconds > 0 && minSeconds <= defaultSeconds && defaultSeconds <= maxSeconds && maxSeconds < Infinity)) {
    throw new TypeError('sessions: 0 < minSeconds <= defaultSeconds <= maxSeconds');
  }
  // Sessions of a key that is no more are opened no more, those that were kept among them.
  const sealed = derived(options.keys, (keys) => ({
    seal: createSessionSeal(keys, options.deploymentId),
    opened: createIdentityCache<OpenedSession>({ clock, maxEntries: options.cacheEntries }),
  }));
  sealed();

  const issue: ClientSessions['issue'] = (principal, seconds = defaultSeconds) => {
    const { seal } = sealed();
    const nowMs = clock.now();
    const lifeMs = Math.min(Math.max(seconds, minSeconds), maxSeconds) * 1000;
    const { sessionsEndAtMs = Infinity } = principal;
    const expiresAtMs = Math.floor(Math.min(nowMs + lifeMs, principal.expiresAtMs, sessionsEndAtMs) / 1000) * 1000;
    // Written so that a time which is no number refuses too.
    if (!(expiresAtMs > nowMs)) throw new GatewayError('ExpiredToken');
    const accessKeyId = newAccessKeyId();
    const whole = { ...principal, expiresAtMs, accessKeyId };
    // Whole where it fits, so that a rule that is written later about another group holds for this session too.
    const { token, keyId } = seal.seal(writeSessionClaims(whole) ?? cut(whole, relevant(principal)));
    const secretAccessKey = seal.secretAccessKey(keyId, accessKeyId);
    return { accessKeyId, secretAccessKey, sessionToken: token, expiresAtMs };
  };

  const openAnew = (token: string): OpenedSession => {
    const { seal } = sealed();
    const { plaintext, keyId } = seal.open(token);
    const principal = readSessionClaims(plaintext);
    if (principal === undefined) throw invalidSession('what it holds is not understood');
    const { accessKeyId, issuerName, issuer } = principal;
    if (issuers.get(issuerName) !== issuer) throw invalidSession('its issuer is not configured, or not by this name');
    const secretAccessKey = seal.secretAccessKey(keyId, accessKeyId);
    return { principal, credentials: { accessKeyId, secretAccessKey, sessionToken: undefined } };
  };

  const open: OpenableSessions['open'] = (token, nowMs) => {
    if (token.length > MAX_TOKEN_LENGTH) throw invalidSession('longer than any that is issued');
    const { opened } = sealed();
    const digest = hash('sha256', token, 'base64');
    const kept = opened.get(digest);
    observer.cache('session', kept !== undefined);
    const session = kept ?? openAnew(token);
    if (!(nowMs < session.principal.expiresAtMs)) {
      opened.delete(digest);
      throw new GatewayError('ExpiredSession');
    }
    if (kept === undefined) opened.set(digest, session, session.principal.expiresAtMs);
    return session;
  };

  return { issue, open };
};

const cut = (whole: SessionPrincipal, { groups, claims }: Principal): Buffer => {
  const bytes = writeSessionClaims({ ...whole, groups, claims });
  if (bytes === undefined) throw new GatewayError('SessionTooLarge');
  return bytes;
};

const newAccessKeyId = (): string =>
  `SPLY${Array.from(randomBytes(16), (byte) => BASE32.charAt(byte % BASE32.length)).join('')}`;
