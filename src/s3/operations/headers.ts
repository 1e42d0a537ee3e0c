/**
 * Headers that operations take (`Accepted`), and those that clients add by themselves and that ask for nothing here
 * (`Ignored`), as groups that descriptions of operations are put together from.
 */
import { ANNOTATION_DIRECTIVE } from '../request/annotations.ts';
import { CHECKSUM_HEADERS } from '../body/checksums.ts';

export interface AcceptedHeader {
  /** Accepted with any value that its own reader takes (`true`), or with values of this form only. */
  readonly values: RegExp | true;
  /**
   * What the store gets of it: `nothing`, but for what its reader makes of it; the header as it came (`passed`); the same where
   * it asks for more than S3's default, as policy decided it by a verb (`decided`, verbs.ts); or the same where the store makes
   * a copy (`of-copy`).
   */
  readonly toStore: 'nothing' | 'passed' | 'decided' | 'of-copy';
}

/** By lower-case name. */
export type Accepted = Readonly<Record<string, AcceptedHeader>>;

export const readHere = (values: RegExp | true): AcceptedHeader => ({ values, toStore: 'nothing' });
export const passed = (values: RegExp | true): AcceptedHeader => ({ values, toStore: 'passed' });
export const ofCopy = (values: RegExp): AcceptedHeader => ({ values, toStore: 'of-copy' });
const decided = (values: RegExp): AcceptedHeader => ({ values, toStore: 'decided' });

const FLAG = /^(?:true|false)$/i;
const DATE = /^[\w:.+-]{1,40}$/;
const ACCOUNT_ID = /^\d{12}$/;

/** Of every operation. */
export const EVERYWHERE: Accepted = { 'x-amz-date': readHere(true), 'x-amz-content-sha256': readHere(true) };

/** Of every body, documents included. */
export const BODY: Accepted = {
  ...Object.fromEntries([...CHECKSUM_HEADERS.keys()].map((name) => [name, readHere(true)] as const)),
  'x-amz-sdk-checksum-algorithm': readHere(true),
  'x-amz-trailer': readHere(true),
  'x-amz-decoded-content-length': readHere(true),
};

/** Held against configuration (pipeline/expected-owner.ts). */
export const EXPECTED_OWNER: Accepted = { 'x-amz-expected-bucket-owner': readHere(ACCOUNT_ID) };

export const NO_HEADERS: Accepted = {};

export const READ: Accepted = {
  'x-amz-checksum-mode': readHere(/^ENABLED$/i),
  'if-match': readHere(true),
  'if-none-match': readHere(true),
  'if-modified-since': readHere(true),
  'if-unmodified-since': readHere(true),
  'if-range': readHere(true),
};

/** What policy decides by a verb of its own where it is no default (verbs.ts). A customer's own key is not to be had. */
export const NEW_OBJECT: Accepted = {
  'x-amz-acl': decided(
    /^(?:private|public-read|public-read-write|authenticated-read|aws-exec-read|bucket-owner-read|bucket-owner-full-control)$/,
  ),
  'x-amz-tagging': decided(/^[\w %.:/=+@&-]{0,4096}$/),
  'x-amz-storage-class': decided(/^[A-Z][A-Z0-9_-]{0,31}$/),
  // Policies of buckets deny writes without it, AES256 too; any other value has been decided by a verb (verbs.ts).
  'x-amz-server-side-encryption': passed(/^(?:AES256|aws:kms|aws:kms:dsse)$/),
  'x-amz-server-side-encryption-aws-kms-key-id': decided(/^[\w:/-]{1,256}$/),
  'x-amz-server-side-encryption-context': decided(/^[\w+/=]{1,2048}$/),
  'x-amz-server-side-encryption-bucket-key-enabled': decided(FLAG),
  'x-amz-object-lock-mode': decided(/^(?:GOVERNANCE|COMPLIANCE)$/),
  'x-amz-object-lock-retain-until-date': decided(DATE),
  'x-amz-object-lock-legal-hold': decided(/^(?:ON|OFF)$/),
};

export const CONDITIONAL_WRITE: Accepted = { 'if-match': readHere(true), 'if-none-match': readHere(true) };
export const BYPASS: Accepted = { 'x-amz-bypass-governance-retention': decided(FLAG) };
export const CHECKSUM_ALGORITHM: Accepted = { 'x-amz-checksum-algorithm': readHere(true) };
export const CHECKSUM_TYPE: Accepted = { 'x-amz-checksum-type': readHere(/^(?:COMPOSITE|FULL_OBJECT)$/i) };
export const OPTIONAL_ATTRIBUTES: Accepted = { 'x-amz-optional-object-attributes': readHere(/^RestoreStatus$/) };
export const NEW_BUCKET: Accepted = {
  'x-amz-acl': decided(/^private$/),
  'x-amz-bucket-object-lock-enabled': passed(FLAG),
};

/** The source of a copy. */
export const SOURCE: Accepted = {
  'x-amz-source-expected-bucket-owner': readHere(ACCOUNT_ID),
  'x-amz-copy-source': readHere(true),
  'x-amz-copy-source-if-match': readHere(true),
  'x-amz-copy-source-if-none-match': readHere(true),
  'x-amz-copy-source-if-modified-since': readHere(true),
  'x-amz-copy-source-if-unmodified-since': readHere(true),
};

/** The harmless values of a header; with any other it is refused as `otherwise`. */
export interface Harmless {
  readonly values: RegExp;
  readonly otherwise: 'InvalidArgument' | 'AnnotationsNotSupported';
}

export type Ignored = Readonly<Record<string, Harmless>>;

const harmless = (values: RegExp, otherwise: Harmless['otherwise'] = 'InvalidArgument'): Harmless => ({
  values,
  otherwise,
});
const ANYTHING = harmless(/^/);
const ALGORITHM = harmless(/^[A-Z0-9]{1,16}$/i);

export const IGNORED_EVERYWHERE: Ignored = {
  'x-amz-user-agent': ANYTHING,
  // AWS SDK for C++: every request that is not streaming.
  'x-amz-api-version': harmless(/^2006-03-01$/),
  // Says who would be charged, and that is whoever owns the store's account here.
  'x-amz-request-payer': harmless(/^requester$/i),
};

export const NONE_IGNORED: Ignored = {};

/** Of a request without a body. AWS SDK for Java 2: both on every default GetObject, the checksum being one of nothing. */
export const IGNORED_OF_READ: Ignored = {
  'x-amz-te': harmless(/^append-md5$/i),
  'x-amz-sdk-checksum-algorithm': ALGORITHM,
  ...Object.fromEntries([...CHECKSUM_HEADERS.keys()].map((name) => [name, ANYTHING] as const)),
};

export const IGNORED_OF_COPY: Ignored = {
  // AWS CLI >= 2.36: every copy in one request. It asks for what happens anyway.
  [ANNOTATION_DIRECTIVE]: harmless(/^EXCLUDE$/, 'AnnotationsNotSupported'),
};

/**
 * Of CreateMultipartUpload. CRT below the AWS SDK for Java 2.29: it names the checksum of a body that this request has not;
 * that of the upload is x-amz-checksum-algorithm.
 */
export const IGNORED_OF_BEGINNING: Ignored = { 'x-amz-sdk-checksum-algorithm': ALGORITHM };

/** Of CompleteMultipartUpload. minio-go: repeated from CreateMultipartUpload, which decided it. */
export const IGNORED_OF_END: Ignored = {
  'x-amz-server-side-encryption': harmless(/^(?:AES256|aws:kms|aws:kms:dsse)$/),
};
