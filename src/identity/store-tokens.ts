/**
 * A second token of a caller's -> what a store's STS may be asked with. Held to every rule of the caller's own issuer, and to
 * two more: it is the caller's, and this gateway accepts none of its audiences. Whoever sees it at the store could send
 * it here otherwise, and would be the caller. It must never be kept, logged, or put into an error.
 */
import { hash } from 'node:crypto';
import type { Actor, Principal } from '../contracts/principal.ts';
import type { Clock } from '../contracts/clock.ts';
import type { Observer } from '../contracts/observer.ts';
import type { Revocations } from '../contracts/revocations.ts';
import type { StoreToken, StoreTokens } from '../contracts/store-tokens.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { STORE_TOKEN_HEADER } from '../s3/request/request-headers.ts';
import { parseCompactToken } from './compact-token.ts';
import { createIdentityCache } from './identity-cache.ts';
import type { Issuer, Verified } from './issuer.ts';
import { invalidToken } from './refuse.ts';
import { member } from './strict-json.ts';

export interface StoreTokensOptions {
  /** Those of the gateway, which stay the caller's to close. */
  readonly issuers: readonly Issuer[];
  /** By store, of those that take such tokens: the audiences of which a token must name one. */
  readonly audiences: ReadonlyMap<string, readonly string[]>;
  /** Every audience that this gateway accepts, whichever issuer it is of. */
  readonly accepted: ReadonlySet<string>;
  readonly revocations: Revocations;
  readonly clock: Clock;
  readonly observer: Observer;
}

/** What AssumeRoleWithWebIdentity takes, in characters. */
const MAX_TOKEN_LENGTH = 20_000;
/** Of each store. */
const CACHE_BYTES = 16 * 1024 * 1024;
/** Longest time that a verified token is kept. */
const CACHE_MS = 300_000;

/**
 * Makes the verifier of such tokens.
 * @throws TypeError when a store's audiences are none, or one of them is accepted here
 */
export const createStoreTokens = (options: StoreTokensOptions): StoreTokens => {
  const { issuers, accepted, revocations, clock } = options;
  const allAudiences = [...options.audiences.values()].flat();
  const verifiers = new Map(
    [...options.audiences].map(([store, audiences]) => {
      if (audiences.length === 0 || audiences.some((audience) => accepted.has(audience))) {
        throw new TypeError(`store ${store}: audiences of store tokens must be some that are not accepted here`);
      }
      const foreign = allAudiences.filter((audience) => !audiences.includes(audience));
      return [store, createVerifier(audiences, { ...options, refused: new Set([...accepted, ...foreign]) })];
    }),
  );

  const verify = async (verifier: Verifier, token: string | undefined, principal: Principal): Promise<StoreToken> => {
    if (token === undefined) {
      throw new GatewayError('MissingSecurityHeader', {
        clientFields: { MissingHeaderName: STORE_TOKEN_HEADER },
      });
    }
    try {
      const issuer = issuers.find((one) => one.name === principal.issuerName && one.issuer === principal.issuer);
      if (issuer === undefined) throw invalidToken('the caller is of no configured issuer');
      if (token.length > MAX_TOKEN_LENGTH) throw invalidToken('longer than STS takes');
      const digest = hash('sha256', token, 'base64url');
      const known = await verifier(token, digest, issuer);
      if (!isSame(known, principal)) throw invalidToken('of another subject or actor than the caller');
      // At each use: one that ends, or is revoked, must not be served out of the cache.
      if (!(clock.now() < known.expiresAtMs)) throw new GatewayError('ExpiredToken');
      revocations.check(known);
      const { tokenIdHash, expiresAtMs } = known;
      return Object.freeze({ digest, tokenIdHash, expiresAtMs, reveal: () => token });
    } catch (error) {
      throw error instanceof GatewayError ? ofStoreToken(error) : error;
    }
  };

  return {
    verify: (store, token, principal) => {
      const verifier = verifiers.get(store.name);
      return verifier && verify(verifier, token, principal);
    },
  };
};

type Verifier = (token: string, digest: string, issuer: Issuer) => Promise<Principal>;

/** One for each store, with a cache of its own: what is good for one store is not for another. */
const createVerifier = (
  audiences: readonly string[],
  {
    refused,
    clock,
    observer,
  }: Pick<StoreTokensOptions, 'clock' | 'observer'> & { readonly refused: ReadonlySet<string> },
): Verifier => {
  const kept = createIdentityCache<Verified>({ clock, maxBytes: CACHE_BYTES });
  return async (token, digest, issuer) => {
    const entry = kept.get(digest);
    // Keys of another issuer are never this one's.
    const usable = entry !== undefined && issuer.isCurrent(entry.keys);
    observer.cache('token', usable);
    if (usable) return entry.principal;
    const unverified = parseCompactToken(token);
    const verified =
      (await issuer.verify(unverified, audiences)) ??
      (await issuer.queue.enter(() => issuer.fetchKeysAndVerify(unverified, audiences)));
    // Verified by now; the audiences are read from the very bytes that were signed.
    if (namesOneOf(refused, member(unverified.payload, 'aud'))) {
      throw invalidToken('for an audience of this gateway or of another store: the store could send it there');
    }
    kept.set(digest, verified, clock.now() + CACHE_MS);
    return verified.principal;
  };
};

/** Two refusals of one request must be told apart: the caller's own token may well be good. */
const ofStoreToken = ({ code, detail }: GatewayError): GatewayError =>
  new GatewayError(code, {
    detail: `the store token: ${detail ?? code}`,
    clientFields: { Header: STORE_TOKEN_HEADER },
  });

/** What is no text, or no list of texts, is taken for one of them: nobody can say what another reader makes of it. */
const namesOneOf = (audiences: ReadonlySet<string>, aud: unknown): boolean => {
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  return named.length === 0 || named.some((each) => typeof each !== 'string' || audiences.has(each));
};

const isSame = (one: Principal, other: Principal): boolean =>
  one.issuer === other.issuer && one.subject === other.subject && isSameActor(one, other);

/** Where an agent acts for the caller here, it must be the same at the store. */
const isSameActor = (one: Principal, other: Principal): boolean =>
  readActor(one).every((part, index) => part === readActor(other)[index]);

const readActor = ({ actor, issuer }: Principal): readonly [string | undefined, Actor['subject'] | undefined] =>
  actor === undefined ? [undefined, undefined] : [actor.issuer ?? issuer, actor.subject];
