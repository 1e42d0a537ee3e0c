/** What a request asks to be copied. Each end's conditions are in the store's ETags, after how that end is kept. Pure. */
import type { CopyOrigin, ObjectCopy, PartCopy } from '../contracts/stored-objects.ts';
import { parseChecksumAlgorithm } from '../s3/body/checksums.ts';
import { sourceConditions, storeConditions } from '../s3/request/conditions.ts';
import { isKeptPlain } from '../s3/encryption.ts';
import type { CopySource } from '../s3/request/request.ts';
import { storeHeaders } from '../s3/request/store-headers.ts';
import { partNumberOf } from '../s3/request/store-query.ts';
import { isStoredHeader, storedHeaders } from '../s3/request/stored-headers.ts';
import type { Credentialed } from './contexts.ts';

type RequestContext = Pick<Credentialed, 'request' | 'bucket' | 'sourceBucket'>;

/** Where a copy is from. @throws GatewayError InvalidArgument */
function originOf({ request, bucket, sourceBucket }: RequestContext, { key, versionId }: CopySource): CopyOrigin {
  const encrypted = !isKeptPlain(sourceBucket ?? bucket, key);
  return { key, versionId, conditions: sourceConditions(request, encrypted) };
}

/** CopyObject; `takesTags`: whether tags may go along where the request does not say. @throws GatewayError InvalidArgument, NotImplemented */
export function objectCopyRequest(context: RequestContext, source: CopySource, takesTags = true): ObjectCopy {
  const { request, bucket } = context;
  const { key, headers } = request;
  const encrypted = !isKeptPlain(bucket, key);
  // Tags have a directive of their own, checksums are made here, and both are no headers of what is written.
  const own = Object.entries(storeHeaders(request, { encrypted })).filter(
    ([name]) =>
      !isStoredHeader(name) &&
      !name.startsWith('if-') &&
      name !== 'x-amz-tagging' &&
      name !== 'x-amz-checksum-algorithm',
  );
  const algorithm = headers.get('x-amz-checksum-algorithm');
  const replaces = (directive: string): boolean => headers.get(directive) === 'REPLACE';
  return {
    origin: originOf(context, source),
    key,
    headers: Object.fromEntries(own),
    conditions: storeConditions(request, encrypted),
    kept: replaces('x-amz-metadata-directive') ? storedHeaders(request) : undefined,
    tags: replaces('x-amz-tagging-directive') ? (headers.get('x-amz-tagging') ?? '') : takesTags ? undefined : '',
    checksum: algorithm === undefined ? undefined : parseChecksumAlgorithm(algorithm, 'x-amz-checksum-algorithm'),
  };
}

/** UploadPartCopy. @throws GatewayError InvalidArgument */
export function partCopyRequest(context: RequestContext, source: CopySource): PartCopy {
  const { key, query, headers } = context.request;
  // The form of the header was checked when it was received (accepted-headers.ts).
  const [first, last] = headers.get('x-amz-copy-source-range')?.replace('bytes=', '').split('-').map(Number) ?? [];
  return {
    origin: originOf(context, source),
    upload: { key, uploadId: query.get('uploadId') ?? '' },
    number: partNumberOf(context.request) ?? 0,
    range: first === undefined || last === undefined ? undefined : { first, last },
  };
}
