import type { Checksum, ChecksumAlgorithm, ChecksumType, MultipartChecksum } from '../s3/body/checksums.ts';
import type { ByteRange } from '../s3/request/request.ts';

/** Where an object lives, as its wrapped key is bound to it. */
export interface ObjectAddress {
  readonly bucketId: string;
  readonly key: string;
}

/** A body to store. */
export interface SealedBody {
  /** Exact length of the body that `body()` gives, in bytes. */
  readonly storedSizeBytes: number;
  /** For the audit: keyring and KEK version, such as `local:1`. */
  readonly keyId: string;
  /**
   * Encrypts a stream. `plain` must give exactly the size that was announced and throws when the client's checksums do
   * not hold: nothing that would complete the stored object is given before `plain` has ended. Takes over the memory of
   * the chunks, and gives away that of its own.
   * @throws GatewayError IncompleteBody
   */
  readonly body: (plain: AsyncIterable<Buffer>) => AsyncIterable<Buffer>;
  /** The same for a body that is in memory whole. */
  readonly whole: (plain: Buffer) => Buffer;
}

export interface SealedObject extends SealedBody {
  /** Value of the `x-amz-meta-sallyport` header to store beside the body. */
  readonly envelope: string;
}

/** A checksum of the plaintext, kept confidential in the trailer. */
export interface KeptChecksum {
  readonly algorithm: ChecksumAlgorithm;
  /** Asked for once, after the plaintext has ended: a checksum may come in the trailer of the client's body. */
  readonly value: () => Buffer;
}

/** A stored object as the head of an answer describes it. */
export interface StoredObject {
  /** Value of `x-amz-meta-sallyport`. */
  readonly envelope: string;
  /** Stored size of the whole object in bytes (C in the specification). */
  readonly sizeBytes: number;
}

/** Stored bytes of an object, offsets inclusive; `last` is `first - 1` where there are none. */
export interface StoredExtent {
  readonly first: number;
  readonly last: number;
}

/** Consecutive parts of one length, as the client uploaded them. */
export interface PartRun {
  readonly firstNumber: number;
  readonly count: number;
  readonly plainSizeBytes: number;
}

/** The checksum of a whole object, as S3 shows it. */
export interface ObjectChecksum {
  readonly algorithm: ChecksumAlgorithm;
  readonly value: Buffer;
  /** COMPOSITE: of the checksums of its parts. */
  readonly type: ChecksumType;
}

/** How an object is laid out, from its authenticated trailers. What it says of parts is proven when segments open. */
export interface ObjectLayout {
  /** One PUT, or a multipart upload. */
  readonly kind: 's' | 'm';
  readonly plainSizeBytes: number;
  readonly storedSizeBytes: number;
  /** In order; empty for a single PUT. */
  readonly runs: readonly PartRun[];
  /** Whether the last part is a final part of the specification. */
  readonly endsInFinalPart: boolean;
  /** Present where the writer kept one. */
  readonly checksum?: ObjectChecksum;
}

/** A read of an object, planned on its layout. */
export interface PlannedRead {
  readonly plainSizeBytes: number;
  /** What is given: the whole object, or the clipped range. `last` is inclusive; an empty object has `last` = -1. */
  readonly first: number;
  readonly last: number;
  readonly keyId: string;
  /** The stored bytes that it needs. */
  readonly extent: StoredExtent;
  /**
   * Decrypts. `given` is what the stream really covers: it may begin up to two cells before `extent` and go on behind it;
   * what it covers of the last trailer is verified. Gives no byte before it is authenticated, and the last chunk only
   * when the stream has ended exactly where `given` ends. Takes over the memory of the chunks.
   * @throws GatewayError IntegrityFailure
   */
  readonly body: (stored: AsyncIterable<Buffer>, extent: StoredExtent) => AsyncIterable<Buffer>;
  /** The same for stored bytes that are in memory whole. @throws GatewayError IntegrityFailure */
  readonly whole: (stored: Buffer, extent: StoredExtent) => Buffer;
}

/** Reads exactly these stored bytes of one object, pinned to one entity. @throws GatewayError; IntegrityFailure (fewer) */
export type ReadStored = (extent: StoredExtent) => Promise<Buffer>;

/** A part of an upload in progress, as the store lists it. */
export interface StoredPart {
  /** The store's part number. */
  readonly slot: number;
  /** As the store shows it. */
  readonly etag: string;
  readonly sizeBytes: number;
  /** When it was uploaded, where that is known; in milliseconds, though stores count in seconds. */
  readonly modifiedMs?: number;
}

/** A part of an upload in progress, in the client's numbers. */
export interface ClientPart {
  readonly number: number;
  readonly stored: StoredPart;
  readonly plainSizeBytes: number;
}

/** A part as the client names it at Complete, its ETag in the store's form, unquoted. */
export interface NamedPart {
  readonly number: number;
  readonly etag: string;
  /** What the client says the part's checksum is. */
  readonly checksum?: Checksum;
}

export interface SealedPart extends SealedBody {
  /** The store's part number for it. */
  readonly slot: number;
  /**
   * It can only be the last one, and its trailer is to hold the checksum of the whole, which nobody knows before the end: it
   * is deferred until then.
   */
  readonly isDeferred: boolean;
  /** Writes the record of it, in characters that a key may hold, once its body was given and the store has it. */
  readonly record: (etag: string) => string;
}

/** What completes an upload. */
export interface Completion {
  readonly plainSizeBytes: number;
  readonly storedSizeBytes: number;
  /** The parts to name to the store, ascending; without the layout part. */
  readonly parts: readonly { readonly slot: number; readonly etag: string }[];
  /** To be uploaded first, and named among the parts. */
  readonly layoutPart:
    | {
        readonly slot: number;
        readonly storedSizeBytes: number;
        readonly body: () => AsyncIterable<Buffer>;
      }
    | undefined;
}

/** What a client said when it began an upload, to be held to until its end. */
export interface UploadTerms {
  /** How the checksum of the whole is made, and that every part has one. */
  readonly checksum: MultipartChecksum | undefined;
  /** `If-None-Match: *`. */
  readonly onlyIfNone: boolean;
}

/** What is kept of a part that was taken, beside it in the store. */
export interface PartRecord {
  /** The client's. */
  readonly number: number;
  /** The store's. */
  readonly slot: number;
  readonly plainSizeBytes: number;
  /** Whether it is deferred to the end of the upload, and is in no slot yet. */
  readonly isDeferred: boolean;
  /** Of the ETag that the store gave this attempt, in hexadecimal. */
  readonly etagDigest: string;
  /** Of its plaintext, to tell whether two attempts brought the same. */
  readonly fingerprint: Buffer | undefined;
  /** Verified as it came. */
  readonly checksum: Checksum | undefined;
}

/** What is kept of an upload beside it, and opens its records. */
export interface UploadState {
  readonly terms: UploadTerms;
  /** `undefined`: it is not a record of this upload, whoever wrote it. */
  readonly openRecord: (text: string) => PartRecord | undefined;
  /** The digest by which records name an ETag of the store's, unquoted. */
  readonly etagDigest: (etag: string) => string;
}

/** An upload in progress that was opened: its data key is known, and nothing of it is kept anywhere here. */
export interface SealedUpload {
  readonly storeUploadId: string;
  readonly keyId: string;
  /** `undefined`: nothing is kept beside it, its id carries its key. */
  readonly state: UploadState | undefined;
  /** @throws GatewayError EntityTooLarge, InvalidArgument */
  readonly sealPart: (number: number, plainSizeBytes: number, checksum: KeptChecksum | undefined) => SealedPart;
  /**
   * Plans the end of the upload from what the client names and everything that the store lists.
   * @throws GatewayError InvalidPart, EntityTooSmall, EntityTooLarge, InvalidRequest
   */
  readonly complete: (
    named: readonly NamedPart[],
    stored: readonly StoredPart[],
    /** Of the whole, to be kept in its trailer. */
    checksum?: ObjectChecksum,
  ) => Completion;
  /** The body of a deferred part, with the checksum of the whole in its trailer. As long as it was. */
  readonly appendTrailer: (
    part: { readonly number: number; readonly plainSizeBytes: number },
    waited: AsyncIterable<Buffer>,
    checksum: ObjectChecksum,
  ) => AsyncIterable<Buffer>;
  /** Whether an object with this envelope came out of this upload. */
  readonly isOrigin: (envelope: string) => boolean;
}

export interface NewUpload {
  readonly envelope: string;
  readonly keyId: string;
  /** Gives what is to be kept beside the upload: who has it opens the upload by the store's own id. */
  readonly state: (storeUploadId: string, terms: UploadTerms) => Buffer;
  /** Gives an id of the upload that carries the wrapped key, where nothing is to be kept beside it. */
  readonly sealedId: (storeUploadId: string) => string;
}

export interface ObjectCipher {
  /** Largest plaintext of a single PUT and of a part, in bytes. */
  readonly maxPlainSizeBytes: number;
  /** Plans a body with a new data key, at once where that takes no call. @throws GatewayError EntityTooLarge, ServiceUnavailable */
  readonly seal: (
    address: ObjectAddress,
    plainSizeBytes: number,
    checksum: KeptChecksum | undefined,
  ) => SealedObject | Promise<SealedObject>;
  /** @throws GatewayError ServiceUnavailable */
  readonly newUpload: (address: ObjectAddress) => Promise<NewUpload>;
  /** Whether an id is one that `sealedId` gave, by its form; every other one is the store's own. */
  readonly isSealedId: (uploadId: string) => boolean;
  /** Opens the id that `sealedId` gave. @throws GatewayError NoSuchUpload, ServiceUnavailable */
  readonly openSealedId: (address: ObjectAddress, uploadId: string) => Promise<SealedUpload>;
  /** Names the folder, in the same bucket, of what is kept beside an upload; it ends in a slash. */
  readonly uploadFolder: (address: ObjectAddress, storeUploadId: string) => string;
  /** Opens what `state` gave. @throws GatewayError NoSuchUpload (it is of another upload, or forged), ServiceUnavailable */
  readonly openState: (address: ObjectAddress, storeUploadId: string, state: Buffer) => Promise<SealedUpload>;
  /** The client's view of all parts that a store lists (ascending), in the client's order; an ambiguous one is left out. */
  readonly clientParts: (stored: readonly StoredPart[]) => readonly ClientPart[];
  /** Another envelope for the same body. @throws GatewayError IntegrityFailure, ServiceUnavailable */
  readonly rewrap: (
    from: ObjectAddress,
    envelope: string,
    to: ObjectAddress,
  ) => Promise<{ readonly envelope: string; readonly keyId: string }>;
  /** What an envelope says of itself, unverified. @throws GatewayError IntegrityFailure, NotImplemented */
  readonly describe: (envelope: string) => {
    readonly kind: 's' | 'm';
    /** Keyring and KEK version, such as `local:1`. */
    readonly keyId: string;
  };
  /**
   * The stored bytes to ask for before anything of an object is known, as a `Range` header value: right for every single
   * PUT, and for uploads of equal parts of a multiple of 64 KiB. A suffix is requested with up to one segment more than
   * it needs, because where its first segment starts is known only with the answer.
   */
  readonly storedRange: (range: ByteRange) => string;
  /** The layout of a single PUT, from its stored size alone. @throws GatewayError IntegrityFailure (no object has that size) */
  readonly singleLayout: (storedSizeBytes: number) => ObjectLayout;
  /**
   * Reads the trailers of an object, of either kind: one to three small reads.
   * @throws GatewayError IntegrityFailure, NotImplemented, ServiceUnavailable; what `read` throws
   */
  readonly lookup: (address: ObjectAddress, stored: StoredObject, read: ReadStored) => Promise<ObjectLayout>;
  /**
   * Unwraps the key and plans a read, at once where the key is in memory; `part`: of one of the client's parts (1 of a single
   * PUT: all of it).
   * @throws GatewayError IntegrityFailure, InvalidRange (with Content-Range), InvalidPartNumber, NotImplemented, ServiceUnavailable
   */
  readonly plan: (
    address: ObjectAddress,
    stored: StoredObject,
    layout: ObjectLayout,
    wanted: ByteRange | { readonly part: number } | undefined,
  ) => PlannedRead | Promise<PlannedRead>;
  /**
   * The plaintext size of a regular object from its stored size; `undefined` where the stored size says that a lookup is
   * needed, or that no object of this format has that size. Unverified: nothing is authenticated.
   */
  readonly plainSize: (storedSizeBytes: number) => number | undefined;
}
