import { hash } from 'node:crypto';

/**
 * Hashes a list of texts, so that different lists differ: each part has its length before it, and an absent part is not
 * an empty one. Over UTF-16, because in UTF-8 all lone surrogates, which JSON lets a token hold, are one character.
 * @returns SHA-256 in base64url, 43 characters
 */
export function digest(parts: readonly (string | undefined)[]): string {
  const prefixed = parts.map((part) => (part === undefined ? '-' : `${part.length}:${part}`)).join('');
  return hash('sha256', Buffer.from(prefixed, 'utf16le'), 'base64url');
}
