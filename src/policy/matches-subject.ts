import type { Principal } from '../contracts/principal.ts';
import type { Policy, Selector } from './policy-schema.ts';

/** Where tokens name their client. @see RFC 9068 section 2.2, OpenID Connect Core section 2 */
export const CLIENT_CLAIMS: readonly string[] = ['client_id', 'azp'];

/** Says whether a policy bears on a principal: one of its subjects matches, and of that subject every line does. */
export function matchesSubject(policy: Policy, principal: Principal): boolean {
  return policy.subjects.some((selector) => selects(selector, principal));
}

function selects({ issuer, group, subject, client }: Selector, principal: Principal): boolean {
  return (
    issuer === principal.issuerName &&
    (group === undefined || principal.groups.includes(group)) &&
    (subject === undefined || subject === principal.subject) &&
    (client === undefined || client === clientOf(principal))
  );
}

/** The claim that names the client which the token was issued to: the first of `CLIENT_CLAIMS` that there is. */
export function clientClaim({ claims }: Principal): string | undefined {
  return CLIENT_CLAIMS.find((claim) => Object.hasOwn(claims, claim));
}

function clientOf(principal: Principal): unknown {
  const claim = clientClaim(principal);
  return claim === undefined ? undefined : principal.claims[claim];
}
