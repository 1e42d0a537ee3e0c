/**
 * Enters: a request and the buckets that it addresses. Leaves: nothing, or a refusal where it expects another owner than the
 * configured one. Asked after the decision only: whoever may not use a bucket learns nothing of whose it is. Where no owner
 * is configured nobody could tell, and to go on would be to confirm it.
 */
import type { Bucket } from '../contracts/bucket.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import type { S3Request } from '../s3/request/request.ts';

/** @throws GatewayError BucketOwnerMismatch, BucketOwnerUnknown */
export function checkExpectedOwner(
  { headers }: Pick<S3Request, 'headers'>,
  bucket: Bucket,
  sourceBucket?: Bucket,
): void {
  check(headers.get('x-amz-expected-bucket-owner'), bucket);
  if (sourceBucket !== undefined) check(headers.get('x-amz-source-expected-bucket-owner'), sourceBucket);
}

function check(expected: string | undefined, { account, name }: Bucket): void {
  if (expected === undefined || expected === account) return;
  const code = account === undefined ? 'BucketOwnerUnknown' : 'BucketOwnerMismatch';
  throw new GatewayError(code, { detail: name });
}
