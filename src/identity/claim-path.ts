/**
 * Where in a token a claim stands: a name is that of a member at the top, whatever it holds; a JSON pointer, which
 * begins with `/`, leads through objects, and never through lists. Both are configuration's, never the token's.
 * @see RFC 6901
 */
import { member, type JsonObject } from './strict-json.ts';

/** Reads the value that a path leads to; `undefined` where there is none. */
export type ClaimReader = (payload: JsonObject) => unknown;

const POINTER = /^(?:\/(?:[^~/]|~[01])+){1,8}$/;
const MAX_LENGTH = 512;

/**
 * Compiles a name or a JSON pointer of 1 to 8 steps.
 * @throws TypeError when it is neither
 */
export const claimReader = (path: string): ClaimReader => {
  if (path === '' || path.length > MAX_LENGTH)
    throw new TypeError(`a claim's name or path has 1 to ${MAX_LENGTH} characters`);
  if (!path.startsWith('/')) return (payload) => member(payload, path);
  if (!POINTER.test(path)) throw new TypeError(`${path} is no JSON pointer of 1 to 8 steps`);
  const steps = path
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  return (payload) => steps.reduce<unknown>((at, step) => (isObject(at) ? member(at, step) : undefined), payload);
};

/** Tells an object from everything else that JSON has. */
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
