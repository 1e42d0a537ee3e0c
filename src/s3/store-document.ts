/**
 * Enters: the document of a client's request, whole. Leaves: the document for the store, written anew from what was
 * understood; no byte of the client's is passed on. DeleteObjects has delete-objects.ts.
 */
import { createBucketForStore, versioningForStore } from './documents/bucket-configuration.ts';
import { readCompleteUpload, writeCompleteUpload } from './documents/complete-upload.ts';
import { legalHoldForStore, retentionForStore } from './documents/object-lock.ts';
import { MAX_BUCKET_TAGS, MAX_OBJECT_TAGS, taggingForStore } from './documents/tagging.ts';
import type { OperationName } from './operations.ts';
import type { S3Request } from './request.ts';

export interface DocumentContext {
  /** The store's region, which CreateBucket may name. */
  readonly region: string;
  /** Whether the store keeps the checksums of parts. */
  readonly keepsChecksums: boolean;
}

type Write = (document: Uint8Array, context: DocumentContext) => string | undefined;

const DOCUMENTS: Readonly<Partial<Record<OperationName, Write>>> = {
  CompleteMultipartUpload: (document, { keepsChecksums }) => {
    const parts = readCompleteUpload(document);
    // Each was verified as it arrived, and its ETag pins what was verified.
    return writeCompleteUpload(keepsChecksums ? parts : parts.map(({ number, etag }) => ({ number, etag })));
  },
  PutObjectTagging: (document) => taggingForStore(document, MAX_OBJECT_TAGS),
  PutBucketTagging: (document) => taggingForStore(document, MAX_BUCKET_TAGS),
  PutObjectRetention: retentionForStore,
  PutObjectLegalHold: legalHoldForStore,
  PutBucketVersioning: versioningForStore,
  CreateBucket: (document, { region }) => createBucketForStore(document, region),
};

/**
 * Reads and writes anew the document of CompleteMultipartUpload, tagging, retention, legal hold, versioning and
 * CreateBucket; `undefined` where the store gets none.
 * @throws GatewayError MalformedXML, InvalidArgument, InvalidTag, InvalidPart, InvalidPartOrder, NotImplemented
 */
export function storeDocument(
  { operation }: Pick<S3Request, 'operation'>,
  body: Uint8Array,
  context: DocumentContext,
): Buffer | undefined {
  const document = DOCUMENTS[operation]?.(body, context);
  return document === undefined ? undefined : Buffer.from(document);
}
