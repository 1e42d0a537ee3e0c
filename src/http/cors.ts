/**
 * Which pages of other origins a browser lets near the gateway. Enters: configured origins, compared letter by letter.
 * Leaves: headers of answers, and the answer to a preflight, which carries no identity and gives none. There is no `*`
 * and no `Access-Control-Allow-Credentials`: identity is a token or a signature, never something that browsers add.
 * @see Fetch Standard, "CORS protocol"
 */
import type { RawRequest } from '../s3/request/request.ts';

export interface CorsOptions {
  readonly origins: readonly string[];
  /** Lower-case names; a final `*` stands for any ending. */
  readonly exposedHeaders: readonly string[];
  readonly maxAgeSeconds: number;
}

type Headers = Readonly<Record<string, string>>;

export interface Cors {
  /** Gives the headers of a preflight's answer; `undefined`: it is refused. */
  readonly preflight: (raw: RawRequest) => Headers | undefined;
  /** Gives what an answer with these headers carries in addition. */
  readonly answer: (raw: RawRequest, headers: Headers) => Headers;
}

const METHODS = new Set(['GET', 'HEAD', 'PUT', 'POST', 'DELETE']);
const HEADER_LIST = /^[A-Za-z0-9-]{1,64}(?: *, *[A-Za-z0-9-]{1,64}){0,63}$/;
const VARY = 'Origin';
const VARY_PREFLIGHT = 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers';

/** Tells whether a request is a browser's question, not a request of its page. */
export function isPreflight({ method, rawHeaders }: RawRequest): boolean {
  return method === 'OPTIONS' && single(rawHeaders, 'origin') !== undefined;
}

/** Makes the rules of configured origins. */
export function createCors({ origins, exposedHeaders, maxAgeSeconds }: CorsOptions): Cors {
  const allowed = new Set(origins);
  const names = new Set(exposedHeaders.filter((name) => !name.endsWith('*')));
  const beginnings = exposedHeaders.filter((name) => name.endsWith('*')).map((name) => name.slice(0, -1));
  const isExposed = (name: string): boolean => names.has(name) || beginnings.some((start) => name.startsWith(start));
  const allowedOrigin = (raw: RawRequest): string | undefined => {
    const origin = single(raw.rawHeaders, 'origin');
    return origin !== undefined && allowed.has(origin) ? origin : undefined;
  };
  return {
    preflight: (raw) => {
      const origin = allowedOrigin(raw);
      const method = single(raw.rawHeaders, 'access-control-request-method');
      if (origin === undefined || method === undefined || !METHODS.has(method)) return undefined;
      const wanted = single(raw.rawHeaders, 'access-control-request-headers') ?? '';
      if (wanted !== '' && !HEADER_LIST.test(wanted)) return undefined;
      return {
        'access-control-allow-origin': origin,
        'access-control-allow-methods': method,
        ...(wanted === '' ? {} : { 'access-control-allow-headers': wanted.toLowerCase() }),
        'access-control-max-age': String(maxAgeSeconds),
        vary: VARY_PREFLIGHT,
      };
    },
    answer: (raw, headers) => {
      const origin = allowedOrigin(raw);
      // Also on answers to others: a cache must not hand a page the answer that was meant for none.
      if (origin === undefined) return { vary: VARY };
      const exposed = Object.keys(headers).filter(isExposed);
      return {
        'access-control-allow-origin': origin,
        ...(exposed.length === 0 ? {} : { 'access-control-expose-headers': exposed.join(', ') }),
        vary: VARY,
      };
    },
  };
}

/** The value of a header that stands exactly once; a repeat is nobody's. */
function single(rawHeaders: readonly string[], name: string): string | undefined {
  let found: string | undefined;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() !== name) continue;
    if (found !== undefined) return undefined;
    found = rawHeaders[index + 1];
  }
  return found;
}
