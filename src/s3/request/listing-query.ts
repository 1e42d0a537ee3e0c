/**
 * Enters: the query of a listing of objects, versions or uploads, and how its kind is requested, which stands with its
 * operation. Leaves: a typed query, and the query for the store, which always requests URL-encoded keys, so that every key
 * comes back representable, whatever the client requested.
 */
import { GatewayError } from '../../errors/gateway-error.ts';
import { isTooLong } from './request-target.ts';

/** How a kind of listing is requested, of the gateway as of a store. */
export interface ListingKind {
  /** The name of the document that holds a page. */
  readonly document: string;
  /** What tells which listing is meant; undefined: nothing, as it is the plain one. */
  readonly subresource: { readonly name: string; readonly value: string } | undefined;
  /** The parameter with the key to begin after. */
  readonly startAfter: string;
  /** The one that says where to begin within that key; undefined: none does. */
  readonly idMarker: string | undefined;
  /** The element of an entry with what that one takes. */
  readonly entryId: 'VersionId' | 'UploadId' | undefined;
  readonly maxKeys: string;
  /** Whether a page says where the next one begins by its last entry, or by a token of its own. */
  readonly continuesBy: 'entry' | 'token';
  /** Which entries say who owns them. */
  readonly showsOwner: 'always' | 'on-request' | 'never';
}

export interface ListingQuery {
  readonly kind: ListingKind;
  readonly prefix: string;
  readonly delimiter: string;
  /** 0 to 1,000. */
  readonly maxKeys: number;
  /** Whether the client wants keys URL-encoded. */
  readonly urlEncoded: boolean;
  /** Whether each entry says who owns it. */
  readonly showsOwner?: boolean;
  /** The key to begin after: `start-after` of version 2, `key-marker` of versions and uploads, else `marker`. */
  readonly startAfter: string | undefined;
  /** `version-id-marker` or `upload-id-marker`: where to begin within that key. */
  readonly idMarker: string | undefined;
  /** Where to go on by a token: `stored` is the store's own, or empty; `behind` is the name to begin after instead. */
  readonly continuation:
    { readonly shown: string; readonly stored: string; readonly behind?: string | undefined } | undefined;
  /** The keys after which the listing is to begin: policy bounds them as it bounds the prefix. */
  readonly after: readonly string[];
}

const MAX_KEYS = 1000;
const MAX_KEYS_DIGITS = /^\d{1,10}$/;
const ID_MARKER = /^[!-~]{1,1024}$/;
const MAX_INT32 = 2_147_483_647;

/** Gives the query parameters that such a listing takes, beside its subresource. */
export function listingParameters({ startAfter, idMarker, maxKeys, continuesBy, showsOwner }: ListingKind): string[] {
  return [
    ...['prefix', 'delimiter', 'encoding-type', startAfter, maxKeys],
    ...(idMarker === undefined ? [] : [idMarker]),
    ...(continuesBy === 'token' ? ['continuation-token'] : []),
    ...(showsOwner === 'on-request' ? ['fetch-owner'] : []),
  ];
}

/**
 * Reads the parameters of a listing.
 * @throws GatewayError InvalidArgument, KeyTooLong
 */
export function readListingQuery(kind: ListingKind, query: ReadonlyMap<string, string>): ListingQuery {
  const prefix = bounded(query.get('prefix') ?? '');
  const startAfter = query.get(kind.startAfter);
  if (startAfter !== undefined) bounded(startAfter);
  const encoding = query.get('encoding-type');
  if (encoding !== undefined && encoding !== 'url') throw invalid('encoding-type');
  const fetchOwner = query.get('fetch-owner');
  if (fetchOwner !== undefined && fetchOwner !== 'true' && fetchOwner !== 'false') throw invalid('fetch-owner');
  const token = query.get('continuation-token');
  const delimiter = bounded(query.get('delimiter') ?? '');
  const continuation = token === undefined ? undefined : { shown: token, ...openToken(token, { prefix, delimiter }) };
  const begin = continuation?.behind ?? startAfter ?? '';
  return {
    kind,
    prefix,
    delimiter,
    maxKeys: parseMaxKeys(kind.maxKeys, query.get(kind.maxKeys)),
    urlEncoded: encoding === 'url',
    showsOwner: kind.showsOwner === 'always' || fetchOwner === 'true',
    startAfter,
    idMarker: parseIdMarker(kind.idMarker, query, startAfter),
    continuation,
    after: begin === '' ? [] : [begin],
  };
}

/** Gives the query for the store, decoded; it does not name an owner or any other parameter of the client's. */
export function storeListingQuery(listing: ListingQuery): (readonly [string, string])[] {
  const { kind, idMarker } = listing;
  const startAfter = listing.continuation?.behind ?? listing.startAfter;
  const query: (readonly [string, string])[] = [
    ['encoding-type', 'url'],
    [kind.maxKeys, String(listing.maxKeys)],
    ['prefix', listing.prefix],
  ];
  if (kind.subresource !== undefined) query.push([kind.subresource.name, kind.subresource.value]);
  if (listing.delimiter !== '') query.push(['delimiter', listing.delimiter]);
  if (startAfter !== undefined && startAfter !== '') query.push([kind.startAfter, startAfter]);
  if (kind.idMarker !== undefined && idMarker !== undefined) query.push([kind.idMarker, idMarker]);
  const stored = listing.continuation?.stored ?? '';
  if (stored !== '') query.push(['continuation-token', stored]);
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

/**
 * Makes the token of a position of the gateway's own, that of a listing of which policy shows parts. It holds the name behind
 * which the next page begins: one that was shown, or one made of the caller's own rules, and so nothing that is to be sealed.
 * @see docs/adr/0033-filtered-listings.md
 */
export function wrapPosition(name: string, { prefix, delimiter }: Pick<ListingQuery, 'prefix' | 'delimiter'>): string {
  return POSITION + Buffer.from(JSON.stringify([prefix, delimiter, name])).toString('base64url');
}

/** No token of a store is wrapped so that it begins with this. */
const POSITION = '~';

/** An empty token is where every listing begins: S3 takes it. */
function openToken(
  shown: string,
  asked: Pick<ListingQuery, 'prefix' | 'delimiter'>,
): { readonly stored: string; readonly behind?: string } {
  if (shown === '') return { stored: '' };
  if (shown.startsWith(POSITION)) return { stored: '', behind: openPosition(shown, asked) };
  const stored = Buffer.from(shown.slice(shown.indexOf('.') + 1), 'base64url').toString();
  // Compared in the wrapped form: what decodes loosely is not what was handed out.
  if (stored === '' || shown !== wrapToken(stored, asked.prefix)) throw invalid('continuation-token');
  return { stored };
}

function openPosition(shown: string, asked: Pick<ListingQuery, 'prefix' | 'delimiter'>): string {
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(shown.slice(POSITION.length), 'base64url').toString());
  } catch {
    throw invalid('continuation-token');
  }
  const name: unknown = Array.isArray(parts) ? parts[2] : undefined;
  if (typeof name !== 'string' || name === '' || shown !== wrapPosition(name, asked))
    throw invalid('continuation-token');
  return bounded(name);
}

function parseMaxKeys(name: string, text: string | undefined): number {
  if (text === undefined || text === '') return MAX_KEYS;
  const value = MAX_KEYS_DIGITS.test(text) ? Number(text) : Number.NaN;
  if (!(value <= MAX_INT32)) throw invalid(name);
  return Math.min(value, MAX_KEYS);
}

function parseIdMarker(
  name: string | undefined,
  query: ReadonlyMap<string, string>,
  startAfter: string | undefined,
): string | undefined {
  const value = name === undefined ? undefined : query.get(name);
  if (name === undefined || value === undefined || value === '') return undefined;
  // Within which key? S3 ignores the one marker and refuses the other; without its key neither says anything.
  if (!ID_MARKER.test(value) || startAfter === undefined || startAfter === '') throw invalid(name);
  return value;
}

function bounded(text: string): string {
  if (isTooLong(text)) throw new GatewayError('KeyTooLong');
  return text;
}

function invalid(name: string): GatewayError {
  return new GatewayError('InvalidArgument', { clientFields: { ArgumentName: name } });
}
