/**
 * What somebody who was denied may do instead. Enters: the rules that apply to this caller in this bucket, and what was
 * denied. Leaves: the nearest place of its own for the same verb, in words, and whom to ask. It knows nothing of other
 * callers, nor of what is in the store.
 */
import type { Access, Grant } from '../contracts/authorizer.ts';
import { showable } from '../platform/showable.ts';

/** Allows that are compared: help for people, and no reason to look at thousands. */
const MAX_COMPARED = 100;
/** Characters of a prefix that are worth to be read. */
const MAX_SHOWN = 256;

export interface Instead {
  /** A sentence. */
  readonly instead?: string;
  /** Of the policy that it comes from; where there is no such place, of one that allows something else in the bucket. */
  readonly owner?: string;
}

/** Finds it for what needed these accesses, one of which was denied. */
export function insteadOf(grants: readonly Grant[], accesses: readonly Access[]): Instead {
  const allows = grants.filter(({ effect }) => effect === 'allow');
  const denied = accesses.filter(isPlaced).find((access) => !isGranted(grants, access));
  const found = denied && nearest(grants, allows, denied);
  const owner = (found ?? allows.find((grant) => grant.owner !== undefined))?.owner;
  return {
    ...(denied !== undefined && found !== undefined && { instead: sentence(denied, found.scope) }),
    ...(owner !== undefined && { owner }),
  };
}

type Placed = Extract<Access, { kind: 'object' | 'listing' }>;

const isPlaced = (access: Access): access is Placed => access.kind === 'object' || access.kind === 'listing';
const targetOf = (access: Placed): string => (access.kind === 'object' ? access.key : access.prefix);

function isGranted(grants: readonly Grant[], access: Placed): boolean {
  const holding = grants.filter(({ verbs, scope }) => verbs.includes(access.verb) && holds(scope, targetOf(access)));
  return holding.length > 0 && holding.every(({ effect }) => effect === 'allow');
}

function nearest(grants: readonly Grant[], allows: readonly Grant[], access: Placed): Grant | undefined {
  const target = targetOf(access);
  const denies = grants.filter(({ effect, verbs }) => effect === 'deny' && verbs.includes(access.verb));
  // What holds the target itself is no help: something else denies it there.
  return allows
    .filter(({ verbs, scope }) => verbs.includes(access.verb) && !holds(scope, target))
    .slice(0, MAX_COMPARED)
    .map((grant) => ({ grant, shared: sharedLength(textOf(grant.scope), target) }))
    .sort((a, b) => b.shared - a.shared)
    .find(({ grant }) => !denies.some(({ scope }) => takesAway(scope, grant.scope, access.kind)))?.grant;
}

const textOf = (scope: Grant['scope']): string => ('key' in scope ? scope.key : scope.prefix);

const holds = (scope: Grant['scope'], target: string): boolean =>
  'key' in scope ? scope.key === target : target.startsWith(scope.prefix);

/** Whether a deny leaves nothing of a place; of a listing, which shows all that is below, whether it takes a part. */
function takesAway(deny: Grant['scope'], place: Grant['scope'], kind: Placed['kind']): boolean {
  const text = textOf(place);
  if (kind === 'listing' && textOf(deny).startsWith(text)) return true;
  return 'key' in deny ? 'key' in place && deny.key === place.key : text.startsWith(deny.prefix);
}

function sharedLength(one: string, other: string): number {
  const length = Math.min(one.length, other.length);
  for (let index = 0; index < length; index += 1) if (one[index] !== other[index]) return index;
  return length;
}

function sentence({ verb, bucket }: Placed, scope: Grant['scope']): string {
  const text = textOf(scope);
  const cut = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text;
  return `The nearest ${'key' in scope ? 'key' : 'prefix'} of yours for ${verb}: ${showable(`${bucket}/${cut}`)}`;
}
