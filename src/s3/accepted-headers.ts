/**
 * Enters: an operation and its headers. Leaves: nothing, or a refusal.
 * Every `x-amz-*`, `if-*` and body-framing header changes what a request means: one that the operation does not list
 * here is NotImplemented, never ignored; what is harmless was taken out before (ignored-headers.ts). All other headers
 * have no meaning here and are never forwarded.
 */
import { GatewayError } from '../errors/gateway-error.ts';
import type { ErrorCode } from '../errors/codes.ts';
import { CHECKSUM_HEADERS } from './checksums.ts';
import { OPERATIONS, type OperationName, type OperationRow } from './operations.ts';
import type { Presented } from './request.ts';
import { isStoredHeader } from './stored-headers.ts';
import { unsupportedHeader } from './unsupported.ts';
import { isReservedMetadata, MAX_USER_METADATA_BYTES, METADATA_PREFIX } from './user-metadata.ts';

/** Accepted with any value that its own reader takes (`true`), or with values of this form only. */
type Accepted = Readonly<Record<string, RegExp | true>>;

const EVERYWHERE: Accepted = { 'x-amz-date': true, 'x-amz-content-sha256': true };

const FLAG = /^(?:true|false)$/i;
const DATE = /^[\w:.+-]{1,40}$/;

const READ: Accepted = {
  'x-amz-checksum-mode': /^ENABLED$/i,
  'if-match': true,
  'if-none-match': true,
  'if-modified-since': true,
  'if-unmodified-since': true,
  'if-range': true,
};

/** Of every body, documents included. */
const BODY: Accepted = {
  ...Object.fromEntries([...CHECKSUM_HEADERS.keys()].map((name) => [name, true] as const)),
  'x-amz-sdk-checksum-algorithm': true,
  'x-amz-trailer': true,
  'x-amz-decoded-content-length': true,
};

/** What policy decides by a verb of its own where it is no default (verbs.ts). A customer's own key is not to be had. */
const NEW_OBJECT: Accepted = {
  'x-amz-acl':
    /^(?:private|public-read|public-read-write|authenticated-read|aws-exec-read|bucket-owner-read|bucket-owner-full-control)$/,
  'x-amz-tagging': /^[\w %.:/=+@&-]{0,4096}$/,
  'x-amz-storage-class': /^[A-Z][A-Z0-9_-]{0,31}$/,
  'x-amz-server-side-encryption': /^(?:AES256|aws:kms|aws:kms:dsse)$/,
  'x-amz-server-side-encryption-aws-kms-key-id': /^[\w:/-]{1,256}$/,
  'x-amz-server-side-encryption-context': /^[\w+/=]{1,2048}$/,
  'x-amz-server-side-encryption-bucket-key-enabled': FLAG,
  'x-amz-object-lock-mode': /^(?:GOVERNANCE|COMPLIANCE)$/,
  'x-amz-object-lock-retain-until-date': DATE,
  'x-amz-object-lock-legal-hold': /^(?:ON|OFF)$/,
};

const CONDITIONAL_WRITE: Accepted = { 'if-match': true, 'if-none-match': true };
const BYPASS: Accepted = { 'x-amz-bypass-governance-retention': FLAG };
const CHECKSUM_TYPE: Accepted = { 'x-amz-checksum-type': /^(?:COMPOSITE|FULL_OBJECT)$/i };
const OPTIONAL_ATTRIBUTES: Accepted = { 'x-amz-optional-object-attributes': /^RestoreStatus$/ };

const ACCOUNT_ID = /^\d{12}$/;
/** Held against configuration (pipeline/expected-owner.ts). */
const EXPECTED_OWNER: Accepted = { 'x-amz-expected-bucket-owner': ACCOUNT_ID };

const SOURCE: Accepted = {
  'x-amz-source-expected-bucket-owner': ACCOUNT_ID,
  'x-amz-copy-source': true,
  'x-amz-copy-source-if-match': true,
  'x-amz-copy-source-if-none-match': true,
  'x-amz-copy-source-if-modified-since': true,
  'x-amz-copy-source-if-unmodified-since': true,
};

const OF_OPERATION: Readonly<Partial<Record<OperationName, Accepted>>> = {
  GetObject: READ,
  HeadObject: READ,
  PutObject: {
    ...NEW_OBJECT,
    ...CONDITIONAL_WRITE,
    'x-amz-checksum-algorithm': true,
    // An object that comes in one piece has no other.
    'x-amz-checksum-type': /^FULL_OBJECT$/i,
  },
  CreateMultipartUpload: {
    ...NEW_OBJECT,
    ...CHECKSUM_TYPE,
    'x-amz-checksum-algorithm': true,
    'if-none-match': /^\*$/,
  },
  CopyObject: {
    ...NEW_OBJECT,
    ...CONDITIONAL_WRITE,
    ...SOURCE,
    'x-amz-metadata-directive': /^(?:COPY|REPLACE)$/,
    'x-amz-tagging-directive': /^(?:COPY|REPLACE)$/,
    'x-amz-checksum-algorithm': true,
  },
  UploadPart: { 'x-amz-checksum-algorithm': true },
  UploadPartCopy: { ...SOURCE, 'x-amz-copy-source-range': /^bytes=\d{1,15}-\d{1,15}$/ },
  CompleteMultipartUpload: { ...CONDITIONAL_WRITE, ...CHECKSUM_TYPE, 'x-amz-mp-object-size': /^\d{1,15}$/ },
  DeleteObject: { ...BYPASS, 'if-match': true },
  DeleteObjects: BYPASS,
  PutObjectRetention: BYPASS,
  GetObjectAttributes: {
    'x-amz-object-attributes': /^(?:(?:ETag|Checksum|ObjectParts|StorageClass|ObjectSize)(?:, ?|$))+$/,
    'x-amz-max-parts': /^\d{1,10}$/,
    'x-amz-part-number-marker': /^\d{1,10}$/,
  },
  ListObjectsV2: OPTIONAL_ATTRIBUTES,
  ListObjects: OPTIONAL_ATTRIBUTES,
  ListObjectVersions: OPTIONAL_ATTRIBUTES,
  CreateBucket: { 'x-amz-acl': /^private$/, 'x-amz-bucket-object-lock-enabled': FLAG },
};

const ACCEPTED: ReadonlyMap<string, ReadonlyMap<string, RegExp | true>> = new Map(
  (Object.entries(OPERATIONS) as [OperationName, OperationRow][]).map(([name, row]) => [
    name,
    new Map(
      Object.entries({
        ...EVERYWHERE,
        ...(row.body === undefined || row.body === 'form' ? {} : BODY),
        // Of a bucket that there is: who lists or makes buckets expects nothing of one.
        ...(row.level === 'service' || name === 'CreateBucket' ? {} : EXPECTED_OWNER),
        ...(OF_OPERATION[name] ?? {}),
      }),
    ),
  ]),
);

/** The operations that keep headers beside an object. */
const KEEPERS: ReadonlySet<OperationName> = new Set(['PutObject', 'CopyObject', 'CreateMultipartUpload']);

const PRINTABLE_ASCII = /^[ -~]*$/;

/**
 * Refuses headers that the operation does not understand.
 * @throws GatewayError NotImplemented, InvalidArgument, MetadataTooLarge
 */
export function checkHeaders(
  operation: OperationName,
  headers: ReadonlyMap<string, string>,
  presented: Presented,
): void {
  const accepted = ACCEPTED.get(operation);
  const isKeeper = KEEPERS.has(operation);
  let metadataBytes = 0;
  for (const [name, value] of headers) {
    if (isKeeper && isStoredHeader(name)) {
      // Some stores sign a tab as a tab, and what is not UTF-8 has no encoded word (encoded-word.ts).
      if (!PRINTABLE_ASCII.test(value)) throw refuse('InvalidArgument', name);
      if (name.startsWith(METADATA_PREFIX)) metadataBytes += metadataSize(name, value);
    } else if (name === 'x-amz-security-token') {
      // Where nothing is presented, authentication says what is missing.
      if (presented !== 'signed-header' && presented !== 'nothing') throw refuse('NotImplemented', name);
    } else if (name.startsWith('x-amz-') || name.startsWith('if-')) {
      const allowed = accepted?.get(name);
      if (allowed === undefined) throw refuse(unsupportedHeader(name), name);
      if (allowed !== true && !allowed.test(value)) throw refuse('InvalidArgument', name);
    } else if (name === 'content-range') {
      throw refuse('NotImplemented', name);
    }
  }
  if (metadataBytes > MAX_USER_METADATA_BYTES) throw new GatewayError('MetadataTooLarge');
}

function metadataSize(name: string, value: string): number {
  if (name === METADATA_PREFIX || isReservedMetadata(name)) throw refuse('InvalidArgument', name);
  return name.length - METADATA_PREFIX.length + value.length;
}

/** The name only: a value may be a credential. */
function refuse(code: ErrorCode, header: string): GatewayError {
  return new GatewayError(code, { detail: header, clientFields: { Header: header } });
}
