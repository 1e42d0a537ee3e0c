/**
 * The client's view of an encrypted object's ETag, and the way back. A bare 32-hex ETag is taken for the plaintext's
 * MD5 by some clients, which then call the upload corrupted and delete it; an ETag that ends in `-N` is left alone.
 * The view keeps the store's ETag when it ends in `-N` and else appends `-1`. A genuine `-1` is told from that by its
 * digits, which are shown in capitals: the view stays reversible, so that a condition always names exactly the entity that
 * the client was shown.
 */

const MULTIPART = /-(?!1"?$)\d+"?$/;
const APPENDED = /-1("?)$/;
/** Stores write digests in small letters. One in ten million has none to capitalise. */
const GENUINE = /^"?(?=[\da-f]*[a-f])[\da-f]{32}-1"?$/;
const CAPITALS = /^"?(?=[\dA-F]*[A-F])[\dA-F]{32}-1"?$/;
/** A store's that would be taken for one of ours. */
const UNQUOTED_CAPITALS = /^"?(?=[\dA-F]*[A-F])[\dA-F]{32}"?$/;

/** Gives the client's view of a store's ETag, quoted or bare as it came. */
export function clientEtag(stored: string): string {
  if (MULTIPART.test(stored) || UNQUOTED_CAPITALS.test(stored)) return stored;
  if (GENUINE.test(stored)) return stored.toUpperCase();
  return stored.endsWith('"') ? `${stored.slice(0, -1)}-1"` : `${stored}-1`;
}

/** Gives the store's ETag for one that the client was shown. */
export function storeEtag(shown: string): string {
  return CAPITALS.test(shown) ? shown.toLowerCase() : shown.replace(APPENDED, '$1');
}
