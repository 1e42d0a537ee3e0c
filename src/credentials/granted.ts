/**
 * Grants and an access in; whether it is granted out. The authorizer has decided this before. It is asked again here,
 * in other words, because what follows asks a store for power.
 */
import type { Access, Grant } from '../contracts/authorizer.ts';

export type Scope = Grant['scope'];

/** Whether some allow covers the access whole and no deny touches it. */
export function granted(grants: readonly Grant[], access: Access): boolean {
  if (access.kind === 'bucket') {
    return access.document !== undefined && grants.some(({ effect }) => effect === 'allow');
  }
  const relevant = grants.filter(({ verbs }) => verbs.includes(access.verb));
  return (
    relevant.some(({ effect, scope }) => effect === 'allow' && covers(scope, access)) &&
    !relevant.some(({ effect, scope }) => effect === 'deny' && touches(scope, access))
  );
}

function covers(scope: Scope, access: Exclude<Access, { kind: 'bucket' }>): boolean {
  switch (access.kind) {
    case 'object':
      return holds(scope, access.key);
    case 'listing':
      return coversListing(scope, access.prefix);
    case 'admin':
      return coversListing(scope, '');
  }
}

function touches(scope: Scope, access: Exclude<Access, { kind: 'bucket' }>): boolean {
  switch (access.kind) {
    case 'object':
      return holds(scope, access.key);
    case 'listing':
      return access.filtered === true ? coversListing(scope, access.prefix) : overlap(scope, { prefix: access.prefix });
    case 'admin':
      return true;
  }
}

/** Whether a key lies in a scope. */
export const holds = (scope: Scope, key: string): boolean =>
  'key' in scope ? scope.key === key : key.startsWith(scope.prefix);

/** A scope of one key allows no listing: a listing of its name would show every longer name as well. */
export const coversListing = (scope: Scope, prefix: string): boolean =>
  'prefix' in scope && prefix.startsWith(scope.prefix);

/** Whether some key lies in both. */
export function overlap(one: Scope, other: Scope): boolean {
  if ('key' in one) return holds(other, one.key);
  if ('key' in other) return holds(one, other.key);
  return one.prefix.startsWith(other.prefix) || other.prefix.startsWith(one.prefix);
}
