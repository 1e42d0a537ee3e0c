/** What the error codes of stores mean here, in answers and inside documents. What is not here is told by its status. */
import type { ErrorCode } from '../errors/codes.ts';

const BY_CODE: ReadonlyMap<string, ErrorCode> = new Map<string, ErrorCode>([
  ['AccessDenied', 'AccessDeniedByStore'],
  ['BucketAlreadyExists', 'BucketAlreadyOwnedByYou'],
  ['BucketAlreadyOwnedByYou', 'BucketAlreadyOwnedByYou'],
  ['BucketNotEmpty', 'BucketNotEmpty'],
  ['ConditionalRequestConflict', 'ConditionalRequestConflict'],
  ['EntityTooLarge', 'EntityTooLarge'],
  ['EntityTooSmall', 'EntityTooSmall'],
  ['InvalidArgument', 'InvalidArgument'],
  ['InvalidBucketState', 'InvalidBucketState'],
  ['InvalidObjectState', 'InvalidObjectState'],
  ['InvalidPart', 'InvalidPart'],
  ['InvalidPartNumber', 'InvalidPartNumber'],
  ['InvalidPartOrder', 'InvalidPartOrder'],
  ['InvalidRange', 'InvalidRange'],
  ['InvalidRequest', 'InvalidRequest'],
  ['InvalidTag', 'InvalidTag'],
  ['KeyTooLongError', 'KeyTooLong'],
  ['MetadataTooLarge', 'MetadataTooLarge'],
  ['MethodNotAllowed', 'MethodNotAllowed'],
  ['NoSuchBucket', 'NoSuchBucket'],
  ['NoSuchKey', 'NoSuchKey'],
  ['NoSuchObjectLockConfiguration', 'NoSuchObjectLock'],
  ['ObjectLockConfigurationNotFoundError', 'NoSuchObjectLock'],
  ['NoSuchTagSet', 'NoSuchTagSet'],
  ['NoSuchTagSetError', 'NoSuchTagSet'],
  ['NoSuchUpload', 'NoSuchUpload'],
  ['NoSuchVersion', 'NoSuchVersion'],
  ['NotImplemented', 'NotImplemented'],
  ['OperationAborted', 'OperationAborted'],
  ['PreconditionFailed', 'PreconditionFailed'],
  ['RequestTimeTooSkewed', 'ServiceUnavailable'],
  ['InternalError', 'ServiceUnavailable'],
  ['ServiceUnavailable', 'ServiceUnavailable'],
  ['SignatureDoesNotMatch', 'InternalError'],
  ['SlowDown', 'SlowDown'],
  ['TooManyRequests', 'SlowDown'],
]);

/** Gives our code for the `<Code>` of a store; `undefined` for one that says nothing to us. */
export function errorOfStore(storeCode: string | undefined): ErrorCode | undefined {
  return storeCode === undefined ? undefined : BY_CODE.get(storeCode);
}
