/**
 * The token of an `Authorization: Bearer` header. Nothing is verified here: what is no token is refused by whoever verifies.
 */

const SCHEME = /^bearer(?=\s|$) */i;

/**
 * Gives what stands behind the scheme, perhaps nothing; `undefined` where there is no header, or one of another scheme.
 * @see RFC 6750 section 2.1, RFC 9110 section 11.4
 */
export function bearerToken(authorization: string | undefined): string | undefined {
  const scheme = authorization === undefined ? null : SCHEME.exec(authorization);
  return scheme === null ? undefined : authorization?.slice(scheme[0].length);
}
