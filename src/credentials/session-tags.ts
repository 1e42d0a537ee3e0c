/**
 * Claims of a caller in; tags for the STS session out, which the store's own policies can look at. Two values never give
 * one tag: what STS does not take is escaped, nothing is cut off. Who has a value that does not fit is refused, because
 * a tag that is missing its end could slip through a Deny.
 */
import type { ClaimValue, Principal } from '../contracts/principal.ts';
import type { StsSettings } from '../contracts/store-access.ts';
import { GatewayError } from '../errors/gateway-error.ts';

/** Claims by the tags that are made of them. */
type SessionTagRules = NonNullable<StsSettings['sessionTags']>;

/** What STS takes, in characters. @see https://docs.aws.amazon.com/STS/latest/APIReference/API_Tag.html */
const MAX_VALUE_LENGTH = 256;
/** A tag may also hold `=`, which marks an escape here. */
const ESCAPED = /[^\p{L}\p{Z}\p{N}_.:/+\-@]/gu;
const ESCAPED_IN_LIST = /[^\p{L}\p{Z}\p{N}_./+\-@]/gu;

/**
 * Gives the tags of a caller, in the order of their keys. A claim that the caller lacks gives no tag.
 * @throws GatewayError AccessDenied when a value is longer than a tag may be
 */
export function sessionTags(principal: Principal, rules: SessionTagRules): readonly (readonly [string, string])[] {
  return Object.entries(rules).flatMap(([tag, claim]): [string, string][] => {
    const value = valueOf(principal, claim);
    if (value === undefined) return [];
    const text = tagValue(value);
    if (text.length <= MAX_VALUE_LENGTH) return [[tag, text]];
    const detail = `the claim for session tag ${tag} is longer than the ${MAX_VALUE_LENGTH} characters of a tag`;
    throw new GatewayError('AccessDenied', { detail });
  });
}

/**
 * Makes a cut of principals keep what tags are made of: a session of a caller who has too many claims would else have
 * fewer tags than the caller's token, and slip through a Deny of the store.
 */
export function keepingTagged(
  stores: readonly SessionTagRules[],
  cut: (principal: Principal) => Principal,
): (principal: Principal) => Principal {
  const tagged = new Set(stores.flatMap((rules) => Object.values(rules)));
  return (principal) => {
    const { groups, claims } = cut(principal);
    const kept = Object.entries(principal.claims).filter(([name]) => tagged.has(name));
    return {
      ...principal,
      groups: tagged.has('groups') ? principal.groups : groups,
      claims: { ...claims, ...Object.fromEntries(kept) },
    };
  };
}

/**
 * Writes a value as a tag. Each UTF-16 unit outside the alphabet becomes `=` and four hex digits. A list becomes
 * `:one:two:`, so that a policy can look for `*:two:*`; no single value begins with a colon.
 */
export function tagValue(value: ClaimValue): string {
  if (typeof value === 'object') return [':', ...value.map((item) => `${escape(item, ESCAPED_IN_LIST)}:`)].join('');
  const text = escape(String(value), ESCAPED);
  return text.startsWith(':') ? `${unitsOf(':')}${text.slice(1)}` : text;
}

const escape = (text: string, escaped: RegExp): string => text.replace(escaped, unitsOf);

/** In UTF-16, since a token may hold lone surrogates, which UTF-8 takes for one and the same. */
function unitsOf(text: string): string {
  return text.replace(/[^]/g, (unit) => `=${unit.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`);
}

function valueOf({ subject, issuer, groups, actor, claims }: Principal, claim: string): ClaimValue | undefined {
  switch (claim) {
    case 'sub':
      return subject;
    case 'iss':
      return issuer;
    case 'groups':
      return groups;
    case 'act':
      return actor?.subject;
    default:
      return Object.hasOwn(claims, claim) ? claims[claim] : undefined;
  }
}
