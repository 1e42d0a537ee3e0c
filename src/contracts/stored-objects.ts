/**
 * Objects of a store in the client's view: what it takes of requests, keys and trailers to read, to list and to upload
 * them as if they were plain.
 */
import type { ByteRange } from '../s3/request.ts';
import type { ClientPart, KeptChecksum, NamedPart, ObjectChecksum, ObjectLayout, SealedPart } from './object-cipher.ts';
import type { StoreSession } from './store-session.ts';

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
  /** Present where a part was asked for of an object in several. */
  readonly partsCount?: number;
  /** Present where it was wanted and is kept. Plain objects have the store's own among their headers. */
  readonly checksum?: ObjectChecksum;
  /** For the audit. */
  readonly keyId?: string;
}

export interface OpenedObject extends ObjectView {
  /** In memory where it is small. Nothing in it has left before it was authenticated. */
  readonly body: Buffer | AsyncIterable<Buffer>;
  /** Gives the body up. */
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
  /** The same without a body: one request, and a look at the trailer where the size or what is wanted needs it. */
  readonly head: (session: StoreSession, query: ObjectQuery) => Promise<ObjectView>;
  /** `head` and the layout; `undefined` for objects that are not sealed. */
  readonly describe: (
    session: StoreSession,
    query: ObjectQuery,
  ) => Promise<ObjectView & { readonly layout: ObjectLayout | undefined }>;
  /**
   * The client's sizes of listed entries, in their order. No request for regular objects; one look for each that its
   * size does not tell (in `migrating`: for each), so many at once, remembered by key, version and ETag.
   * @throws GatewayError what the store says of a look
   */
  readonly sizes: (session: StoreSession, entries: readonly StoredEntry[]) => Promise<readonly number[]>;
}

/** Where an upload under way is. */
export interface UploadAddress {
  readonly key: string;
  /** As the client has it. */
  readonly uploadId: string;
}

/** Multipart uploads whose parts are sealed. Nothing of an upload is kept here: its id and the store know all. */
export interface Uploads {
  /** Begins an upload with these headers; gives the client's id of it. */
  readonly create: (
    session: StoreSession,
    key: string,
    headers: Readonly<Record<string, string>>,
  ) => Promise<{ readonly uploadId: string; readonly keyId: string }>;
  /** Plans the encryption of a part. @throws GatewayError NoSuchUpload, EntityTooLarge */
  readonly sealPart: (
    session: StoreSession,
    upload: UploadAddress,
    part: { readonly number: number; readonly sizeBytes: number; readonly checksum: KeptChecksum | undefined },
  ) => Promise<SealedPart & { readonly storeUploadId: string }>;
  /**
   * Completes an upload; repeated, it succeeds again. `sizeBytes`: what the client says the whole is.
   * @throws GatewayError NoSuchUpload, InvalidPart, EntityTooSmall, InvalidRequest, PreconditionFailed
   */
  readonly complete: (
    session: StoreSession,
    upload: UploadAddress,
    parts: readonly NamedPart[],
    options: { readonly sizeBytes: number | undefined; readonly conditions: Readonly<Record<string, string>> },
  ) => Promise<{ readonly etag: string; readonly versionId: string | undefined; readonly keyId: string }>;
  readonly abort: (session: StoreSession, upload: UploadAddress) => Promise<void>;
  /** All parts, in the client's numbers and order. */
  readonly parts: (
    session: StoreSession,
    upload: UploadAddress,
  ) => Promise<{
    readonly parts: readonly (ClientPart & { readonly lastModified: string })[];
    readonly storageClass: string;
  }>;
}

/** What a copy made. */
export interface CopyResult {
  /** As the store shows it. */
  readonly etag: string;
  /** RFC 3339. */
  readonly lastModified: string;
  readonly versionId: string | undefined;
  readonly sourceVersionId: string | undefined;
  readonly keyId?: string;
}
