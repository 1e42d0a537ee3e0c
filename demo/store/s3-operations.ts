/**
 * The S3 operations of the embedded store: what tells one from another, what each takes, and what performs it. Enters: a
 * request whose signature holds. Never: an operation, parameter or `x-amz-*` header that is not listed here, or a body
 * where none belongs.
 */
import * as documents from './bucket-documents.ts';
import {
  createBucket,
  deleteBucket,
  deleteBucketTagging,
  getBucketLocation,
  getBucketTagging,
  getBucketVersioning,
  headBucket,
  listBuckets,
  putBucketTagging,
  putBucketVersioning,
} from './bucket-operations.ts';
import { CHECKSUM_ALGORITHMS, checksumHeader } from './checksums.ts';
import { COPY_HEADERS } from './copy-source.ts';
import type { S3Exchange } from './exchange.ts';
import {
  LIST_QUERY,
  LIST_V2_QUERY,
  listMultipartUploads,
  listObjects,
  listObjectVersions,
  UPLOADS_QUERY,
  VERSIONS_QUERY,
} from './listing-operations.ts';
import {
  abortMultipartUpload,
  completeMultipartUpload,
  createMultipartUpload,
  listParts,
  uploadPart,
  uploadPartCopy,
} from './multipart-operations.ts';
import { getObject, getObjectAcl, getObjectAttributes, READ_QUERY } from './object-reads.ts';
import {
  deleteObjectTagging,
  getObjectLegalHold,
  getObjectRetention,
  getObjectTagging,
  putObjectLegalHold,
  putObjectRetention,
  putObjectTagging,
} from './object-settings.ts';
import { copyObject, deleteObject, deleteObjects, putObject } from './object-writes.ts';
import { invalidRequest, notImplemented } from './store-error.ts';
import type { StoreRequest } from './store-request.ts';
import { DESCRIPTION_HEADERS } from './write-headers.ts';

interface Operation {
  readonly name: string;
  /** Parameters that it takes besides the ones that name it. */
  readonly query: readonly string[];
  /** `x-amz-*` headers that it takes besides those of signing. */
  readonly headers: readonly string[];
  readonly hasBody: boolean;
  readonly run: (exchange: S3Exchange) => Promise<void>;
}

const SIGNING_HEADERS = ['x-amz-date', 'x-amz-content-sha256', 'x-amz-security-token', 'x-amz-user-agent'];
const VERSION = ['versionId'];
const CHECKSUMS = [
  'x-amz-sdk-checksum-algorithm',
  'x-amz-trailer',
  'x-amz-decoded-content-length',
  ...CHECKSUM_ALGORITHMS.map(checksumHeader),
];
const BYPASS = 'x-amz-bypass-governance-retention';
const UPLOAD_CHECKSUM = ['x-amz-checksum-algorithm', 'x-amz-checksum-type'];
const ATTRIBUTE_HEADERS = ['x-amz-object-attributes', 'x-amz-max-parts', 'x-amz-part-number-marker'];
const COPY_DIRECTIVES = ['x-amz-metadata-directive', 'x-amz-tagging-directive', 'x-amz-checksum-algorithm'];

type Traits = Partial<Pick<Operation, 'query' | 'headers' | 'hasBody'>>;
type Row = readonly [name: string, run: Operation['run'], traits?: Traits];

const read = (...query: readonly string[]): Traits => ({ query });
const document = (query: readonly string[], ...headers: readonly string[]): Traits => ({
  query,
  headers: [...CHECKSUMS, ...headers],
  hasBody: true,
});

/** By level and method; then by the parameter that names the operation, `''` where none does. */
const OPERATIONS: Readonly<Record<string, Readonly<Record<string, Row>>>> = {
  'service GET': { '': ['ListBuckets', listBuckets] },
  'bucket HEAD': { '': ['HeadBucket', headBucket] },
  'bucket GET': {
    accelerate: ['GetBucketAccelerateConfiguration', documents.getBucketAccelerate],
    acl: ['GetBucketAcl', documents.getBucketAcl],
    cors: ['GetBucketCors', documents.getBucketCors],
    encryption: ['GetBucketEncryption', documents.getBucketEncryption],
    lifecycle: ['GetBucketLifecycleConfiguration', documents.getBucketLifecycle],
    logging: ['GetBucketLogging', documents.getBucketLogging],
    notification: ['GetBucketNotificationConfiguration', documents.getBucketNotification],
    'object-lock': ['GetObjectLockConfiguration', documents.getObjectLockConfiguration],
    ownershipControls: ['GetBucketOwnershipControls', documents.getBucketOwnershipControls],
    policy: ['GetBucketPolicy', documents.getBucketPolicy],
    policyStatus: ['GetBucketPolicyStatus', documents.getBucketPolicyStatus],
    publicAccessBlock: ['GetPublicAccessBlock', documents.getPublicAccessBlock],
    replication: ['GetBucketReplication', documents.getBucketReplication],
    requestPayment: ['GetBucketRequestPayment', documents.getBucketRequestPayment],
    website: ['GetBucketWebsite', documents.getBucketWebsite],
    location: ['GetBucketLocation', getBucketLocation],
    versioning: ['GetBucketVersioning', getBucketVersioning],
    tagging: ['GetBucketTagging', getBucketTagging],
    versions: ['ListObjectVersions', listObjectVersions, read(...VERSIONS_QUERY)],
    uploads: ['ListMultipartUploads', listMultipartUploads, read(...UPLOADS_QUERY)],
    'list-type': ['ListObjectsV2', listObjects, read(...LIST_V2_QUERY)],
    '': ['ListObjects', listObjects, read(...LIST_QUERY)],
  },
  'bucket PUT': {
    versioning: ['PutBucketVersioning', putBucketVersioning, document([])],
    tagging: ['PutBucketTagging', putBucketTagging, document([])],
    '': ['CreateBucket', createBucket, document([], 'x-amz-bucket-object-lock-enabled', 'x-amz-acl')],
  },
  'bucket POST': { delete: ['DeleteObjects', deleteObjects, document([], BYPASS)] },
  'bucket DELETE': {
    tagging: ['DeleteBucketTagging', deleteBucketTagging],
    '': ['DeleteBucket', deleteBucket],
  },
  'object HEAD': { '': ['HeadObject', getObject, { query: READ_QUERY, headers: ['x-amz-checksum-mode'] }] },
  'object GET': {
    attributes: ['GetObjectAttributes', getObjectAttributes, { query: VERSION, headers: ATTRIBUTE_HEADERS }],
    acl: ['GetObjectAcl', getObjectAcl, read(...VERSION)],
    tagging: ['GetObjectTagging', getObjectTagging, read(...VERSION)],
    retention: ['GetObjectRetention', getObjectRetention, read(...VERSION)],
    'legal-hold': ['GetObjectLegalHold', getObjectLegalHold, read(...VERSION)],
    uploadId: ['ListParts', listParts, read('max-parts', 'part-number-marker', 'encoding-type')],
    '': ['GetObject', getObject, { query: READ_QUERY, headers: ['x-amz-checksum-mode'] }],
  },
  'object PUT': {
    tagging: ['PutObjectTagging', putObjectTagging, document(VERSION)],
    retention: ['PutObjectRetention', putObjectRetention, document(VERSION, BYPASS)],
    'legal-hold': ['PutObjectLegalHold', putObjectLegalHold, document(VERSION)],
    uploadId: ['UploadPart', uploadPart, document(['partNumber'], 'x-amz-checksum-algorithm')],
    '': ['PutObject', putObject, document([], ...DESCRIPTION_HEADERS, ...UPLOAD_CHECKSUM)],
  },
  'object PUT copy': {
    uploadId: [
      'UploadPartCopy',
      uploadPartCopy,
      { query: ['partNumber'], headers: [...COPY_HEADERS, 'x-amz-copy-source-range'] },
    ],
    '': ['CopyObject', copyObject, { headers: [...COPY_HEADERS, ...DESCRIPTION_HEADERS, ...COPY_DIRECTIVES] }],
  },
  'object POST': {
    uploads: [
      'CreateMultipartUpload',
      createMultipartUpload,
      { headers: [...DESCRIPTION_HEADERS, ...UPLOAD_CHECKSUM] },
    ],
    uploadId: [
      'CompleteMultipartUpload',
      completeMultipartUpload,
      document([], 'x-amz-checksum-type', 'x-amz-mp-object-size'),
    ],
  },
  'object DELETE': {
    tagging: ['DeleteObjectTagging', deleteObjectTagging, read(...VERSION)],
    uploadId: ['AbortMultipartUpload', abortMultipartUpload],
    '': ['DeleteObject', deleteObject, { query: VERSION, headers: [BYPASS] }],
  },
};

/** Chooses the operation of a request. @throws StoreError NotImplemented, InvalidRequest */
export function s3Operation(request: StoreRequest): Pick<Operation, 'name' | 'run'> {
  const { method, bucket, key, query, headers } = request;
  const level = bucket === '' ? 'service' : key === '' ? 'bucket' : 'object';
  const copies = level === 'object' && method === 'PUT' && headers.has('x-amz-copy-source') ? ' copy' : '';
  const rows = Object.entries(OPERATIONS[`${level} ${method}${copies}`] ?? {});
  const [chosen] = rows.filter(([parameter]) => parameter === '' || query.has(parameter));
  if (chosen === undefined) throw notImplemented('this operation');
  const [parameter, [name, run, { query: takes = [], headers: amzHeaders = [], hasBody = false } = {}]] = chosen;
  for (const parameterName of query.keys())
    if (parameterName !== 'x-id' && parameterName !== parameter && !takes.includes(parameterName))
      throw notImplemented('this subresource or parameter');
  if (parameter === 'list-type' && query.get('list-type') !== '2') throw notImplemented('this list-type');
  for (const header of headers.keys())
    if (
      header.startsWith('x-amz-') &&
      ![...SIGNING_HEADERS, ...amzHeaders].includes(header) &&
      !isMetadata(name, header)
    )
      throw notImplemented('this x-amz-* header');
  const length = headers.get('content-length') ?? '0';
  if (!hasBody && (length !== '0' || headers.has('transfer-encoding')))
    throw invalidRequest('This operation takes no body.');
  return { name, run };
}

const isMetadata = (operation: string, header: string): boolean =>
  header.startsWith('x-amz-meta-') && ['PutObject', 'CopyObject', 'CreateMultipartUpload'].includes(operation);
