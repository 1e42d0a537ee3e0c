/**
 * The challenge of a 401: that a bearer token is wanted, what was wrong with the one that came, and where to get one; and the
 * same in words, for tools that print nothing but the message. All of it is configuration and fixed text: nothing of a request
 * may choose where people are sent for a token.
 * @see RFC 6750 section 3, RFC 6749 section 5.2 (error_uri)
 */
import type { GatewayError } from './gateway-error.ts';

/** What must not stand within quotes, and what no URL holds. */
const UNQUOTABLE = /[^ !#-[\]-~]/g;

/** Where callers get tokens. */
export interface TokensFrom {
  /** Of those who issue the tokens that are taken here. */
  readonly issuers: readonly string[];
  /** That tells people how. */
  readonly page?: string | undefined;
}

/** Writes the value of `WWW-Authenticate`; `tokensFrom` is absent where nobody gets a token. */
export function challenge({ code, clientMessage }: GatewayError, tokensFrom: TokensFrom | undefined): string {
  const parameters: string[] = [];
  const page = tokensFrom?.page;
  const issuers = tokensFrom?.issuers.join(' ') ?? '';
  // A request without any credential is told no error (RFC 6750 section 3.1).
  if (code !== 'MissingToken') {
    parameters.push('error="invalid_token"', `error_description=${quoted(clientMessage)}`);
    if (page !== undefined) parameters.push(`error_uri=${quoted(page)}`);
  }
  const uri = page ?? issuers;
  if (uri !== '') parameters.push(`authorization_uri=${quoted(uri)}`);
  if (issuers !== '') parameters.push(`issuer=${quoted(issuers)}`);
  return bearerChallenge(parameters);
}

/** The message of an error: of a 401 with where to get a token. */
export function messageWithHelp({ row, clientMessage }: GatewayError, tokensFrom: TokensFrom | undefined): string {
  if (row.status !== 401 || tokensFrom === undefined) return clientMessage;
  const { page, issuers } = tokensFrom;
  if (page !== undefined) return `${clientMessage} How to get a token: ${page}`;
  return issuers.length === 0 ? clientMessage : `${clientMessage} Tokens are issued by ${issuers.join(' ')}`;
}

/** Puts the parameters of a challenge behind those that all have. */
export function bearerChallenge(parameters: readonly string[]): string {
  return `Bearer ${['realm="sallyport"', ...parameters].join(', ')}`;
}

function quoted(text: string): string {
  return `"${text.replace(UNQUOTABLE, '')}"`;
}
