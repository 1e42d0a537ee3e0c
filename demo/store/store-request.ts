/**
 * A request to the embedded store, parsed from the raw target and raw headers. Nothing in it is verified. It refuses
 * what two readers could understand differently: repeated headers and parameters, characters that belong encoded.
 */
import { invalidArgument, StoreError } from './store-error.ts';

export interface StoreRequest {
  readonly method: string;
  /** Path and query as they came. */
  readonly target: string;
  /** Lower-case names. Values hold the bytes of the wire, read as UTF-8. */
  readonly headers: ReadonlyMap<string, string>;
  /** From the host where it stands there, else from the path; empty at service level. */
  readonly bucket: string;
  /** Byte-exact, percent-decoded once; empty at bucket level. */
  readonly key: string;
  readonly query: ReadonlyMap<string, string>;
}

/** @see RFC 3986 section 3.3; every other character must come percent-encoded. */
const TARGET = /^\/(?:[A-Za-z0-9/._~!$&'()*+,;=:@?-]|%[0-9A-Fa-f]{2})*$/;
const MAX_KEY_BYTES = 1024;

/** @throws StoreError InvalidURI, InvalidArgument, InvalidBucketName, KeyTooLongError */
export function parseStoreRequest(method: string, target: string, rawHeaders: readonly string[]): StoreRequest {
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  if (!TARGET.test(target)) throw invalidUri();
  const headers = parseHeaders(rawHeaders);
  const hosted = bucketOfHost(headers.get('host') ?? '');
  // With the bucket put back in front, a path is the one that path style has.
  const whole = hosted === undefined ? path : `/${hosted}${path}`;
  const slash = whole.indexOf('/', 1);
  const bucket = slash < 0 ? whole.slice(1) : whole.slice(1, slash);
  const key = slash < 0 ? '' : decode(whole.slice(slash + 1));
  if (bucket !== '' && !/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket))
    throw new StoreError('InvalidBucketName', 400, 'The specified bucket is not valid.');
  if (bucket === '' && path !== '/') throw invalidUri();
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) throw new StoreError('KeyTooLongError', 400, 'Your key is too long.');
  return {
    method,
    target,
    headers,
    bucket,
    key,
    query: parseQuery(mark < 0 ? '' : target.slice(mark + 1)),
  };
}

/** `bucket.localhost`, with any port; undefined where the host is the store's own. */
function bucketOfHost(host: string): string | undefined {
  return /^(.+)\.localhost(?::\d+)?$/.exec(host)?.[1];
}

function parseHeaders(rawHeaders: readonly string[]): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]?.toLowerCase() ?? '';
    // Node reads header bytes as Latin-1; signatures are made over the bytes.
    const bytes = Buffer.from(rawHeaders[index + 1] ?? '', 'latin1');
    const value = bytes.toString('utf8');
    if (!Buffer.from(value, 'utf8').equals(bytes)) throw invalidArgument(`Header ${name} is not UTF-8.`);
    if (headers.has(name)) throw invalidArgument(`Header ${name} is repeated.`);
    headers.set(name, value);
  }
  return headers;
}

function parseQuery(text: string): ReadonlyMap<string, string> {
  const query = new Map<string, string>();
  for (const piece of text.split('&').filter((part) => part !== '')) {
    const equals = piece.indexOf('=');
    const name = decode((equals < 0 ? piece : piece.slice(0, equals)).replaceAll('+', ' '));
    if (name === '' || query.has(name)) throw invalidArgument('A query parameter is empty or repeated.');
    query.set(name, equals < 0 ? '' : decode(piece.slice(equals + 1).replaceAll('+', ' ')));
  }
  return query;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalidUri();
  }
}

function invalidUri(): StoreError {
  return new StoreError('InvalidURI', 400, "Couldn't parse the specified URI.");
}
