/**
 * Enters: the raw request target. Leaves: bucket, key and query, each percent-decoded exactly once.
 * The path is never normalised and never decoded twice: what is parsed here is what policy sees, what is signed and
 * what is stored. Anything that two parsers could read in two ways is refused.
 */
import { GatewayError } from '../../errors/gateway-error.ts';
import { isBucketName } from '../bucket-name.ts';

export interface RequestTarget {
  /** Empty at service level. */
  readonly bucket: string;
  /** Empty at service and bucket level. */
  readonly key: string;
  readonly query: ReadonlyMap<string, string>;
}

const MAX_KEY_BYTES = 1024;

/** A key, a prefix, a marker and a continuation token, each at its longest and percent-encoded whole. */
const MAX_TARGET_LENGTH = 16_384;

/** Origin-form in visible ASCII; `#` cannot stand in a target, and absolute-form would be routed by its path. */
const ORIGIN_FORM = /^\/[!"$-~]*$/;

const NO_QUERY: ReadonlyMap<string, string> = new Map();

/**
 * Parses a request target: path-style, or below the bucket that the host names (virtual-host.ts).
 * @throws GatewayError InvalidURI, InvalidBucketName, KeyTooLong, InvalidRequest (a query name is repeated)
 * @see RFC 9112 section 3.2.1
 */
export function parseTarget(target: string, bucketOfHost?: string): RequestTarget {
  if (target.length > MAX_TARGET_LENGTH || !ORIGIN_FORM.test(target)) throw new GatewayError('InvalidURI');
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  const query = mark < 0 ? NO_QUERY : parseQuery(target.slice(mark + 1));
  if (bucketOfHost !== undefined) return { bucket: bucketOfHost, key: parseKey(path.slice(1)), query };
  const slash = path.indexOf('/', 1);
  const bucket = slash < 0 ? path.slice(1) : path.slice(1, slash);
  // The bucket is matched as it was sent: an escape in it is no name, so `/a%2Fb` cannot move the border to the key.
  if (path !== '/' && !isBucketName(bucket)) throw new GatewayError('InvalidBucketName');
  return { bucket, key: slash < 0 ? '' : parseKey(path.slice(slash + 1)), query };
}

function parseKey(raw: string): string {
  const key = decodeOnce(raw);
  if (isTooLong(key)) throw new GatewayError('KeyTooLong');
  return key;
}

/** Tells whether a text is over the length of a key, in UTF-8 bytes. */
export function isTooLong(text: string): boolean {
  // UTF-8 takes one to three bytes for each UTF-16 unit: most texts need no counting.
  if (text.length > MAX_KEY_BYTES) return true;
  return text.length * 3 > MAX_KEY_BYTES && Buffer.byteLength(text) > MAX_KEY_BYTES;
}

function parseQuery(raw: string): ReadonlyMap<string, string> {
  if (raw === '') return NO_QUERY;
  const query = new Map<string, string>();
  for (const pair of raw.split('&')) {
    const equals = pair.indexOf('=');
    const name = decodeQuery(equals < 0 ? pair : pair.slice(0, equals));
    if (name === '') throw new GatewayError('InvalidURI', { detail: 'a query parameter has no name' });
    // Of a repeated name one parser takes the first and the next one the last.
    if (query.has(name)) throw new GatewayError('InvalidRequest', { detail: 'a query name is repeated' });
    query.set(name, equals < 0 ? '' : decodeQuery(pair.slice(equals + 1)));
  }
  return query;
}

/** In a query, S3 and its imitations read `+` as a space; in a path it is a plus. */
function decodeQuery(raw: string): string {
  return decodeOnce(raw.includes('+') ? raw.replaceAll('+', ' ') : raw);
}

/** Percent-decodes a text once. @throws GatewayError InvalidURI */
export function decodeOnce(raw: string): string {
  if (!raw.includes('%')) return raw;
  let text: string;
  try {
    // Strict: throws on broken escapes, overlong forms, surrogates and cut sequences.
    text = decodeURIComponent(raw);
  } catch {
    throw new GatewayError('InvalidURI', { detail: 'an escape is malformed or not UTF-8' });
  }
  if (text.includes('\0')) throw new GatewayError('InvalidURI', { detail: 'NUL in the target' });
  return text;
}
