/**
 * Keys that are the gateway's own: what it keeps beside objects for a while. Enters: a key, a prefix or a marker. Leaves:
 * whether a client may name it. Nobody may, by any operation, and no listing shows it.
 * @see docs/spec/object-format.md, "State of an upload"
 */

export const RESERVED_PREFIX = '.sallyport/';

/** Behind every key that is kept there, and before every other one: what begins after it shows none of them. */
export const AFTER_RESERVED = `${RESERVED_PREFIX}~`;

/** Tells whether a key, or all that a prefix covers, is the gateway's own. */
export function isReservedKey(key: string): boolean {
  return key.startsWith(RESERVED_PREFIX);
}
