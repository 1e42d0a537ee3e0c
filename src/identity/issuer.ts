/**
 * One configured issuer: a token that names it in, a Principal out. It verifies with its own keys only, by its own
 * algorithms only, and holds every claim to configuration. Nothing of a token may choose a key's origin.
 */
import { hash } from 'node:crypto';
import { errors, jwtVerify, type JWTVerifyOptions } from 'jose';
import type { Clock } from '../contracts/clock.ts';
import type { HealthReport } from '../contracts/health.ts';
import type { Observer } from '../contracts/observer.ts';
import type { Principal } from '../contracts/principal.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import type { ConcurrencyLimit } from '../platform/concurrency-limit.ts';
import { createClaimRules } from './claim-rules.ts';
import type { UnverifiedToken } from './compact-token.ts';
import { createIntrospection, type Introspection } from './introspection.ts';
import { createIssuerKeys, type KeyGeneration, type KeysAge } from './issuer-keys.ts';
import { resolveIssuerOptions, type IssuerOptions } from './issuer-options.ts';
import { createPrincipals } from './principals.ts';
import { invalidToken, keysUnavailable } from './refuse.ts';
import { member, type JsonObject } from './strict-json.ts';
import { createWaitingLimit } from './waiting-limit.ts';

/** A principal together with the keys that vouched for it: when those change, it has to be verified again. */
export interface Verified {
  readonly principal: Principal;
  readonly keys: KeyGeneration;
  /** Longest time that it may be kept; absent: nothing but the token says. */
  readonly cacheSeconds?: number;
}

/** What a token says, and the keys that have signed it. */
interface Signed {
  readonly payload: JsonObject;
  readonly keys: KeyGeneration;
}

export interface Issuer {
  readonly name: string;
  /** The exact `iss`. */
  readonly issuer: string;
  /**
   * Verifies by the keys at hand, waiting for nobody; `undefined`: none of them is the token's, or the issuer has to be
   * introspected it. `audiences`: instead of the gateway's own, those of which a token must name one.
   * @throws GatewayError InvalidToken, ExpiredToken
   */
  readonly verify: (token: UnverifiedToken, audiences?: readonly string[]) => Promise<Verified | undefined>;
  /** The same after a refresh of the issuer's keys. `wasGood`: as of introspection. @throws GatewayError as `verify`, ServiceUnavailable */
  readonly fetchKeysAndVerify: (
    token: UnverifiedToken,
    audiences?: readonly string[],
    wasGood?: boolean,
  ) => Promise<Verified>;
  /** Limits the callers that wait for a refresh. */
  readonly queue: ConcurrencyLimit;
  /** How its opaque tokens are verified; absent: they are refused. */
  readonly introspection?: Introspection;
  /** Issuers that are taken for this one, and why their tokens cannot be verified. */
  readonly unverifiable: Readonly<Record<string, string>>;
  /** Tells whether these keys are still the issuer's, and not too old. */
  readonly isCurrent: (keys: KeyGeneration) => boolean;
  /** Fetches the keys now. Never rejects: what went wrong is in `health`. */
  readonly refresh: () => Promise<void>;
  readonly keysAge: () => KeysAge;
  readonly health: () => readonly HealthReport[];
  readonly close: () => Promise<void>;
}

/**
 * Makes an issuer and starts to fetch its keys in the background.
 * @throws TypeError when its options are not sound
 */
export const createIssuer = (
  unresolved: IssuerOptions,
  deps: { readonly clock: Clock; readonly observer: Observer },
): Issuer => {
  const options = resolveIssuerOptions(unresolved);
  const { clock, observer } = deps;
  const keys = createIssuerKeys(options, deps);
  const introspection = options.introspection && createIntrospection(options, options.introspection, deps);
  const algorithms: readonly string[] = options.algorithms;
  const types: readonly string[] = options.tokenTypes;
  const checkClaims = createClaimRules(options, clock);
  const principalOf = createPrincipals(options);
  const verifyOptions: JWTVerifyOptions = {
    algorithms: [...algorithms],
    issuer: options.issuer,
    clockTolerance: options.clockSkewSeconds,
    requiredClaims: ['exp'],
    ...(options.maxTokenAgeSeconds !== undefined && { maxTokenAge: options.maxTokenAgeSeconds }),
  };

  const checkHeader = (header: JsonObject): void => {
    const alg = member(header, 'alg');
    if (typeof alg !== 'string' || !algorithms.includes(alg)) throw invalidToken('alg is not among the allowed ones');
    const type = tokenType(member(header, 'typ'));
    if (type === undefined || !types.includes(type)) throw invalidToken('typ is not among the allowed ones');
  };

  const signedBy = async (
    generation: KeyGeneration,
    token: UnverifiedToken,
    audiences: readonly string[] | undefined,
  ): Promise<Signed | undefined> => {
    const expected = {
      currentDate: new Date(clock.now()),
      ...(audiences !== undefined && { audience: [...audiences] }),
    };
    try {
      const { payload } = await jwtVerify(token.compact, generation.getKey, { ...verifyOptions, ...expected });
      return { payload, keys: generation };
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) return undefined;
      throw refusalOf(error);
    }
  };

  const signedByHeld = async (
    token: UnverifiedToken,
    audiences: readonly string[] | undefined,
  ): Promise<Signed | undefined> => {
    checkHeader(token.header);
    const held = keys.current();
    return held && signedBy(held, token, audiences);
  };

  const signedByRenewed = async (token: UnverifiedToken, audiences: readonly string[] | undefined): Promise<Signed> => {
    const unheard = await keys.refreshFor(keyNamed(token.header));
    const renewed = keys.current();
    const signed = renewed && (await signedBy(renewed, token, audiences));
    if (signed !== undefined) return signed;
    // This may be its newest key: the caller's token is not known to be bad.
    if (unheard !== undefined) throw keysUnavailable(options.name, unheard);
    throw invalidToken('no key of the issuer has its kid and alg');
  };

  const byItself = ({ compact, header }: UnverifiedToken, { payload, keys }: Signed): Verified => {
    checkClaims(payload);
    const isAccess = tokenType(member(header, 'typ')) === 'at+jwt';
    return { principal: principalOf(identifiedBy(compact), payload, isAccess), keys };
  };

  /** Absent: JWTs speak for themselves. One that its keys have not signed is never introspected. */
  const introspect = options.introspection?.jwts === true ? introspection?.introspect : undefined;

  const verify: Issuer['verify'] = async (token, audiences) => {
    // What the token does not say of its audience and its subject, the issuer will.
    const introspects = audiences === undefined && introspect !== undefined;
    const signed = await signedByHeld(token, introspects ? undefined : (audiences ?? options.audiences));
    observer.cache('jwks', signed !== undefined);
    return signed && !introspects ? byItself(token, signed) : undefined;
  };

  const fetchKeysAndVerify: Issuer['fetchKeysAndVerify'] = async (token, audiences, wasGood = false) => {
    if (audiences !== undefined || introspect === undefined) {
      return byItself(token, await signedByRenewed(token, audiences ?? options.audiences));
    }
    const signed = (await signedByHeld(token, undefined)) ?? (await signedByRenewed(token, undefined));
    const { compact } = token;
    const found = await introspect(compact, hash('sha256', compact, 'base64'), wasGood, identifiedBy(compact));
    if (found === undefined) throw invalidToken('not active at its issuer');
    return { ...found, keys: signed.keys };
  };

  return {
    name: options.name,
    issuer: options.issuer,
    verify,
    fetchKeysAndVerify,
    queue: createWaitingLimit(options.maxWaiting, `the keys of issuer ${options.name}`),
    isCurrent: (generation) => keys.current() === generation,
    refresh: keys.refresh,
    unverifiable: options.unverifiable,
    ...(introspection !== undefined && { introspection }),
    keysAge: keys.age,
    health: () => [keys.health(), ...(introspection === undefined ? [] : [introspection.health()])],
    close: async () => {
      await Promise.all([keys.close(), introspection?.close()]);
    },
  };
};

/** Not the signature: an ECDSA signature can be varied by its bearer, and would be another token each time. */
const identifiedBy = (compact: string): string => compact.slice(0, compact.lastIndexOf('.'));

/** What a token says of the key that it is to be verified by. */
const keyNamed = (header: JsonObject): string => JSON.stringify([member(header, 'kid'), member(header, 'alg')]);

/** `at+jwt` or `jwt`; absent means `jwt`. Media types ignore case and may drop `application/`. @see RFC 7515 4.1.9 */
const tokenType = (typ: unknown): string | undefined => {
  if (typ === undefined) return 'jwt';
  return typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : undefined;
};

/** jose's errors carry the claims of the token: only their code goes on, and never as a cause. */
const refusalOf = (error: unknown): GatewayError => {
  if (error instanceof errors.JWTExpired) return new GatewayError('ExpiredToken');
  if (error instanceof errors.JWTClaimValidationFailed) return invalidToken(`claim ${error.claim}: ${error.reason}`);
  return invalidToken(error instanceof errors.JOSEError ? error.code : 'the signature could not be verified');
};
