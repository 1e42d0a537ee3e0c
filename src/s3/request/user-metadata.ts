/**
 * The names and limits of `x-amz-meta-*`. The gateway keeps its envelope among the client's metadata: names under
 * ours are neither taken from a client nor shown to one.
 */
export const METADATA_PREFIX = 'x-amz-meta-';

/** The header in which a sealed object keeps its wrapped key. */
export const ENVELOPE_HEADER = 'x-amz-meta-sallyport';

/** What S3 allows names (without the prefix) and values together, in bytes. */
const STORE_METADATA_BYTES = 2048;

/** What our own name and value may take of that, in bytes: the longest envelope, of a remote keyring, has 400. */
const ENVELOPE_METADATA_BYTES = 416;

/** What is left to a client, in bytes; the same with and without encryption, so that a bucket can change. */
export const MAX_USER_METADATA_BYTES = STORE_METADATA_BYTES - ENVELOPE_METADATA_BYTES;

/** Tells whether a lower-case header name is reserved for the gateway. */
export function isReservedMetadata(name: string): boolean {
  return name.startsWith(ENVELOPE_HEADER) && /^(?:-|$)/.test(name.slice(ENVELOPE_HEADER.length));
}
