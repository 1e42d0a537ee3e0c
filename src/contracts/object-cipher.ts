import type { ByteRange, ChecksumAlgorithm } from '../s3/request.ts';

/** Where an object lives, as its wrapped key is bound to it. */
export interface ObjectAddress {
  readonly bucketId: string;
  readonly key: string;
}

export interface SealedObject {
  /** Value of the `x-amz-meta-sallyport` header to store beside the body. */
  readonly envelope: string;
  /** Exact length of the body that `body()` gives, in bytes. */
  readonly storedSizeBytes: number;
  /** For the audit: keyring and KEK version, such as `local:1`. */
  readonly keyId: string;
  /**
   * Encrypts a stream. `plain` must give exactly the size that was announced and throws when the client's checksums do
   * not hold: nothing that would complete the stored object is given before `plain` has ended.
   * @throws GatewayError IncompleteBody
   */
  readonly body: (plain: AsyncIterable<Buffer>) => AsyncIterable<Buffer>;
  /** The same for a body that is in memory whole. */
  readonly whole: (plain: Buffer) => Buffer;
}

/** A checksum of the plaintext, kept confidential in the trailer. */
export interface KeptChecksum {
  readonly algorithm: ChecksumAlgorithm;
  /** Asked for once, after the plaintext has ended: a checksum may come in the trailer of the client's body. */
  readonly value: () => Buffer;
}

export interface StoredView {
  /** Value of `x-amz-meta-sallyport`. */
  readonly envelope: string;
  /** Stored size of the whole object in bytes (C in the specification). */
  readonly storedSizeBytes: number;
  /** Offset in the stored object of the first byte that the store gives (from Content-Range; 0 for the whole object). */
  readonly firstStoredByte: number;
}

export interface OpenedObject {
  readonly plainSizeBytes: number;
  /** What is given: the whole object, or the clipped range. `last` is inclusive; an empty object has `last` = -1. */
  readonly first: number;
  readonly last: number;
  readonly keyId: string;
  /**
   * Decrypts the stored bytes that `storedRange` asked for. Gives no byte before it is authenticated; on a read that
   * reaches the end of the object, the last chunk is given only after the trailer has been verified.
   * @throws GatewayError IntegrityFailure
   */
  readonly body: (stored: AsyncIterable<Buffer>) => AsyncIterable<Buffer>;
  /** The same for stored bytes that are in memory whole. @throws GatewayError IntegrityFailure */
  readonly whole: (stored: Buffer) => Buffer;
}

export interface ObjectCipher {
  /** Largest plaintext of a single PUT, in bytes. */
  readonly maxPlainSizeBytes: number;
  /** @throws GatewayError EntityTooLarge, ServiceUnavailable */
  readonly seal: (
    address: ObjectAddress,
    plainSizeBytes: number,
    checksum: KeptChecksum | undefined,
  ) => Promise<SealedObject>;
  /**
   * The stored bytes that cover a plaintext range, as a `Range` header value. A suffix is asked for with up to one
   * segment more than it needs, because where its first segment starts is known only with the answer.
   */
  readonly storedRange: (range: ByteRange) => string;
  /**
   * Unwraps the key and plans the decryption of a read of the whole object, or of what `storedRange(range)` asked for.
   * @throws GatewayError IntegrityFailure, InvalidRange (with Content-Range), NotImplemented (a format this release cannot read), ServiceUnavailable
   */
  readonly open: (address: ObjectAddress, stored: StoredView, range: ByteRange | undefined) => Promise<OpenedObject>;
  /**
   * The plaintext size of a regular object from its stored size; `undefined` where the stored size says that a look is
   * needed, or that no object of this format has that size. Unverified: nothing is authenticated.
   */
  readonly plainSize: (storedSizeBytes: number) => number | undefined;
}
