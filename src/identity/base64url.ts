/**
 * Decodes base64url, of which bytes have one spelling only: with stray bits, padding or other characters accepted, one
 * token would have many texts, and with them many hashes. It also keeps out lists of tokens: no separator is in this
 * alphabet.
 * @returns `undefined` for any other spelling, and for nothing
 * @see RFC 4648 sections 3.5 and 5
 */
export const decodeCanonical = (text: string): Buffer | undefined => {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.length > 0 && bytes.toString('base64url') === text ? bytes : undefined;
};
