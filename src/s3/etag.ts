/**
 * The client's view of an encrypted object's ETag, and the way back. A bare 32-hex ETag is taken for the plaintext's
 * MD5 by some clients, which then call the upload corrupted and delete it; an ETag that ends in `-N` is left alone.
 * The view keeps the store's ETag when it ends in `-N` and else appends `-1`. A genuine `-1` gets a second one: that
 * makes the view reversible, so that a condition always names exactly the entity that the client was shown.
 */

const MULTIPART = /-(?!1"?$)\d+"?$/;
const APPENDED = /-1("?)$/;

/** Gives the client's view of a store's ETag, quoted or bare as it came. */
export function clientEtag(stored: string): string {
  if (MULTIPART.test(stored)) return stored;
  return stored.endsWith('"') ? `${stored.slice(0, -1)}-1"` : `${stored}-1`;
}

/** Gives the store's ETag for one that the client was shown. */
export function storeEtag(shown: string): string {
  return shown.replace(APPENDED, '$1');
}
