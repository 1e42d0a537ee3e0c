/**
 * What the store keeps of buckets, objects and uploads; the shapes of its JSON files.
 */
import type { ChecksumAlgorithm, ChecksumType, StoredChecksum } from './checksums.ts';

export interface Tag {
  readonly Key: string;
  readonly Value: string;
}

export interface Retention {
  readonly mode: 'GOVERNANCE' | 'COMPLIANCE';
  readonly untilMs: number;
}

/** What a writer says of an object, body aside. */
export interface Description {
  /** The headers to give back with the object, lower-case, in the form in which Node writes header bytes. */
  readonly headers: Readonly<Record<string, string>>;
  readonly storageClass: string;
  /** The `x-amz-server-side-encryption*` headers, given back and nothing more: nothing is encrypted here. */
  readonly encryption: Readonly<Record<string, string>>;
  /** A canned ACL; shown, and never widening what anybody may do. */
  readonly acl: string;
  readonly tags: readonly Tag[];
  readonly retention?: Retention | undefined;
  readonly legalHold?: boolean | undefined;
}

export interface StoredPart {
  readonly number: number;
  readonly sizeBytes: number;
  /** Base64, of the upload's algorithm or the part's own. */
  readonly checksum?: { readonly algorithm: ChecksumAlgorithm; readonly value: string } | undefined;
}

export interface StoredVersion extends Description {
  /** `null` for what was written while versioning was not enabled. */
  readonly versionId: string;
  readonly isDeleteMarker: boolean;
  /** Name of the data file in the bucket's folder; empty for a delete marker. */
  readonly dataFile: string;
  readonly sizeBytes: number;
  /** Without quotes: MD5 in hex, of a multipart object `<md5 of md5s>-<number of parts>`. */
  readonly etag: string;
  readonly lastModifiedMs: number;
  readonly checksum?: StoredChecksum | undefined;
  /** Of a multipart object, in order. */
  readonly parts?: readonly StoredPart[] | undefined;
}

export interface StoredObject {
  readonly key: string;
  /** Newest first; never empty. */
  readonly versions: readonly StoredVersion[];
}

export interface BucketSettings {
  readonly createdMs: number;
  readonly versioning?: 'Enabled' | 'Suspended' | undefined;
  readonly objectLock: boolean;
  readonly tags: readonly Tag[];
}

export interface UploadedPart extends StoredPart {
  readonly dataFile: string;
  readonly etag: string;
  readonly lastModifiedMs: number;
}

export interface StoredUpload {
  readonly uploadId: string;
  readonly key: string;
  readonly initiatedMs: number;
  readonly description: Description;
  /** As asked for when it was created. */
  readonly checksum?: { readonly algorithm: ChecksumAlgorithm; readonly type: ChecksumType } | undefined;
}

export const PLAIN: Description = { headers: {}, storageClass: 'STANDARD', encryption: {}, acl: 'private', tags: [] };
