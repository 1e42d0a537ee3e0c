/**
 * Enters: the query of ListObjects or ListObjectsV2. Leaves: a typed query, and the query to put to the store.
 * The store is always asked for URL-encoded keys, so that every key comes back representable, whatever the client asked.
 */
import { GatewayError } from '../errors/gateway-error.ts';
import { isTooLong } from './request-target.ts';
import type { S3Request } from './request.ts';

export interface ListingQuery {
  readonly version: 1 | 2;
  readonly prefix: string;
  readonly delimiter: string;
  /** 0 to 1,000. */
  readonly maxKeys: number;
  /** Whether the client wants keys URL-encoded. */
  readonly urlEncoded: boolean;
  /** `marker` of version 1, `start-after` of version 2. */
  readonly startAfter: string | undefined;
  readonly continuation: { readonly shown: string; readonly stored: string } | undefined;
  /** The keys after which the listing is to begin: policy bounds them as it bounds the prefix. */
  readonly after: readonly string[];
}

const MAX_KEYS = 1000;
const MAX_KEYS_DIGITS = /^\d{1,10}$/;
const MAX_INT32 = 2_147_483_647;

/**
 * Reads the parameters of a listing.
 * @throws GatewayError InvalidArgument, KeyTooLong
 */
export function parseListing(request: Pick<S3Request, 'operation' | 'query'>): ListingQuery {
  const { query } = request;
  const version = request.operation === 'ListObjectsV2' ? 2 : 1;
  const prefix = bounded(query.get('prefix') ?? '');
  const startAfter = query.get(version === 2 ? 'start-after' : 'marker');
  if (startAfter !== undefined) bounded(startAfter);
  const encoding = query.get('encoding-type');
  if (encoding !== undefined && encoding !== 'url') throw invalid('encoding-type');
  const fetchOwner = query.get('fetch-owner');
  // Accepted, and without effect: the owner of everything in the store is the gateway's own account.
  if (fetchOwner !== undefined && fetchOwner !== 'true' && fetchOwner !== 'false') throw invalid('fetch-owner');
  const token = query.get('continuation-token');
  return {
    version,
    prefix,
    delimiter: bounded(query.get('delimiter') ?? ''),
    maxKeys: parseMaxKeys(query.get('max-keys')),
    urlEncoded: encoding === 'url',
    startAfter,
    continuation: token === undefined ? undefined : { shown: token, stored: openToken(token, prefix) },
    after: startAfter === undefined || startAfter === '' ? [] : [startAfter],
  };
}

/** Gives the query for the store, decoded; it does not name an owner or any other parameter of the client's. */
export function storeListingQuery(listing: ListingQuery): (readonly [string, string])[] {
  const query: (readonly [string, string])[] = [
    ['encoding-type', 'url'],
    ['max-keys', String(listing.maxKeys)],
    ['prefix', listing.prefix],
  ];
  if (listing.version === 2) query.push(['list-type', '2']);
  if (listing.delimiter !== '') query.push(['delimiter', listing.delimiter]);
  if (listing.startAfter !== undefined && listing.startAfter !== '') {
    query.push([listing.version === 2 ? 'start-after' : 'marker', listing.startAfter]);
  }
  if (listing.continuation !== undefined) query.push(['continuation-token', listing.continuation.stored]);
  return query;
}

/**
 * Wraps a store's continuation token together with the prefix that it was given for.
 *
 * The wrapper is no seal, and need not be one. A store's token says where to go on, never what may be seen: the prefix
 * goes along with every page, the reader drops an answer with a key outside of it (listing-result.ts), and the session
 * policy bounds `s3:prefix` at the store. The wrapper makes a token used with another prefix an error, as in S3,
 * instead of a page from somewhere else.
 */
export function wrapToken(stored: string, prefix: string): string {
  return `${Buffer.from(prefix).toString('base64url')}.${Buffer.from(stored).toString('base64url')}`;
}

function openToken(shown: string, prefix: string): string {
  const stored = Buffer.from(shown.slice(shown.indexOf('.') + 1), 'base64url').toString();
  // Compared in the wrapped form: what decodes loosely is not what was handed out.
  if (stored === '' || shown !== wrapToken(stored, prefix)) throw invalid('continuation-token');
  return stored;
}

function parseMaxKeys(text: string | undefined): number {
  if (text === undefined || text === '') return MAX_KEYS;
  const value = MAX_KEYS_DIGITS.test(text) ? Number(text) : Number.NaN;
  if (!(value <= MAX_INT32)) throw invalid('max-keys');
  return Math.min(value, MAX_KEYS);
}

function bounded(text: string): string {
  if (isTooLong(text)) throw new GatewayError('KeyTooLong', 'receive');
  return text;
}

function invalid(name: string): GatewayError {
  return new GatewayError('InvalidArgument', 'receive', { clientFields: { ArgumentName: name } });
}
