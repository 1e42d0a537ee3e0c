/**
 * Literal scopes: what one rule's scope matches of an access. Bytes as given: no patterns, no case folding, no
 * normalisation. An operator that is not known throws here, when policies are compiled, and not never.
 */
import { GatewayError } from '../errors/gateway-error.ts';
import type { Access } from '../contracts/authorizer.ts';
import type { ListedParts } from '../s3/listed-parts.ts';
import type { Scope } from './policy-schema.ts';

export type Matcher = (access: Access) => boolean;

/**
 * Compiles a scope. An allow matches a listing that it covers whole, markers included; a deny matches a listing that
 * would show anything in its scope. The bucket itself is touched by every scope and covered by the empty prefix alone.
 * @throws GatewayError InternalError (an operator or operand that is not understood)
 */
export function compileScope(effect: 'allow' | 'deny', scope: Scope): Matcher {
  const [operator, operand] = soleEntry(scope);
  switch (operator) {
    case 'key':
      return (access) => {
        if (access.kind === 'object') return access.key === operand;
        if (effect === 'allow' || access.kind === 'bucket') return false;
        return access.kind === 'admin' || operand.startsWith(access.prefix);
      };
    case 'prefix':
      return (access) => {
        if (access.kind === 'object') return access.key.startsWith(operand);
        if (access.kind === 'admin') return effect === 'deny' || operand === '';
        if (access.kind !== 'listing') return false;
        const { prefix, after } = access;
        if (effect === 'deny') return prefix.startsWith(operand) || operand.startsWith(prefix);
        return prefix.startsWith(operand) && after.every((marker) => marker === '' || marker.startsWith(operand));
      };
    default:
      throw new GatewayError('InternalError', { detail: `unknown scope operator ${operator}` });
  }
}

/** Whether every key of `inner` is a key of `outer`. */
export function covers(outer: Scope, inner: Scope): boolean {
  if ('key' in outer) return 'key' in inner && inner.key === outer.key;
  return ('key' in inner ? inner.key : inner.prefix).startsWith(outer.prefix);
}

/** Whether a listing in parts has a name. */
export const isShown = ({ prefixes, hidden }: ListedParts, name: string): boolean =>
  prefixes.some((prefix) => name.startsWith(prefix)) && !hidden.some((deny) => covers(deny, { key: name }));

/** The scope in words, after a verb: `everything in reports under 2026/`. */
export function describeScope(bucket: string, scope: Scope): string {
  if ('key' in scope) return `the key ${scope.key} in ${bucket}`;
  return scope.prefix === '' ? `everything in ${bucket}` : `everything in ${bucket} under ${scope.prefix}`;
}

function soleEntry(scope: Scope): [string, string] {
  const entries: [string, unknown][] = Object.entries(scope);
  const [operator, operand] = entries[0] ?? ['', undefined];
  if (entries.length !== 1 || typeof operand !== 'string') {
    throw new GatewayError('InternalError', { detail: 'a scope must be one key or one prefix' });
  }
  return [operator, operand];
}
