/** The token of an `Authorization: Bearer` header. Nothing is verified here. */

const SCHEME = /^bearer +/i;

/** Gives the token; `undefined` where there is no header, or one of another scheme. @see RFC 6750 section 2.1 */
export function bearerToken(authorization: string | undefined): string | undefined {
  const scheme = authorization === undefined ? null : SCHEME.exec(authorization);
  return scheme === null ? undefined : authorization?.slice(scheme[0].length);
}
