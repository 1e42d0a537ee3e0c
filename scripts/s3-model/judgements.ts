/**
 * Why parts of S3 are refused or ignored. What is served is not judged here: the parser says so, and tests show its effect.
 */

export interface Reason {
  /** Of an operation's name, or of `operation parameter`. */
  readonly of: RegExp;
  /** A sentence for users: the reason, and what to do instead where there is something. */
  readonly why: string;
}

export const REFUSED_OPERATIONS: readonly Reason[] = [
  {
    of: /^(?:Get|Put|Delete|List)ObjectAnnotations?$/,
    why: 'Annotations would stand unencrypted beside an encrypted object. Use metadata or tags.',
  },
  {
    of: /Metadata(?:Configuration|TableConfiguration)$|MetadataAnnotationTable|MetadataInventoryTable|MetadataJournalTable/,
    why: 'S3 Metadata tables are a service of AWS beside the store. Set them up there.',
  },
  {
    of: /Bucket(?:Analytics|IntelligentTiering|Inventory|Metrics)Configurations?$/,
    why: 'Storage reports are set up at the store by its operator.',
  },
  {
    of: /^(?:CreateSession|ListDirectoryBuckets|RenameObject)$/,
    why: 'Directory buckets (S3 Express One Zone) have sessions and names of their own. Use a general purpose bucket.',
  },
  {
    of: /^SelectObjectContent$/,
    why: 'The store cannot query what it cannot read. Read the object and query it at the client.',
  },
  { of: /^RestoreObject$/, why: 'Restoring from archive classes is done at the store by its operator.' },
  { of: /^GetObjectTorrent$/, why: 'A torrent would hand out what is stored: ciphertext.' },
  { of: /^WriteGetObjectResponse$/, why: 'Object Lambda runs at AWS, beside the store.' },
  {
    of: /^UpdateObjectEncryption$/,
    why: 'Keys are the gateway’s: an operator changes them with `sallyport keys rewrap`.',
  },
  {
    of: /^PutObjectAcl$|^PutBucketAcl$/,
    why: 'Policy decides who may do what; an ACL at the store would open a way past it.',
  },
  {
    of: /^(?:Put|Delete)(?:Bucket|PublicAccessBlock)|^PutObjectLockConfiguration$/,
    why: 'A bucket’s configuration is changed at the store by its operator.',
  },
  {
    of: /^Get(?:Bucket|PublicAccessBlock|ObjectLockConfiguration)/,
    why: 'A bucket’s configuration is read at the store by its operator.',
  },
];

/** Of operations that are served. */
export const REFUSED_PARAMETERS: readonly Reason[] = [
  {
    of: / x-amz-(?:copy-source-)?server-side-encryption-customer-/,
    why: 'SSE-C: a customer’s key would go through the gateway. Use an encrypted bucket, whose keys are the gateway’s.',
  },
  { of: / x-amz-grant-/, why: 'ACL grants: policy decides who may do what.' },
  { of: / x-amz-website-redirect-location$/, why: 'Redirects of static websites, which the gateway does not serve.' },
  {
    of: / x-amz-mfa$/,
    why: 'MFA delete needs a device of the account’s root user. Ask for it in the token (`acr`, `amr`).',
  },
  {
    of: / x-amz-write-offset-bytes$/,
    why: 'Appending to an object is for directory buckets. Write the object anew, or use a multipart upload.',
  },
  {
    of: / x-amz-object-lock-event-hold/,
    why: 'Event holds are newer than the stores that were tried. Use retention or a legal hold.',
  },
  { of: /^AbortMultipartUpload x-amz-if-match-initiated-time$/, why: 'A condition of directory buckets.' },
  {
    of: /^DeleteObject x-amz-if-match-/,
    why: 'Conditions of directory buckets. Use `If-Match` where the store knows it.',
  },
  { of: /^DeleteObject if-match$/, why: 'Not yet: stores differ in it.' },
  {
    of: /^CreateBucket x-amz-(?:bucket-namespace|object-ownership)$/,
    why: 'Buckets are made with the store’s defaults; ACLs are off behind the gateway.',
  },
  { of: / x-amz-checksum-xxhash/, why: 'No checksum of this kind is verified here. Use CRC64NVME, CRC32C or SHA-256.' },
];

/** Served, and passed over by some stores: what the gateway does where `writes` of a store is `puts`. */
export const SEEN_TO: readonly Reason[] = [
  {
    of: /^CreateMultipartUpload x-amz-(?:object-lock-(?!event)|tagging$)/,
    why: 'Kept beside the upload, and given to the object when it is complete. A lock is refused where the bucket keeps none, and proven.',
  },
  {
    of: /^PutObject x-amz-object-lock-(?!event)/,
    why: 'The bucket is asked before whether it keeps locks, and the head of the object must show its own after.',
  },
  {
    of: /^CopyObject x-amz-object-lock-(?!event)/,
    why: 'The copy is put anew by the gateway, between the same two questions.',
  },
  {
    of: /^CopyObject (?:if-|x-amz-tagging-directive$|x-amz-server-side-encryption)/,
    why: 'The copy is put anew by the gateway, as the store heeds these of a PutObject.',
  },
  {
    of: /^CopyObject x-amz-(?:copy-source-if-|metadata-directive$)/,
    why: 'The source is looked at, pinned and proven; tags that the store would lose go along.',
  },
  { of: /^UploadPartCopy x-amz-copy-source-if-/, why: 'The part is read under the conditions, and put.' },
  {
    of: /^CompleteMultipartUpload (?:if-|x-amz-mp-object-size$)/,
    why: 'What is to be replaced, or the list of parts, is looked at right before the store is asked.',
  },
  {
    of: /^DeleteObject if-match$/,
    why: 'Refused unless `conditionalDeletes` of the store is set, and so are ETags in DeleteObjects.',
  },
];

/** Taken, and without effect. */
export const IGNORED: readonly Reason[] = [
  {
    of: / x-amz-sdk-checksum-algorithm$/,
    why: 'Repeats which checksum header or trailer comes; that one is verified.',
  },
  {
    of: / x-amz-optional-object-attributes$/,
    why: 'Asks for the state of a restore, which stores tell in a listing or leave out.',
  },
  {
    of: /^CopyObject x-amz-object-annotation-directive$/,
    why: 'Annotations are never copied, which `EXCLUDE` asks for.',
  },
  { of: / x-amz-request-payer$/, why: 'Who pays is between the gateway’s operator and the store.' },
];
