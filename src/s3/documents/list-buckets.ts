/**
 * ListBuckets. Enters: the client's query and the names that it may see; or a store's own list. Leaves: a page of them, or
 * what the store says of each.
 */
import { GatewayError } from '../../errors/gateway-error.ts';
import type { S3Request } from '../request/request.ts';
import { S3_NAMESPACE, textElement, XML_DECLARATION } from './xml.ts';
import { childrenOf, textOf } from './xml-reader.ts';
import { readStoreDocument } from './stored-document.ts';

export interface ListedBucket {
  readonly name: string;
  readonly region: string;
  /** RFC 3339; `undefined`: nobody knows. */
  readonly created?: string | undefined;
}

export interface BucketsQuery {
  /** 1 to 10,000; `undefined`: all of them. */
  readonly maxBuckets: number | undefined;
  readonly prefix: string;
  readonly region: string | undefined;
  /** The name behind which the page begins. */
  readonly after: string | undefined;
  /** Whether the client asked for pages at all: S3 tells the regions then. */
  readonly isPaged: boolean;
}

/** Clients that print a date need one. */
const NO_DATE = '1970-01-01T00:00:00.000Z';
const DATE = /^\d{4}-\d\d-\d\dT[\d:.]{8,16}Z$/;
const MAX_BUCKETS = 10_000;
const REGION = /^[a-z0-9-]{1,64}$/;
const PREFIX = /^[a-z0-9.-]{0,63}$/;

/** Reads what is asked. @throws GatewayError InvalidArgument */
export function parseBucketsQuery({ query }: Pick<S3Request, 'query'>): BucketsQuery {
  const max = query.get('max-buckets');
  const token = query.get('continuation-token');
  const region = query.get('bucket-region');
  const prefix = query.get('prefix') ?? '';
  const maxBuckets = max === undefined ? undefined : Number(/^\d{1,5}$/.test(max) ? max : 0);
  if (maxBuckets !== undefined && (maxBuckets < 1 || maxBuckets > MAX_BUCKETS)) throw invalid('max-buckets');
  if (region !== undefined && !REGION.test(region)) throw invalid('bucket-region');
  // No bucket has another name: what no name starts with is an answer, and not an error.
  const after = token === undefined ? undefined : nameIn(token);
  if (token !== undefined && after === undefined) throw invalid('continuation-token');
  return { maxBuckets, prefix, region, after, isPaged: query.size > 0 };
}

/** Gives one page of the buckets, which are in the order of their names, and where the next one begins. */
export function pageOfBuckets<Item extends Pick<ListedBucket, 'name' | 'region'>>(
  buckets: readonly Item[],
  { maxBuckets, prefix, region, after }: BucketsQuery,
): { readonly page: readonly Item[]; readonly next: string | undefined } {
  const wanted = buckets.filter(
    (bucket) =>
      PREFIX.test(prefix) &&
      bucket.name.startsWith(prefix) &&
      (region === undefined || bucket.region === region) &&
      (after === undefined || bucket.name > after),
  );
  const page = wanted.slice(0, maxBuckets ?? wanted.length);
  const last = page.at(-1);
  return { page, next: last === undefined || page.length === wanted.length ? undefined : tokenOf(last.name) };
}

/** Writes ListAllMyBucketsResult; `owner` names the caller. @see Amazon S3 API Reference, "ListBuckets" */
export function writeBuckets(
  page: readonly ListedBucket[],
  { prefix, isPaged }: BucketsQuery,
  { owner, next }: { readonly owner: string; readonly next: string | undefined },
): string {
  const buckets = page.map(
    ({ name, region, created }) =>
      `<Bucket>${textElement('Name', name)}${textElement('CreationDate', created ?? NO_DATE)}` +
      `${isPaged ? textElement('BucketRegion', region) : ''}</Bucket>`,
  );
  return (
    `${XML_DECLARATION}<ListAllMyBucketsResult xmlns="${S3_NAMESPACE}">` +
    `<Owner>${textElement('ID', owner)}${textElement('DisplayName', owner)}</Owner>` +
    `<Buckets>${buckets.join('')}</Buckets>` +
    (next === undefined ? '' : textElement('ContinuationToken', next)) +
    `${prefix === '' ? '' : textElement('Prefix', prefix)}</ListAllMyBucketsResult>`
  );
}

/** Reads when a store's buckets were made, by name. @throws GatewayError InternalError */
export function readBuckets(document: Uint8Array): ReadonlyMap<string, string> {
  const root = readStoreDocument(document, 'ListAllMyBucketsResult', { telling: ['Buckets'] });
  const dates = new Map<string, string>();
  for (const list of childrenOf(root, 'Buckets')) {
    for (const bucket of childrenOf(list, 'Bucket')) {
      const [name, created] = [textOf(bucket, 'Name'), textOf(bucket, 'CreationDate')];
      if (name !== undefined && created !== undefined && DATE.test(created)) dates.set(name, created);
    }
  }
  return dates;
}

/** A name is no secret of anybody who was shown it, and whoever makes one up sees no more than the names behind it. */
const tokenOf = (name: string): string => Buffer.from(name).toString('base64url');

function nameIn(token: string): string | undefined {
  const name = Buffer.from(token, 'base64url').toString('latin1');
  return name !== '' && PREFIX.test(name) && tokenOf(name) === token ? name : undefined;
}

function invalid(name: string): GatewayError {
  return new GatewayError('InvalidArgument', { clientFields: { ArgumentName: name } });
}
