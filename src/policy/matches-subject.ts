import type { Principal } from '../contracts/principal.ts';
import type { Policy, Selector } from './policy-schema.ts';

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

/** The client that the token was issued to. @see RFC 9068 section 2.2, OpenID Connect Core section 2 (`azp`) */
function clientOf({ claims }: Principal): unknown {
  if (Object.hasOwn(claims, 'client_id')) return claims['client_id'];
  return Object.hasOwn(claims, 'azp') ? claims['azp'] : undefined;
}
