/**
 * What S3 knows and the gateway refuses for a reason of its own. Enters: a name out of a request. Leaves: the code whose
 * message says what to do instead, for clients that show nothing else; all other names are NotImplemented.
 */
import type { ErrorCode } from '../../errors/codes.ts';

const HEADERS: readonly (readonly [RegExp, ErrorCode])[] = [
  [/^x-amz-(?:copy-source-)?server-side-encryption-customer-/, 'CustomerKeysNotSupported'],
  // S3's own answer where nothing is written: the object's encryption is found, not asked for.
  [/^x-amz-server-side-encryption/, 'InvalidArgument'],
  [/^x-amz-write-offset-bytes$/, 'AppendNotSupported'],
  [/^x-amz-rename-source/, 'RenameNotSupported'],
  [/^x-amz-create-session-mode$/, 'DirectoryBucketsNotSupported'],
];

const SUBRESOURCES: ReadonlyMap<string, ErrorCode> = new Map([
  ['annotation', 'AnnotationsNotSupported'],
  ['renameObject', 'RenameNotSupported'],
  ['session', 'DirectoryBucketsNotSupported'],
]);

/** Gives the code for a header (lower-case name) that an operation does not take. */
export function unsupportedHeader(name: string): ErrorCode {
  return HEADERS.find(([names]) => names.test(name))?.[1] ?? 'NotImplemented';
}

/** Gives the code for a query parameter that no operation takes. */
export function unsupportedParameter(name: string): ErrorCode {
  return SUBRESOURCES.get(name) ?? 'NotImplemented';
}

/** Tells whether a bucket's name makes SDKs take it for a directory bucket (S3 Express), which has sessions of its own. */
export function isDirectoryBucketName(name: string): boolean {
  return /--xa?-s3$/.test(name);
}

/** Tells whether a name of an algorithm is one of Signature Version 4A. */
export function isSigV4a(algorithm: string): boolean {
  return /^AWS4-ECDSA/i.test(algorithm);
}
