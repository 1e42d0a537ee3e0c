/**
 * Enters: a parsed request. Leaves: the query that its operation is put to the store with, listings apart. Named one by one:
 * nothing of the client's query survives that is not here.
 */
import { GatewayError } from '../../errors/gateway-error.ts';
import { MAX_PART_NUMBER } from '../limits.ts';
import type { S3Request } from './request.ts';

type Queried = Pick<S3Request, 'descriptor' | 'query' | 'versionId'>;

/** Gives decoded names and values for the store. Listings have `storeListingQuery` instead. */
export function storeQuery({ descriptor, query, versionId }: Queried): (readonly [string, string])[] {
  const result: (readonly [string, string])[] = [];
  const { subresource, passedParameters } = descriptor;
  if (subresource !== undefined) result.push([subresource.name, query.get(subresource.name) ?? '']);
  for (const name of passedParameters) {
    const value = query.get(name);
    if (value !== undefined) result.push([name, value]);
  }
  if (versionId !== undefined) result.push(['versionId', versionId]);
  return result;
}

/** Gives the part that a read or an upload asks for, 1 to 10,000. @throws GatewayError InvalidArgument */
export function partNumberOf({ query }: Pick<S3Request, 'query'>): number | undefined {
  const text = query.get('partNumber');
  if (text === undefined) return undefined;
  const value = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= MAX_PART_NUMBER) return value;
  throw new GatewayError('InvalidArgument', { clientFields: { ArgumentName: 'partNumber' } });
}
