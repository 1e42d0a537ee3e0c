/**
 * The documents of a bucket that nobody can set here: each says, as S3 does, that there is none. An ACL has its owner, and
 * object lock is on or off.
 */
import { demandBucket, OWNER, sendXml, type S3Exchange } from './exchange.ts';
import type { S3Action } from './session-policy.ts';
import { StoreError } from './store-error.ts';
import type { XmlElements } from './xml.ts';

type Run = (exchange: S3Exchange) => Promise<void>;

const document = (action: S3Action, root: string, elements: XmlElements = {}): Run => {
  return (exchange) => {
    demandBucket(exchange, action);
    exchange.files.settings(exchange.request.bucket);
    sendXml(exchange.response, root, elements);
    return Promise.resolve();
  };
};

const none = (action: S3Action, code: string): Run => {
  return (exchange) => {
    demandBucket(exchange, action);
    exchange.files.settings(exchange.request.bucket);
    throw new StoreError(code, 404, 'The configuration does not exist.');
  };
};

const grantee = 'Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"';

export const getBucketAcl = document('s3:GetBucketAcl', 'AccessControlPolicy', {
  Owner: OWNER,
  AccessControlList: { Grant: [{ [grantee]: OWNER, Permission: 'FULL_CONTROL' }] },
});
export const getBucketAccelerate = document('s3:GetAccelerateConfiguration', 'AccelerateConfiguration');
export const getBucketLogging = document('s3:GetBucketLogging', 'BucketLoggingStatus');
export const getBucketNotification = document('s3:GetBucketNotification', 'NotificationConfiguration');
export const getBucketRequestPayment = document('s3:GetBucketRequestPayment', 'RequestPaymentConfiguration', {
  Payer: 'BucketOwner',
});
export const getBucketCors = none('s3:GetBucketCORS', 'NoSuchCORSConfiguration');
export const getBucketEncryption = none(
  's3:GetEncryptionConfiguration',
  'ServerSideEncryptionConfigurationNotFoundError',
);
export const getBucketLifecycle = none('s3:GetLifecycleConfiguration', 'NoSuchLifecycleConfiguration');
export const getBucketOwnershipControls = none('s3:GetBucketOwnershipControls', 'OwnershipControlsNotFoundError');
export const getBucketPolicy = none('s3:GetBucketPolicy', 'NoSuchBucketPolicy');
export const getBucketPolicyStatus = none('s3:GetBucketPolicyStatus', 'NoSuchBucketPolicy');
export const getBucketReplication = none('s3:GetReplicationConfiguration', 'ReplicationConfigurationNotFoundError');
export const getBucketWebsite = none('s3:GetBucketWebsite', 'NoSuchWebsiteConfiguration');
export const getPublicAccessBlock = none('s3:GetBucketPublicAccessBlock', 'NoSuchPublicAccessBlockConfiguration');

export const getObjectLockConfiguration: Run = (exchange) => {
  const action = 's3:GetBucketObjectLockConfiguration';
  const { objectLock } = exchange.files.settings(exchange.request.bucket);
  if (!objectLock) return none(action, 'ObjectLockConfigurationNotFoundError')(exchange);
  return document(action, 'ObjectLockConfiguration', { ObjectLockEnabled: 'Enabled' })(exchange);
};
