/**
 * The challenge of a 401: that a bearer token is wanted, what was wrong with the one that came, and where to get one. All of
 * it is configuration and fixed text: nothing of a request may choose where people are sent for a token.
 * @see RFC 6750 section 3
 */
import type { GatewayError } from './gateway-error.ts';

/** What must not stand within quotes, and what no URL holds. */
const UNQUOTABLE = /[^ !#-[\]-~]/g;

/** Writes the value of `WWW-Authenticate`; `tokensFrom`: the page or the issuers, absent where there are none. */
export function challenge({ code, clientMessage }: GatewayError, tokensFrom: string | undefined): string {
  const parameters: string[] = [];
  // A request without any credential is told no error (RFC 6750 section 3.1).
  if (code !== 'MissingToken') parameters.push('error="invalid_token"', `error_description=${quoted(clientMessage)}`);
  if (tokensFrom !== undefined) parameters.push(`authorization_uri=${quoted(tokensFrom)}`);
  return bearerChallenge(parameters);
}

/** Puts the parameters of a challenge behind those that all have. */
export function bearerChallenge(parameters: readonly string[]): string {
  return `Bearer ${['realm="sallyport"', ...parameters].join(', ')}`;
}

function quoted(text: string): string {
  return `"${text.replace(UNQUOTABLE, '')}"`;
}
