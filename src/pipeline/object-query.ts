import type { ObjectQuery } from '../contracts/stored-objects.ts';
import { storeConditions } from '../s3/request/conditions.ts';
import { isKeptPlain } from '../s3/encryption.ts';
import { partNumberOf } from '../s3/request/store-query.ts';
import type { Credentialed } from './contexts.ts';

/** What a request asks of its object. @throws GatewayError InvalidArgument, NotImplemented */
export function objectQuery({ request, bucket }: Pick<Credentialed, 'request' | 'bucket'>): ObjectQuery {
  const { key, versionId, range, headers } = request;
  return {
    key,
    versionId,
    range,
    partNumber: partNumberOf(request),
    wantsChecksum: headers.get('x-amz-checksum-mode')?.toUpperCase() === 'ENABLED',
    conditions: storeConditions(request, !isKeptPlain(bucket, key)),
  };
}
