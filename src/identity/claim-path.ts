/**
 * Where in a token a claim stands: a name is that of a member at the top, whatever it holds; a JSON pointer, which
 * begins with `/`, leads through objects, and never through lists. Both are configuration's, never the token's.
 * @see RFC 6901
 */
import { isClaimPath } from '../contracts/issuer-settings.ts';
import { member, type JsonObject } from './strict-json.ts';

/** Reads the value that a path leads to; `undefined` where there is none. */
export type ClaimReader = (payload: JsonObject) => unknown;

/**
 * Compiles a name or a JSON pointer of 1 to 8 steps.
 * @throws TypeError when it is neither
 */
export const claimReader = (path: string): ClaimReader => {
  if (!isClaimPath(path))
    throw new TypeError(`${path} is neither the name of a claim nor a JSON pointer of 1 to 8 steps`);
  if (!path.startsWith('/')) return (payload) => member(payload, path);
  const steps = path
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  return (payload) => steps.reduce<unknown>((at, step) => (isObject(at) ? member(at, step) : undefined), payload);
};

/** Tells an object from everything else that JSON has. */
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
