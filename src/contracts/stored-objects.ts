/**
 * Objects of a store in the client's view: what it takes of requests, keys and trailers to read, to list and to upload
 * them as if they were plain.
 */
import type {
  Checksum,
  ChecksumType,
  ChecksumAlgorithm,
  CompletedChecksum,
  MultipartChecksum,
  ShownChecksum,
} from '../s3/body/checksums.ts';
import type { ByteRange } from '../s3/request/request.ts';
import type { ObjectLock, WriteTerms } from '../s3/request/write-terms.ts';
import type {
  ClientPart,
  KeptChecksum,
  NamedPart,
  ObjectChecksum,
  ObjectLayout,
  SealedPart,
  UploadTerms,
} from './object-cipher.ts';
import type { StateSession, StoreRequest, StoreSession } from './store-session.ts';

/** Which object, and what of it. */
export interface ObjectQuery {
  readonly key: string;
  readonly versionId: string | undefined;
  /** Of the plaintext. */
  readonly range: ByteRange | undefined;
  readonly partNumber: number | undefined;
  /** Whether the checksum of the whole is wanted beside it. */
  readonly wantsChecksum: boolean;
  /** Conditions on the store's entity, in the store's ETags; lower-case names. */
  readonly conditions: Readonly<Record<string, string>>;
}

/** An object as its client is to see it. */
export interface ObjectView {
  /** The store's headers that describe the object, as they came. */
  readonly headers: ReadonlyMap<string, string>;
  /** `sealed`: ours. `legacy`: another gateway's. `none`: plaintext. */
  readonly form: 'sealed' | 'legacy' | 'none';
  readonly sizeBytes: number;
  /** What is given; inclusive, `last` = -1 for an empty object. */
  readonly first: number;
  readonly last: number;
  readonly partial: boolean;
  /** Present where a part was requested of an object in several. */
  readonly partsCount?: number;
  /** Present where it was wanted and is kept. Plain objects have the store's own among their headers. */
  readonly checksum?: ObjectChecksum & {
    /** Of how many parts a COMPOSITE one is; S3 writes it behind the value. */
    readonly partsCount: number;
  };
  /** For the audit. */
  readonly keyId?: string;
}

export interface OpenedObject extends ObjectView {
  /** In memory where it is small. Nothing in it has left before it was authenticated. */
  readonly body: Buffer | AsyncIterable<Buffer>;
  /** Gives the body up; of one that is in memory nothing is left to give up. */
  readonly discard: () => Promise<void>;
}

/** An entry of a listing, as the store lists it. */
export interface StoredEntry {
  readonly key: string;
  readonly versionId?: string;
  readonly etag: string;
  readonly sizeBytes: number;
}

export interface ObjectReader {
  /** @throws GatewayError ObjectNotEncrypted, IntegrityFailure, InvalidRange, InvalidPartNumber, what the store says */
  readonly read: (session: StoreSession, query: ObjectQuery) => Promise<OpenedObject>;
  /** The same without a body: one request, and a lookup of the trailer where the size or what is wanted needs it. */
  readonly head: (session: StoreSession, query: ObjectQuery) => Promise<ObjectView>;
  /** `head` and the layout; `undefined` for objects that are not sealed. */
  readonly describe: (
    session: StoreSession,
    query: ObjectQuery,
  ) => Promise<ObjectView & { readonly layout: ObjectLayout | undefined }>;
  /**
   * The listed entries as their client is to see them, in their order; `undefined` for one whose object is gone meanwhile.
   * No request for regular objects; one lookup for each that its size does not tell (in `migrating`: for each), so many at
   * once, remembered by key, version and ETag. `admit` is asked once before the first look, with how many there may be.
   * @throws GatewayError what the store says of a lookup
   */
  readonly sizes: (
    session: StoreSession,
    entries: readonly StoredEntry[],
    admit?: (lookups: number) => Promise<void>,
  ) => Promise<readonly (ListedSize | undefined)[]>;
}

/** How an entry of a listing is shown. */
export interface ListedSize {
  /** Of the plaintext. */
  readonly sizeBytes: number;
  /** Present where the object was replaced after the listing: what to show instead. The ETag in the store's form, RFC 3339. */
  readonly instead?: { readonly etag: string; readonly lastModified: string };
}

/** Where a part goes, and what follows when it is there. */
export interface PreparedPart extends SealedPart {
  readonly storeUploadId: string;
  /** Where its body is to be put: as a part of the store's upload, or deferred. */
  readonly session: StoreSession;
  readonly key: string;
  readonly query: StoreRequest['query'];
  /** To be called with the store's ETag before the client is told: what it was told is known from then on. */
  readonly onStored: (etag: string) => Promise<void>;
}

/** Where an upload in progress is. */
export interface UploadAddress {
  readonly key: string;
  /** As the client has it. */
  readonly uploadId: string;
}

/**
 * Multipart uploads whose parts are sealed. The store knows all of an upload: what the gateway keeps of it stands there
 * beside it, or, in a session that keeps nothing, in its id.
 */
export interface Uploads {
  /**
   * Begins an upload with these headers; gives the client's id of it: the store's own, wherever its state can be kept. What
   * is `said` of its object is seen to at the end.
   * @throws GatewayError PreconditionFailed (`terms.onlyIfNone`, and there is one)
   */
  readonly create: (
    session: StoreSession,
    key: string,
    headers: Readonly<Record<string, string>>,
    terms?: UploadTerms & { readonly said?: WriteTerms | undefined },
  ) => Promise<{ readonly uploadId: string; readonly keyId: string }>;
  /** What was said when the upload began; `undefined`: nothing is kept of it. @throws GatewayError NoSuchUpload */
  readonly terms: (session: StoreSession, upload: UploadAddress) => Promise<UploadTerms | undefined>;
  /** Plans the encryption of a part. @throws GatewayError NoSuchUpload, EntityTooLarge, InvalidRequest (another checksum) */
  readonly sealPart: (
    session: StoreSession,
    upload: UploadAddress,
    part: { readonly number: number; readonly sizeBytes: number; readonly checksum: KeptChecksum | undefined },
  ) => Promise<PreparedPart>;
  /**
   * Completes an upload; repeated, it succeeds again. `sizeBytes`: what the client says the whole is; `checksum`: of it.
   * @throws GatewayError NoSuchUpload, InvalidPart, EntityTooSmall, InvalidRequest, PreconditionFailed, BadDigest
   */
  readonly complete: (
    session: StoreSession,
    upload: UploadAddress,
    parts: readonly NamedPart[],
    options: {
      readonly sizeBytes: number | undefined;
      readonly conditions: Readonly<Record<string, string>>;
      readonly checksum?: CompletedChecksum | undefined;
      readonly checksumType?: ChecksumType | undefined;
    },
  ) => Promise<{
    readonly etag: string;
    readonly versionId: string | undefined;
    readonly keyId: string;
    /** That is kept of the whole. */
    readonly checksum?: ObjectChecksum | undefined;
  }>;
  /** Also of an upload of which nothing is kept. */
  readonly abort: (session: StoreSession, upload: UploadAddress) => Promise<void>;
  /** All parts, in the client's numbers and order. */
  readonly parts: (
    session: StoreSession,
    upload: UploadAddress,
  ) => Promise<{
    readonly parts: readonly (ClientPart & { readonly lastModified: string; readonly checksum?: Checksum })[];
    readonly storageClass: string;
    /** As the upload was begun with. */
    readonly checksum?: MultipartChecksum;
  }>;
  readonly promises: UploadPromises;
  /** Deletes what is kept in a folder of an upload that is no more. @throws GatewayError what the store says */
  readonly forget: (states: Pick<StoreSession, 'send'>, folder: string) => Promise<void>;
  /** Deletes what is kept of all uploads of a bucket that is to go. @throws GatewayError what the store says */
  readonly forgetAll: (states: StateSession) => Promise<void>;
  /** Brings to its end at once what may follow the end of an upload. */
  readonly close: () => Promise<void>;
}

/**
 * What is said of uploads that not every store holds to: where the beginning says it, it is kept beside the upload until the
 * end, which sees to it. Of sealed uploads the state keeps the condition.
 */
export interface UploadPromises {
  /** Notes that a plain upload was begun without any, so that its end asks for nothing. */
  readonly free: (session: StoreSession, upload: UploadAddress) => void;
  /** Keeps them beside an upload that has begun, or gives the upload up. @throws GatewayError what the store says */
  readonly hold: (session: StoreSession, upload: UploadAddress, said: UploadPromise) => Promise<void>;
  /** What is kept beside a plain upload: one small request, if this process did not see it begin. @throws GatewayError what the store says */
  readonly held: (session: StoreSession, upload: UploadAddress) => Promise<UploadPromise>;
  /** Decides `If-None-Match: *` where an upload is to begin. @throws GatewayError PreconditionFailed */
  readonly mayBegin: (session: StoreSession, key: string) => Promise<void>;
  /**
   * Decides where a plain upload is to end what the store does not, unless it has ended before: then the store answers.
   * @throws GatewayError PreconditionFailed, NoSuchKey, InvalidRequest (not the size of the parts)
   */
  readonly mayEnd: (session: StoreSession, upload: UploadAddress, claims: UploadEnd) => Promise<void>;
  /** Gives the object of a plain upload what was said of it. @throws GatewayError LockNotKept, what the store says */
  readonly applyTerms: (session: StoreSession, written: WrittenObject, terms: WriteTerms) => Promise<void>;
  /** Deletes, behind the answer, what is kept beside an upload that has ended; `later`: when nobody asks for its end again. */
  readonly end: (session: StoreSession, upload: UploadAddress, when: 'now' | 'later') => Promise<void>;
}

export interface UploadPromise {
  /** Of a plain upload: begun with `If-None-Match: *`. */
  readonly onlyIfNone: boolean;
  /** Absent where the beginning said nothing that the store might pass over. */
  readonly terms?: WriteTerms | undefined;
}

export interface UploadEnd {
  /** In the store's ETags. */
  readonly conditions: Readonly<Record<string, string>>;
  /** What the client says the whole is, and the parts that it names. */
  readonly sizeBytes: number | undefined;
  readonly numbers: readonly number[];
}

/** An object that is there by now. */
export interface WrittenObject {
  readonly key: string;
  /** As the store told it. */
  readonly versionId: string | undefined;
}

/** What stores say of writes that a client cannot see. */
export interface WriteProofs {
  /** Proves that an object has the lock that its write asked for. @throws GatewayError LockNotKept; what the store says */
  readonly lock: (session: StoreSession, written: WrittenObject, lock: ObjectLock) => Promise<void>;
}

/** The buckets of a copy, each as the caller's session reaches it; twice the same one within a bucket. */
export interface CopyEnds {
  readonly from: StoreSession;
  readonly to: StoreSession;
}

/** What is copied. */
export interface CopyOrigin {
  readonly key: string;
  /** As the client named it. */
  readonly versionId: string | undefined;
  /** As of a read, in the store's ETags; lower-case names. */
  readonly conditions: Readonly<Record<string, string>>;
}

export interface ObjectCopy {
  readonly origin: CopyOrigin;
  readonly key: string;
  /** What the new object is to be, but for what `kept` and `tags` say. */
  readonly headers: Readonly<Record<string, string>>;
  /** On what it may replace, in the store's ETags; lower-case names. */
  readonly conditions: Readonly<Record<string, string>>;
  /** What is kept beside the new object; `undefined`: what is kept beside its origin. */
  readonly kept: Readonly<Record<string, string>> | undefined;
  /** In the form of `x-amz-tagging`; `undefined`: those of its origin. */
  readonly tags: string | undefined;
  /** To be computed anew. `undefined`: of the same kind as the origin's. */
  readonly checksum: ChecksumAlgorithm | undefined;
}

export interface PartCopy {
  readonly origin: CopyOrigin;
  readonly upload: UploadAddress;
  readonly number: number;
  /** Of the plaintext, inclusive; `undefined`: all of it. */
  readonly range: { readonly first: number; readonly last: number } | undefined;
}

/** What a copy made. */
export interface CopyResult {
  /** As the store shows it. */
  readonly etag: string;
  /** RFC 3339. */
  readonly lastModified: string;
  readonly versionId: string | undefined;
  readonly sourceVersionId: string | undefined;
  /** Of the copy, where one was made on the way and is kept. */
  readonly checksum?: ShownChecksum;
  readonly keyId?: string;
  /** Of the store's answer about what becomes plain. */
  readonly headers?: ReadonlyMap<string, string>;
}

/** How far a store decides, in one step with a copy, whether its ends are still what they were. */
export interface CopyPreconditions {
  /** Of the source: without it a copy onto itself can lose an object. */
  readonly source: boolean;
  /** Of the target: without it a re-wrap in place can put an object back over a newer one. */
  readonly target: boolean;
  /** The same where the target is put together of parts. */
  readonly completion: boolean;
}

/** A sealed object that is to stand where another one stands. */
export interface Replacement {
  readonly source: StoredLocation & { readonly sizeBytes: number; readonly envelope: string };
  /** What it replaces. Its tags are kept. */
  readonly target: StoredLocation;
  /** What is to stand beside it, but for its envelope and its tags. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface StoredLocation {
  readonly key: string;
  readonly versionId: string | undefined;
  /** Quoted. */
  readonly etag: string;
}

export interface ReplacedEnvelope {
  readonly keyId: string;
  readonly etag: string;
  /** Present where the bucket keeps versions: what was there is kept, with the old envelope. */
  readonly versionId: string | undefined;
}

/** Copies of which at least one end is not kept plain. Nothing of one that fails is left behind. */
export interface Copies {
  /**
   * Re-wraps the key and lets the store copy the body, where both ends are sealed and no tags go along; else reads the
   * origin and writes it anew, in constant memory.
   * @throws GatewayError PreconditionFailed, InvalidRequest (over 5 GiB), ObjectNotEncrypted, IntegrityFailure,
   * AccessDeniedByStore (tags that the caller may not read), NotImplemented, what the store says
   */
  readonly copyObject: (ends: CopyEnds, copy: ObjectCopy) => Promise<CopyResult>;
  /**
   * Has the store copy a plain object to a plain prefix without its tags, metadata said anew; `undefined`: it has none, and
   * can be copied as it is.
   * @throws GatewayError what the store says
   */
  readonly copyUntagged: (ends: CopyEnds, copy: ObjectCopy) => Promise<CopyResult | undefined>;
  /**
   * Has the store copy a plain object to a plain prefix with these headers, its source held to the client's conditions here;
   * tags that would be lost on the way go along through here.
   * @throws GatewayError PreconditionFailed, what the store says
   */
  readonly copyPinned: (
    ends: CopyEnds,
    copy: ObjectCopy,
    headers: Readonly<Record<string, string>>,
  ) => Promise<CopyResult>;
  /** @throws as `copyObject`; InvalidArgument (the origin has no such range), NoSuchUpload */
  readonly copyPart: (ends: CopyEnds, copy: PartCopy) => Promise<CopyResult>;
  /**
   * Writes a sealed object's envelope anew, by the keyring's current version: a copy onto itself, in parts above 5 GiB,
   * on condition that it is still the one with this ETag (quoted). Metadata, tags and storage class are kept; an ACL and
   * locks are not.
   * @throws GatewayError PreconditionFailed (another object is there), ObjectNotEncrypted, IntegrityFailure, what the store says
   */
  readonly replaceEnvelope: (session: StoreSession, key: string, etag: string) => Promise<ReplacedEnvelope>;
  /**
   * Puts a sealed object over another one: a copy with its key wrapped for that bucket and key, in parts above 5 GiB, on condition
   * that both are still those with these ETags.
   * @throws GatewayError PreconditionFailed (another object is at either end), IntegrityFailure, what the store says
   */
  readonly replaceObject: (ends: CopyEnds, replacement: Replacement) => Promise<ReplacedEnvelope>;
  /**
   * Finds out on an object of its own, sealed, empty and with these headers, at `key`, where nothing may be; it is deleted
   * afterwards.
   */
  readonly probe: (
    session: StoreSession,
    key: string,
    headers: Readonly<Record<string, string>>,
  ) => Promise<CopyPreconditions>;
}
