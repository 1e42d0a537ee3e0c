/**
 * Documents of buckets. They are read by whoever may use the bucket, but for what names accounts, roles and other places;
 * few of them are written.
 */
import type { ErrorCode } from '../../errors/codes.ts';
import { renderAccessControl } from '../documents/access-control.ts';
import { renderVersioning, versioningForStore } from '../documents/bucket-configuration.ts';
import { renderBucketDocument, type BucketDocument } from '../documents/bucket-documents.ts';
import { MAX_BUCKET_TAGS, renderTagging, taggingForStore } from '../documents/tagging.ts';
import { NO_HEADERS } from './headers.ts';
import { bucketRead, document, NO_PARAMETERS } from './constructors.ts';
import { nameOnly, type BucketReadOperation, type Operation } from './operation.ts';

interface Configuration extends BucketDocument {
  readonly subresource: string;
  readonly verb: 'ADMIN' | undefined;
  readonly iamAction: string;
}

/** A document that a bucket need not have. */
function configuration({ subresource, verb, iamAction, ...absent }: Configuration): BucketReadOperation {
  const render = (stored: Uint8Array): string => renderBucketDocument(stored, absent);
  return bucketRead({ subresource: nameOnly(subresource), verb, iamAction, absent, render });
}

const error = (code: ErrorCode): BucketDocument['none'] => ({ error: code });
const documentOf = (inner: string): BucketDocument['none'] => ({ inner });

const VERSIONING = {
  level: 'bucket',
  subresource: nameOnly('versioning'),
  parameters: NO_PARAMETERS,
  headers: NO_HEADERS,
} as const;
const TAGGING = {
  level: 'bucket',
  subresource: nameOnly('tagging'),
  parameters: NO_PARAMETERS,
  headers: NO_HEADERS,
} as const;

export const BUCKET_CONFIGURATION = {
  GetBucketVersioning: bucketRead({
    subresource: VERSIONING.subresource,
    verb: undefined,
    iamAction: 's3:GetBucketVersioning',
    absent: undefined,
    render: renderVersioning,
  }),
  PutBucketVersioning: document({
    ...VERSIONING,
    method: 'PUT',
    verb: 'ADMIN',
    changes: 'document',
    writeDocument: versioningForStore,
  }),
  GetBucketTagging: bucketRead({
    subresource: TAGGING.subresource,
    verb: undefined,
    iamAction: 's3:GetBucketTagging',
    absent: undefined,
    render: renderTagging,
  }),
  PutBucketTagging: document({
    ...TAGGING,
    method: 'PUT',
    verb: 'ADMIN',
    changes: 'document',
    writeDocument: (body) => taggingForStore(body, MAX_BUCKET_TAGS),
  }),
  DeleteBucketTagging: document({ ...TAGGING, method: 'DELETE', verb: 'ADMIN', changes: 'document' }),
  GetBucketAcl: bucketRead({
    subresource: nameOnly('acl'),
    verb: 'ADMIN',
    iamAction: 's3:GetBucketAcl',
    absent: undefined,
    render: renderAccessControl,
  }),
  GetBucketCors: configuration({
    subresource: 'cors',
    verb: undefined,
    iamAction: 's3:GetBucketCORS',
    root: 'CORSConfiguration',
    none: error('NoSuchCORSConfiguration'),
    isRareElsewhere: false,
  }),
  GetBucketEncryption: configuration({
    subresource: 'encryption',
    verb: undefined,
    iamAction: 's3:GetEncryptionConfiguration',
    root: 'ServerSideEncryptionConfiguration',
    none: error('ServerSideEncryptionConfigurationNotFoundError'),
    isRareElsewhere: true,
  }),
  GetBucketLifecycleConfiguration: configuration({
    subresource: 'lifecycle',
    verb: undefined,
    iamAction: 's3:GetLifecycleConfiguration',
    root: 'LifecycleConfiguration',
    none: error('NoSuchLifecycleConfiguration'),
    isRareElsewhere: false,
  }),
  GetBucketLogging: configuration({
    subresource: 'logging',
    verb: 'ADMIN',
    iamAction: 's3:GetBucketLogging',
    root: 'BucketLoggingStatus',
    none: documentOf(''),
    isRareElsewhere: false,
  }),
  GetBucketNotificationConfiguration: configuration({
    subresource: 'notification',
    verb: 'ADMIN',
    iamAction: 's3:GetBucketNotification',
    root: 'NotificationConfiguration',
    none: documentOf(''),
    isRareElsewhere: true,
  }),
  GetBucketOwnershipControls: configuration({
    subresource: 'ownershipControls',
    verb: undefined,
    iamAction: 's3:GetBucketOwnershipControls',
    root: 'OwnershipControls',
    none: error('OwnershipControlsNotFoundError'),
    isRareElsewhere: true,
  }),
  GetBucketPolicy: configuration({
    subresource: 'policy',
    verb: 'ADMIN',
    iamAction: 's3:GetBucketPolicy',
    root: 'JSON',
    none: error('NoSuchBucketPolicy'),
    isRareElsewhere: false,
  }),
  GetBucketPolicyStatus: configuration({
    subresource: 'policyStatus',
    verb: 'ADMIN',
    iamAction: 's3:GetBucketPolicyStatus',
    root: 'PolicyStatus',
    none: error('NoSuchBucketPolicy'),
    isRareElsewhere: false,
  }),
  GetBucketReplication: configuration({
    subresource: 'replication',
    verb: 'ADMIN',
    iamAction: 's3:GetReplicationConfiguration',
    root: 'ReplicationConfiguration',
    none: error('ReplicationConfigurationNotFoundError'),
    isRareElsewhere: false,
  }),
  GetBucketRequestPayment: configuration({
    subresource: 'requestPayment',
    verb: undefined,
    iamAction: 's3:GetBucketRequestPayment',
    root: 'RequestPaymentConfiguration',
    none: documentOf('<Payer>BucketOwner</Payer>'),
    isRareElsewhere: false,
  }),
  GetBucketAccelerateConfiguration: configuration({
    subresource: 'accelerate',
    verb: undefined,
    iamAction: 's3:GetAccelerateConfiguration',
    root: 'AccelerateConfiguration',
    none: documentOf(''),
    isRareElsewhere: true,
  }),
  GetBucketWebsite: configuration({
    subresource: 'website',
    verb: undefined,
    iamAction: 's3:GetBucketWebsite',
    root: 'WebsiteConfiguration',
    none: error('NoSuchWebsiteConfiguration'),
    isRareElsewhere: false,
  }),
  GetObjectLockConfiguration: configuration({
    subresource: 'object-lock',
    verb: undefined,
    iamAction: 's3:GetBucketObjectLockConfiguration',
    root: 'ObjectLockConfiguration',
    none: error('ObjectLockConfigurationNotFoundError'),
    isRareElsewhere: false,
  }),
  GetPublicAccessBlock: configuration({
    subresource: 'publicAccessBlock',
    verb: undefined,
    iamAction: 's3:GetBucketPublicAccessBlock',
    root: 'PublicAccessBlockConfiguration',
    none: error('NoSuchPublicAccessBlockConfiguration'),
    isRareElsewhere: true,
  }),
} satisfies Readonly<Record<string, Operation>>;
