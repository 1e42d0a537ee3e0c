/**
 * The operation table: one row per S3 operation that the gateway performs. What is not here is NotImplemented.
 * A row says which pipeline an operation takes (`operationClass`), which verb policy must grant and what it addresses.
 * All of them are performed however a key is kept.
 */

/**
 * What a policy grants. `GET` covers HeadObject and GetObjectAttributes; `LIST` covers both listings and
 * ListMultipartUploads; `PUT` covers a multipart upload from its creation to its end. A `versionId` asks for the
 * `_VERSION` verb instead of the plain one. `ADMIN` (the bucket itself) is granted only where it is named.
 */
export const VERBS = [
  'GET',
  'PUT',
  'DELETE',
  'LIST',
  'GET_VERSION',
  'DELETE_VERSION',
  'LIST_VERSIONS',
  'GET_TAGS',
  'PUT_TAGS',
  'GET_ACL',
  'PUT_ACL',
  'GET_LOCK',
  'PUT_LOCK',
  'PUT_STORAGE_CLASS',
  'PUT_SSE',
  'ADMIN',
] as const;
export type Verb = (typeof VERBS)[number];

/**
 * Operations of one class take the same way through `pipeline/stages.ts`. LOCAL is answered without a store; COPY has a
 * source; FORM is a write whose fields say what and by whom; BATCH carries in its body what is to be decided; DOCUMENT has small documents at most, in and out; UPLOAD is
 * what multipart uploads take beside their parts; ATTRIBUTES tells of an object what its trailer knows.
 */
export type OperationClass =
  'READ' | 'WRITE' | 'FORM' | 'LIST' | 'DELETE' | 'LOCAL' | 'COPY' | 'BATCH' | 'DOCUMENT' | 'UPLOAD' | 'ATTRIBUTES';

export interface OperationRow {
  readonly operationClass: OperationClass;
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  readonly level: 'service' | 'bucket' | 'object';
  /** The verb that policy must grant; `undefined`: any grant in the bucket will do (or, for ListBuckets, none). */
  readonly verb: Verb | undefined;
  /** The query parameter that tells this operation from others of its method and level. */
  readonly subresource?: string;
  /** `object`: a stream that is stored; `document`: XML, read whole under a cap; `form`: multipart/form-data. Absent: a body is refused. */
  readonly body?: 'object' | 'document' | 'form';
}

export const OPERATIONS = {
  ListBuckets: { operationClass: 'LOCAL', method: 'GET', level: 'service', verb: undefined },

  HeadBucket: { operationClass: 'LOCAL', method: 'HEAD', level: 'bucket', verb: undefined },
  GetBucketLocation: {
    operationClass: 'LOCAL',
    method: 'GET',
    level: 'bucket',
    verb: undefined,
    subresource: 'location',
  },
  ListObjects: { operationClass: 'LIST', method: 'GET', level: 'bucket', verb: 'LIST' },
  ListObjectsV2: {
    operationClass: 'LIST',
    method: 'GET',
    level: 'bucket',
    verb: 'LIST',
    subresource: 'list-type',
  },
  ListObjectVersions: {
    operationClass: 'LIST',
    method: 'GET',
    level: 'bucket',
    verb: 'LIST_VERSIONS',
    subresource: 'versions',
  },
  ListMultipartUploads: {
    operationClass: 'UPLOAD',
    method: 'GET',
    level: 'bucket',
    verb: 'LIST',
    subresource: 'uploads',
  },
  DeleteObjects: {
    operationClass: 'BATCH',
    method: 'POST',
    level: 'bucket',
    verb: 'DELETE',
    subresource: 'delete',
    body: 'document',
  },
  PostObject: { operationClass: 'FORM', method: 'POST', level: 'bucket', verb: 'PUT', body: 'form' },
  CreateBucket: {
    operationClass: 'DOCUMENT',
    method: 'PUT',
    level: 'bucket',
    verb: 'ADMIN',
    body: 'document',
  },
  DeleteBucket: { operationClass: 'DOCUMENT', method: 'DELETE', level: 'bucket', verb: 'ADMIN' },
  GetBucketVersioning: {
    operationClass: 'DOCUMENT',
    method: 'GET',
    level: 'bucket',
    verb: undefined,
    subresource: 'versioning',
  },
  PutBucketVersioning: {
    operationClass: 'DOCUMENT',
    method: 'PUT',
    level: 'bucket',
    verb: 'ADMIN',
    subresource: 'versioning',
    body: 'document',
  },
  GetBucketTagging: {
    operationClass: 'DOCUMENT',
    method: 'GET',
    level: 'bucket',
    verb: undefined,
    subresource: 'tagging',
  },
  PutBucketTagging: {
    operationClass: 'DOCUMENT',
    method: 'PUT',
    level: 'bucket',
    verb: 'ADMIN',
    subresource: 'tagging',
    body: 'document',
  },
  DeleteBucketTagging: {
    operationClass: 'DOCUMENT',
    method: 'DELETE',
    level: 'bucket',
    verb: 'ADMIN',
    subresource: 'tagging',
  },

  // Read by whoever may use the bucket, but for what names accounts, roles and other places.
  GetBucketAcl: {
    operationClass: 'DOCUMENT',
    method: 'GET',
    level: 'bucket',
    verb: 'ADMIN',
    subresource: 'acl',
  },
  GetBucketCors: {
    operationClass: 'DOCUMENT',
    method: 'GET',
    level: 'bucket',
    verb: undefined,
    subresource: 'cors',
  },
  GetBucketEncryption: {
    operationClass: 'DOCUMENT',
    method: 'GET',
    level: 'bucket',
    verb: undefined,
    subresource: 'encryption',
  },
  GetBucketLifecycleConfiguration: {
    operationClass: 'DOCUMENT',
    method: 'GET',
    level: 'bucket',
    verb: undefined,
    subresource: 'lifecycle',
  },
  GetBucketLogging: {
    operationClass: 'DOCUMENT',
    method: 'GET',
    level: 'bucket',
    verb: 'ADMIN',
    subresource: 'logging',
  },
  GetBucketNotificationConfiguration: {
    operationClass: 'DOCUMENT',
    method: 'GET',
    level: 'bucket',
    verb: 'ADMIN',
    subresource: 'notification',
  },
  GetBucketOwnershipControls: {
    operationClass: 'DOCUMENT',
    method: 'GET',
    level: 'bucket',
    verb: undefined,
    subresource: 'ownershipControls',
  },
  GetBucketPolicy: {
    operationClass: 'DOCUMENT',
    method: 'GET',
    level: 'bucket',
    verb: 'ADMIN',
    subresource: 'policy',
  },
  GetBucketPolicyStatus: {
    operationClass: 'DOCUMENT',
    method: 'GET',
    level: 'bucket',
    verb: 'ADMIN',
    subresource: 'policyStatus',
  },
  GetBucketReplication: {
    operationClass: 'DOCUMENT',
    method: 'GET',
    level: 'bucket',
    verb: 'ADMIN',
    subresource: 'replication',
  },
  GetBucketRequestPayment: {
    operationClass: 'DOCUMENT',
    method: 'GET',
    level: 'bucket',
    verb: undefined,
    subresource: 'requestPayment',
  },
  GetBucketAccelerateConfiguration: {
    operationClass: 'DOCUMENT',
    method: 'GET',
    level: 'bucket',
    verb: undefined,
    subresource: 'accelerate',
  },
  GetBucketWebsite: {
    operationClass: 'DOCUMENT',
    method: 'GET',
    level: 'bucket',
    verb: undefined,
    subresource: 'website',
  },
  GetObjectLockConfiguration: {
    operationClass: 'DOCUMENT',
    method: 'GET',
    level: 'bucket',
    verb: undefined,
    subresource: 'object-lock',
  },
  GetPublicAccessBlock: {
    operationClass: 'DOCUMENT',
    method: 'GET',
    level: 'bucket',
    verb: undefined,
    subresource: 'publicAccessBlock',
  },

  GetObject: { operationClass: 'READ', method: 'GET', level: 'object', verb: 'GET' },
  HeadObject: { operationClass: 'READ', method: 'HEAD', level: 'object', verb: 'GET' },
  GetObjectAttributes: {
    operationClass: 'ATTRIBUTES',
    method: 'GET',
    level: 'object',
    verb: 'GET',
    subresource: 'attributes',
  },
  PutObject: {
    operationClass: 'WRITE',
    method: 'PUT',
    level: 'object',
    verb: 'PUT',
    body: 'object',
  },
  DeleteObject: { operationClass: 'DELETE', method: 'DELETE', level: 'object', verb: 'DELETE' },
  CopyObject: { operationClass: 'COPY', method: 'PUT', level: 'object', verb: 'PUT' },
  GetObjectTagging: {
    operationClass: 'DOCUMENT',
    method: 'GET',
    level: 'object',
    verb: 'GET_TAGS',
    subresource: 'tagging',
  },
  PutObjectTagging: {
    operationClass: 'DOCUMENT',
    method: 'PUT',
    level: 'object',
    verb: 'PUT_TAGS',
    subresource: 'tagging',
    body: 'document',
  },
  DeleteObjectTagging: {
    operationClass: 'DOCUMENT',
    method: 'DELETE',
    level: 'object',
    verb: 'PUT_TAGS',
    subresource: 'tagging',
  },
  GetObjectAcl: {
    operationClass: 'DOCUMENT',
    method: 'GET',
    level: 'object',
    verb: 'GET_ACL',
    subresource: 'acl',
  },
  GetObjectRetention: {
    operationClass: 'DOCUMENT',
    method: 'GET',
    level: 'object',
    verb: 'GET_LOCK',
    subresource: 'retention',
  },
  PutObjectRetention: {
    operationClass: 'DOCUMENT',
    method: 'PUT',
    level: 'object',
    verb: 'PUT_LOCK',
    subresource: 'retention',
    body: 'document',
  },
  GetObjectLegalHold: {
    operationClass: 'DOCUMENT',
    method: 'GET',
    level: 'object',
    verb: 'GET_LOCK',
    subresource: 'legal-hold',
  },
  PutObjectLegalHold: {
    operationClass: 'DOCUMENT',
    method: 'PUT',
    level: 'object',
    verb: 'PUT_LOCK',
    subresource: 'legal-hold',
    body: 'document',
  },
  CreateMultipartUpload: {
    operationClass: 'UPLOAD',
    method: 'POST',
    level: 'object',
    verb: 'PUT',
    subresource: 'uploads',
  },
  UploadPart: {
    operationClass: 'WRITE',
    method: 'PUT',
    level: 'object',
    verb: 'PUT',
    subresource: 'partNumber',
    body: 'object',
  },
  UploadPartCopy: {
    operationClass: 'COPY',
    method: 'PUT',
    level: 'object',
    verb: 'PUT',
    subresource: 'partNumber',
  },
  CompleteMultipartUpload: {
    operationClass: 'UPLOAD',
    method: 'POST',
    level: 'object',
    verb: 'PUT',
    subresource: 'uploadId',
    body: 'document',
  },
  AbortMultipartUpload: {
    operationClass: 'UPLOAD',
    method: 'DELETE',
    level: 'object',
    verb: 'PUT',
    subresource: 'uploadId',
  },
  ListParts: {
    operationClass: 'UPLOAD',
    method: 'GET',
    level: 'object',
    verb: 'PUT',
    subresource: 'uploadId',
  },
} as const satisfies Record<string, OperationRow>;

export type OperationName = keyof typeof OPERATIONS;
