/**
 * Enters: a store's answer to an operation of the classes WRITE, DELETE and DOCUMENT. Leaves: the client's answer in the
 * client's names, written anew from what was understood. An error inside a document of status 200 becomes that error.
 */
import { renderAccessControl } from './documents/access-control.ts';
import { renderBucketDocument } from './documents/bucket-documents.ts';
import { renderVersioning } from './documents/bucket-configuration.ts';
import { renderComplete, renderInitiate, readParts, writeParts } from './documents/multipart.ts';
import { renderAttributes, type AttributesView } from './documents/object-attributes.ts';
import { renderLegalHold, renderRetention } from './documents/object-lock.ts';
import { renderTagging } from './documents/tagging.ts';
import { encryptionOfWrite } from './encryption-headers.ts';
import type { OperationName } from './operations.ts';
import type { S3Request } from './request.ts';
import { objectHeaders } from './store-response.ts';

/** How stored facts look to the client: ETags, sizes in bytes, and whether the store's checksums are the object's. */
export type AnswerView = AttributesView;

/** Gives the status of a success: S3 answers what it took away with 204. */
export function answerStatus(operation: OperationName): 200 | 204 {
  return /^(?:DeleteObject|DeleteObjectTagging|DeleteBucket|DeleteBucketTagging|AbortMultipartUpload)$/.test(operation)
    ? 204
    : 200;
}

const SHOWN: readonly string[] = ['x-amz-version-id', 'x-amz-delete-marker', 'x-amz-copy-source-version-id'];

/** Gives the headers of a store's answer that the client of a write, copy or document may see, names in lower case. */
export function answerHeaders(
  request: Pick<S3Request, 'operation' | 'bucket' | 'headers'>,
  stored: ReadonlyMap<string, string>,
  encrypted: boolean,
): Record<string, string> {
  const { operation, bucket } = request;
  const names = [...SHOWN];
  if (operation === 'PutObject' || operation === 'UploadPart') names.push('etag');
  if (operation === 'GetObjectAttributes') names.push('last-modified');
  if (operation === 'CreateMultipartUpload') names.push('x-amz-checksum-algorithm', 'x-amz-checksum-type');
  const given = objectHeaders(stored, encrypted);
  const headers: Record<string, string> = operation === 'CreateBucket' ? { location: `/${bucket}` } : {};
  for (const name of names) {
    const value = given[name];
    if (value !== undefined) headers[name] = value;
  }
  return { ...headers, ...encryptionOfWrite(request, stored, encrypted) };
}

type Answered = Pick<S3Request, 'operation' | 'bucket' | 'bucketUrl' | 'key' | 'query'>;
type Render = (document: Uint8Array, view: AnswerView, request: Answered) => string;

/** The operations whose answer has a document; others have files of their own: listing, delete-objects, copy-result. */
const DOCUMENTS: Readonly<Partial<Record<OperationName, Render>>> = {
  CreateMultipartUpload: (document, _, request) => renderInitiate(document, request),
  CompleteMultipartUpload: (document, { etag }, request) => renderComplete(document, request, etag),
  ListParts: (document, _, request) => writeParts(request, readParts(document)),
  GetObjectTagging: renderTagging,
  GetBucketTagging: renderTagging,
  GetObjectAttributes: renderAttributes,
  GetObjectAcl: renderAccessControl,
  GetObjectRetention: renderRetention,
  GetObjectLegalHold: renderLegalHold,
  GetBucketVersioning: renderVersioning,
  GetBucketAcl: renderAccessControl,
  GetBucketAccelerateConfiguration: (document) => renderBucketDocument(document, 'GetBucketAccelerateConfiguration'),
  GetBucketCors: (document) => renderBucketDocument(document, 'GetBucketCors'),
  GetBucketEncryption: (document) => renderBucketDocument(document, 'GetBucketEncryption'),
  GetBucketLifecycleConfiguration: (document) => renderBucketDocument(document, 'GetBucketLifecycleConfiguration'),
  GetBucketLogging: (document) => renderBucketDocument(document, 'GetBucketLogging'),
  GetBucketNotificationConfiguration: (document) =>
    renderBucketDocument(document, 'GetBucketNotificationConfiguration'),
  GetBucketOwnershipControls: (document) => renderBucketDocument(document, 'GetBucketOwnershipControls'),
  GetBucketPolicy: (document) => renderBucketDocument(document, 'GetBucketPolicy'),
  GetBucketPolicyStatus: (document) => renderBucketDocument(document, 'GetBucketPolicyStatus'),
  GetBucketReplication: (document) => renderBucketDocument(document, 'GetBucketReplication'),
  GetBucketRequestPayment: (document) => renderBucketDocument(document, 'GetBucketRequestPayment'),
  GetBucketWebsite: (document) => renderBucketDocument(document, 'GetBucketWebsite'),
  GetObjectLockConfiguration: (document) => renderBucketDocument(document, 'GetObjectLockConfiguration'),
  GetPublicAccessBlock: (document) => renderBucketDocument(document, 'GetPublicAccessBlock'),
};

/**
 * Writes the client's document from the store's (16 MiB at most); `undefined` where the operation's answer has none.
 * @throws GatewayError InternalError (not understood); the error that the document holds
 */
export function renderAnswer(request: Answered, document: Uint8Array, view: AnswerView): string | undefined {
  return DOCUMENTS[request.operation]?.(document, view, request);
}
