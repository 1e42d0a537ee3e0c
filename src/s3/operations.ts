/**
 * The operation table: one row per S3 operation that the gateway performs. What is not here is NotImplemented.
 * A row says which pipeline an operation takes (`operationClass`), which verb policy must grant, what it addresses, and
 * whether an encrypted bucket can perform it without anything plaintext being stored or shown wrong.
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
 * source; BATCH carries in its body what is to be decided; DOCUMENT has small documents at most, in and out; UPLOAD is
 * what multipart uploads take beside their parts; ATTRIBUTES tells of an object what its trailer knows.
 */
export type OperationClass =
  'READ' | 'WRITE' | 'LIST' | 'DELETE' | 'LOCAL' | 'COPY' | 'BATCH' | 'DOCUMENT' | 'UPLOAD' | 'ATTRIBUTES';

export interface OperationRow {
  readonly operationClass: OperationClass;
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  readonly level: 'service' | 'bucket' | 'object';
  /** The verb that policy must grant; `undefined`: any grant in the bucket will do (or, for ListBuckets, none). */
  readonly verb: Verb | undefined;
  /** The query parameter that tells this operation from others of its method and level. */
  readonly subresource?: string;
  /** `object`: a stream that is stored; `document`: XML, read whole under a cap. Absent: a body is refused. */
  readonly body?: 'object' | 'document';
  /** Whether a bucket with `encryption: required` performs it. */
  readonly encrypted: boolean;
}

export const OPERATIONS = {
  ListBuckets: { operationClass: 'LOCAL', method: 'GET', level: 'service', verb: undefined, encrypted: true },

  HeadBucket: { operationClass: 'LOCAL', method: 'HEAD', level: 'bucket', verb: undefined, encrypted: true },
  GetBucketLocation: {
    operationClass: 'LOCAL',
    method: 'GET',
    level: 'bucket',
    verb: undefined,
    subresource: 'location',
    encrypted: true,
  },
  ListObjects: { operationClass: 'LIST', method: 'GET', level: 'bucket', verb: 'LIST', encrypted: true },
  ListObjectsV2: {
    operationClass: 'LIST',
    method: 'GET',
    level: 'bucket',
    verb: 'LIST',
    subresource: 'list-type',
    encrypted: true,
  },
  ListObjectVersions: {
    operationClass: 'LIST',
    method: 'GET',
    level: 'bucket',
    verb: 'LIST_VERSIONS',
    subresource: 'versions',
    encrypted: true,
  },
  ListMultipartUploads: {
    operationClass: 'UPLOAD',
    method: 'GET',
    level: 'bucket',
    verb: 'LIST',
    subresource: 'uploads',
    encrypted: true,
  },
  DeleteObjects: {
    operationClass: 'BATCH',
    method: 'POST',
    level: 'bucket',
    verb: 'DELETE',
    subresource: 'delete',
    body: 'document',
    encrypted: true,
  },
  CreateBucket: {
    operationClass: 'DOCUMENT',
    method: 'PUT',
    level: 'bucket',
    verb: 'ADMIN',
    body: 'document',
    encrypted: true,
  },
  DeleteBucket: { operationClass: 'DOCUMENT', method: 'DELETE', level: 'bucket', verb: 'ADMIN', encrypted: true },
  GetBucketVersioning: {
    operationClass: 'DOCUMENT',
    method: 'GET',
    level: 'bucket',
    verb: 'ADMIN',
    subresource: 'versioning',
    encrypted: true,
  },
  PutBucketVersioning: {
    operationClass: 'DOCUMENT',
    method: 'PUT',
    level: 'bucket',
    verb: 'ADMIN',
    subresource: 'versioning',
    body: 'document',
    encrypted: true,
  },
  GetBucketTagging: {
    operationClass: 'DOCUMENT',
    method: 'GET',
    level: 'bucket',
    verb: 'ADMIN',
    subresource: 'tagging',
    encrypted: true,
  },
  PutBucketTagging: {
    operationClass: 'DOCUMENT',
    method: 'PUT',
    level: 'bucket',
    verb: 'ADMIN',
    subresource: 'tagging',
    body: 'document',
    encrypted: true,
  },
  DeleteBucketTagging: {
    operationClass: 'DOCUMENT',
    method: 'DELETE',
    level: 'bucket',
    verb: 'ADMIN',
    subresource: 'tagging',
    encrypted: true,
  },

  GetObject: { operationClass: 'READ', method: 'GET', level: 'object', verb: 'GET', encrypted: true },
  HeadObject: { operationClass: 'READ', method: 'HEAD', level: 'object', verb: 'GET', encrypted: true },
  GetObjectAttributes: {
    operationClass: 'ATTRIBUTES',
    method: 'GET',
    level: 'object',
    verb: 'GET',
    subresource: 'attributes',
    encrypted: true,
  },
  PutObject: {
    operationClass: 'WRITE',
    method: 'PUT',
    level: 'object',
    verb: 'PUT',
    body: 'object',
    encrypted: true,
  },
  DeleteObject: { operationClass: 'DELETE', method: 'DELETE', level: 'object', verb: 'DELETE', encrypted: true },
  CopyObject: { operationClass: 'COPY', method: 'PUT', level: 'object', verb: 'PUT', encrypted: true },
  GetObjectTagging: {
    operationClass: 'DOCUMENT',
    method: 'GET',
    level: 'object',
    verb: 'GET_TAGS',
    subresource: 'tagging',
    encrypted: true,
  },
  PutObjectTagging: {
    operationClass: 'DOCUMENT',
    method: 'PUT',
    level: 'object',
    verb: 'PUT_TAGS',
    subresource: 'tagging',
    body: 'document',
    encrypted: true,
  },
  DeleteObjectTagging: {
    operationClass: 'DOCUMENT',
    method: 'DELETE',
    level: 'object',
    verb: 'PUT_TAGS',
    subresource: 'tagging',
    encrypted: true,
  },
  GetObjectAcl: {
    operationClass: 'DOCUMENT',
    method: 'GET',
    level: 'object',
    verb: 'GET_ACL',
    subresource: 'acl',
    encrypted: true,
  },
  GetObjectRetention: {
    operationClass: 'DOCUMENT',
    method: 'GET',
    level: 'object',
    verb: 'GET_LOCK',
    subresource: 'retention',
    encrypted: true,
  },
  PutObjectRetention: {
    operationClass: 'DOCUMENT',
    method: 'PUT',
    level: 'object',
    verb: 'PUT_LOCK',
    subresource: 'retention',
    body: 'document',
    encrypted: true,
  },
  GetObjectLegalHold: {
    operationClass: 'DOCUMENT',
    method: 'GET',
    level: 'object',
    verb: 'GET_LOCK',
    subresource: 'legal-hold',
    encrypted: true,
  },
  PutObjectLegalHold: {
    operationClass: 'DOCUMENT',
    method: 'PUT',
    level: 'object',
    verb: 'PUT_LOCK',
    subresource: 'legal-hold',
    body: 'document',
    encrypted: true,
  },
  CreateMultipartUpload: {
    operationClass: 'UPLOAD',
    method: 'POST',
    level: 'object',
    verb: 'PUT',
    subresource: 'uploads',
    encrypted: true,
  },
  UploadPart: {
    operationClass: 'WRITE',
    method: 'PUT',
    level: 'object',
    verb: 'PUT',
    subresource: 'partNumber',
    body: 'object',
    encrypted: true,
  },
  UploadPartCopy: {
    operationClass: 'COPY',
    method: 'PUT',
    level: 'object',
    verb: 'PUT',
    subresource: 'partNumber',
    encrypted: true,
  },
  CompleteMultipartUpload: {
    operationClass: 'UPLOAD',
    method: 'POST',
    level: 'object',
    verb: 'PUT',
    subresource: 'uploadId',
    body: 'document',
    encrypted: true,
  },
  AbortMultipartUpload: {
    operationClass: 'UPLOAD',
    method: 'DELETE',
    level: 'object',
    verb: 'PUT',
    subresource: 'uploadId',
    encrypted: true,
  },
  ListParts: {
    operationClass: 'UPLOAD',
    method: 'GET',
    level: 'object',
    verb: 'PUT',
    subresource: 'uploadId',
    encrypted: true,
  },
} as const satisfies Record<string, OperationRow>;

export type OperationName = keyof typeof OPERATIONS;
