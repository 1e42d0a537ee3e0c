/** The sizes of a stored object's pieces, in bytes. @see docs/spec/object-format.md, "Sizes" */

/** Before each segment and trailer. */
export const SALT_BYTES = 12;
/** Of AES-GCM, behind each segment and trailer. */
export const TAG_BYTES = 16;
/** Plaintext of a segment (S in the specification). */
export const SEGMENT_BYTES = 65_536;
/** Salt and tag around each segment. */
export const SEGMENT_OVERHEAD_BYTES = SALT_BYTES + TAG_BYTES;
/** A full segment as it is stored. */
export const CELL_BYTES = SEGMENT_BYTES + SEGMENT_OVERHEAD_BYTES;
/** F in the specification. */
export const TRAILER_BYTES = 160;
/** Largest plaintext of a single PUT: its stored size is exactly S3's 5 GiB. */
export const MAX_SINGLE_PLAIN_BYTES = 5_366_416_152;
