/**
 * The immutable request as the pipeline sees it. Nothing in it is verified: `receive` has parsed it, no more.
 */
import type { Addressed } from './addressed.ts';
import type { Checksum, ChecksumAlgorithm } from '../body/checksums.ts';
import type { Operation } from '../operations/operation.ts';
import type { OperationName } from '../operations/operations.ts';

/** The request as it came off the wire, before any decoding. */
export interface RawRequest {
  readonly method: string;
  /** The request target, byte for byte (origin-form expected). */
  readonly target: string;
  /** Names and values in turn, in wire order, duplicates included, as Node's `rawHeaders`. */
  readonly rawHeaders: readonly string[];
}

/** `bytes=a-b`, `bytes=a-` (no `last`), or `bytes=-n` (`suffixLength`). Offsets are of the plaintext, inclusive. */
export type ByteRange =
  | { readonly kind: 'closed'; readonly first: number; readonly last: number }
  | { readonly kind: 'open'; readonly first: number }
  | { readonly kind: 'suffix'; readonly length: number };

/** What a client says of the body that it is about to send; each is verified on the plaintext. */
export interface BodyClaims {
  /** Decoded Content-MD5, 16 bytes. */
  readonly md5?: Buffer;
  /** Decoded `x-amz-checksum-*`; at most one may be sent. */
  readonly checksum?: Checksum;
  /** A checksum to make, where one was named without a value. */
  readonly wanted?: ChecksumAlgorithm;
  /** Decoded hex of `x-amz-content-sha256`, 32 bytes, when it is a digest. */
  readonly sha256?: Buffer;
}

/** How the body is framed, and what is declared of it. */
export interface Payload {
  /** Bytes of the body without framing: `x-amz-decoded-content-length` where it is aws-chunked, else `Content-Length`. */
  readonly sizeBytes: number | undefined;
  /** The value of `x-amz-content-sha256` as it came: a hex digest, or one of the literals of Signature Version 4. */
  readonly declaredHash: string | undefined;
  /** `undefined`: the body comes as it is. `signed`: each chunk (and the trailer) carries a signature. */
  readonly chunked: { readonly signed: boolean; readonly trailer: ChecksumAlgorithm | undefined } | undefined;
}

export type Scheme = 'https' | 'http';

/** The source of a copy, decoded. */
export interface CopySource {
  readonly bucket: string;
  readonly key: string;
  readonly versionId: string | undefined;
}

/** Where the request carries credentials, of which nothing is verified. One place only: more were refused. */
export type Presented = 'nothing' | 'bearer' | 'signed-header' | 'signed-query' | 'signed-form';

export interface S3Request extends Addressed {
  /** As it came; what signatures are verified over. */
  readonly raw: RawRequest;
  readonly presented: Presented;
  readonly requestId: string;
  readonly receivedAtMs: number;
  readonly operation: OperationName;
  /** Of the operation: how its kind of request is read, decided, put to a store and answered. */
  readonly descriptor: Operation;
  readonly method: string;
  /** Lower-case names; repeated headers that matter were refused, others are joined by a comma. */
  readonly headers: ReadonlyMap<string, string>;
  readonly payload: Payload;
  /** `null` is a version id of S3's as well. */
  readonly versionId: string | undefined;
  readonly copySource: CopySource | undefined;
  readonly range: ByteRange | undefined;
  readonly claims: BodyClaims;
  readonly clientAddress: string;
  /** It is decided, and not performed. */
  readonly isDryRun?: true;
  /** Of POST Object: the fields of the form, by lower-case name, the key with its file name put in. */
  readonly form?: ReadonlyMap<string, string>;
}
