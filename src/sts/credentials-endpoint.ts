/**
 * The container-credentials endpoint of the SDKs: `Authorization` holds the content of
 * AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, which is a token as it stands or behind `Bearer`; `?role=` chooses one policy.
 * Leaves: credentials of ours as JSON. A token in the query is never looked at.
 * @see AWS SDKs and Tools Reference Guide, "Container credential provider"
 */
import type { Endpoint } from '../contracts/exchange.ts';
import { challenge, messageWithHelp } from '../errors/challenge.ts';
import { GatewayError, inStage } from '../errors/gateway-error.ts';
import { retryHeaders } from '../errors/retry-headers.ts';
import { contentLength, foldHeaders } from '../s3/request/request-headers.ts';
import { bearerToken } from '../s3/bearer-token.ts';
import { createEndpoint, type Answer } from './endpoint.ts';
import { issue, WHOLE_ROLE } from './issue.ts';
import type { StsDependencies } from './dependencies.ts';
import { wholeSeconds } from './sts-documents.ts';

const ROLE_QUERY = /^role=([a-z0-9][a-z0-9-]{0,63})$/;
const VISIBLE = /^[!-~]+$/;
/** Header of an answer in JSON. */
export const JSON_TYPE = { 'content-type': 'application/json' };

/** Makes the endpoint of `GET /-/credentials`. */
export function createCredentialsEndpoint(dependencies: StsDependencies): Endpoint {
  const { sessions, tokens } = dependencies;
  return createEndpoint(dependencies, {
    failure: (error) => jsonFailure(error, dependencies),
    work: async (exchange, record) => {
      if (sessions === undefined) throw new GatewayError('SessionsNotConfigured');
      const { target, rawHeaders } = exchange.raw;
      const role = roleOf(target);
      const headers = foldHeaders(rawHeaders);
      // A body that no one reads is where the next request of a kept connection can hide.
      if ((contentLength(headers) ?? 0) > 0 || headers.has('transfer-encoding')) {
        throw new GatewayError('InvalidRequest');
      }
      const principal = await inStage('authenticate', () => tokens.verify(tokenOf(headers.get('authorization'))));
      const wanted = { operation: 'GetCredentials', role, seconds: undefined } as const;
      const issued = await issue(dependencies, sessions, { exchange, record }, principal, wanted);
      const body = JSON.stringify({
        AccessKeyId: issued.accessKeyId,
        SecretAccessKey: issued.secretAccessKey,
        Token: issued.sessionToken,
        Expiration: wholeSeconds(issued.expiresAtMs),
      });
      return { status: 200, headers: JSON_TYPE, body };
    },
  });
}

function roleOf(target: string): string {
  const mark = target.indexOf('?');
  if (mark < 0) return WHOLE_ROLE;
  const role = ROLE_QUERY.exec(target.slice(mark + 1))?.[1];
  if (role === undefined) throw new GatewayError('InvalidRequest', { detail: 'the query' });
  return role;
}

/** Files end in a newline more often than not, but SDKs refuse such a header themselves; it never comes here. */
function tokenOf(authorization: string | undefined): string {
  const credential = authorization?.trim() ?? '';
  if (credential === '') throw new GatewayError('MissingToken');
  const token = bearerToken(credential) ?? credential;
  if (!VISIBLE.test(token)) {
    throw new GatewayError('InvalidToken', { detail: 'neither a token nor one behind Bearer' });
  }
  return token;
}

/** Gives the answer to a failed call of an endpoint that speaks JSON. */
export function jsonFailure(error: GatewayError, { tokensFrom }: Pick<StsDependencies, 'tokensFrom'>): Answer {
  const { s3Code: code, status } = error.row;
  const headers: Record<string, string> = { ...error.clientHeaders, ...JSON_TYPE, ...retryHeaders(error) };
  if (status === 401) headers['www-authenticate'] = challenge(error, tokensFrom);
  return { status, headers, body: JSON.stringify({ code, message: messageWithHelp(error, tokensFrom) }) };
}
