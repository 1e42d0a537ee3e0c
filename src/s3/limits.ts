/** Sizes and counts of S3 that the gateway holds to. */

export const MAX_PART_NUMBER = 10_000;
export const MAX_DELETED_KEYS = 1000;

/** The largest document of a client that names many things: 1,000 keys of 1,024 bytes, escaped here and there; and 10,000 parts with a checksum each. */
export const LARGE_DOCUMENT_BYTES = 2 * 1024 * 1024;
/** The largest document of a client otherwise. */
export const SMALL_DOCUMENT_BYTES = 64 * 1024;

/** The largest document of a store that is read as an answer, in bytes. */
export const ANSWER_LIMIT_BYTES = 16 * 1024 * 1024;
/** A store that copies or completes may send blanks while it does; after this time it is not waited for, in milliseconds. */
export const ANSWER_LIMIT_MS = 600_000;
