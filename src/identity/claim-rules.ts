/**
 * What configuration asks of the claims of one issuer, beside signature, audience and end: the same of a JWT and of what
 * an issuer says of an opaque token.
 */
import type { Clock } from '../contracts/clock.ts';
import { CLIENT_CLAIMS } from '../contracts/principal.ts';
import type { RequiredClaim } from '../contracts/issuer-settings.ts';
import { claimReader } from './claim-path.ts';
import { scopesOf } from './claims.ts';
import type { ResolvedIssuerOptions } from './issuer-options.ts';
import { insufficientScope, invalidToken } from './refuse.ts';
import { member, type JsonObject } from './strict-json.ts';

/** Compiles the rules. What it makes throws GatewayError InvalidToken, and InsufficientScope once all else is right. */
export const createClaimRules = (options: ResolvedIssuerOptions, clock: Clock): ((payload: JsonObject) => void) => {
  const { clockSkewSeconds, allowedClients, scopesClaim, requiredScopes } = options;
  const readScopes = scopesClaim === undefined ? undefined : claimReader(scopesClaim);
  const required = Object.entries(options.requiredClaims).map(([name, value]) => ({
    ...{ name, value },
    read: claimReader(name),
  }));

  return (payload) => {
    const iat = member(payload, 'iat');
    if (typeof iat === 'number' && iat > clock.now() / 1000 + clockSkewSeconds) throw invalidToken('iat');
    // Bound to a key that a bearer does not show. @see RFC 7800, RFC 9449 section 7.1
    if (Object.hasOwn(payload, 'cnf')) throw invalidToken('bound to a key (cnf)');
    // A security event or logout token, signed by the same keys for the same audience. @see RFC 8417 section 4.6
    if (Object.hasOwn(payload, 'events')) throw invalidToken('a security event token');
    for (const { name, value, read } of required) {
      if (!isAsRequired(read(payload), value)) throw invalidToken(`required claim ${name}`);
    }
    if (allowedClients !== undefined && !isOfClient(allowedClients, payload)) throw invalidToken('client');
    if (requiredScopes.length === 0) return;
    const claimed = readScopes?.(payload);
    const scopes = claimed === undefined ? [] : scopesOf(claimed);
    if (!requiredScopes.every((scope) => scopes.includes(scope))) throw insufficientScope(requiredScopes);
  };
};

const isAsRequired = (value: unknown, required: RequiredClaim): boolean =>
  typeof required === 'object' ? typeof value === 'string' && required.includes(value) : value === required;

/** All of them: which one an issuer fills in by itself, and which one its clients choose, is not known here. */
const isOfClient = (allowed: readonly string[], payload: JsonObject): boolean => {
  const named = CLIENT_CLAIMS.filter((claim) => Object.hasOwn(payload, claim)).map((claim) => payload[claim]);
  return named.length > 0 && named.every((client) => typeof client === 'string' && allowed.includes(client));
};
