import { CLIENT_CLAIMS, type ClaimValue, type Principal } from '../contracts/principal.ts';
import type { Policy, Selector } from './policy-schema.ts';

/** What of a policy counts for a principal: nothing, its denies, or all of it. */
export type Weight = 'none' | 'denies' | 'all';

/**
 * Says what of a policy counts for a principal: something when one of its subjects matches, and of that subject every
 * line does. Who acts for somebody else has that person's denies, but of the allows only those that name the actor.
 */
export function weightOf(policy: Policy, principal: Principal): Weight {
  const matching = policy.subjects.filter((selector) => selects(selector, principal));
  if (matching.length === 0) return 'none';
  const allows = principal.actor === undefined || matching.some(({ actor }) => actor !== undefined);
  return allows ? 'all' : 'denies';
}

function selects(selector: Selector, principal: Principal): boolean {
  return failingLine(selector, principal) === undefined;
}

/** The first line of a subject that a principal does not match; `undefined`: it matches them all. */
export function failingLine(selector: Selector, principal: Principal): keyof Selector | undefined {
  const { issuer, group, subject, client, claims, actor } = selector;
  if (issuer !== principal.issuerName) return 'issuer';
  if (group !== undefined && !principal.groups.includes(group)) return 'group';
  if (subject !== undefined && subject !== principal.subject) return 'subject';
  if (client !== undefined && client !== clientOf(principal)) return 'client';
  const carriesAll = Object.entries(claims ?? {}).every(([name, value]) => carries(principal, name, value));
  if (!carriesAll) return 'claims';
  return actor === undefined || isActor(selector, principal) ? undefined : 'actor';
}

/** The claim that names the client which the token was issued to: the first of `CLIENT_CLAIMS` that there is. */
export function clientClaim({ claims }: Principal): string | undefined {
  return CLIENT_CLAIMS.find((claim) => Object.hasOwn(claims, claim));
}

function clientOf(principal: Principal): unknown {
  const claim = clientClaim(principal);
  return claim === undefined ? undefined : principal.claims[claim];
}

/** A list carries each of its texts. */
function carries({ claims }: Principal, name: string, value: Exclude<ClaimValue, readonly string[]>): boolean {
  const carried = Object.hasOwn(claims, name) ? claims[name] : undefined;
  return typeof carried === 'object' ? carried.some((each) => each === value) : carried === value;
}

/** A subject means something only together with its issuer, that of an actor too. */
function isActor({ actor, actorIssuer }: Selector, principal: Principal): boolean {
  if (principal.actor === undefined || principal.actor.subject !== actor) return false;
  return (principal.actor.issuer ?? principal.issuer) === (actorIssuer ?? principal.issuer);
}
