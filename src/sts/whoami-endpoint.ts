/**
 * Who the gateway takes the caller for, until when, and what policy gives it: for people, and for programs that want to
 * know before they try. Enters: a bearer token or a signature, no body and no query. Leaves: JSON with nothing in it that
 * the caller could use as a credential. Never: a word to somebody who is not identified.
 */
import { hash } from 'node:crypto';
import type { Endpoint, Exchange } from '../contracts/exchange.ts';
import type { Principal } from '../contracts/principal.ts';
import { GatewayError, inStage } from '../errors/gateway-error.ts';
import { contentLength, foldHeaders } from '../s3/request/request-headers.ts';
import { acceptCaller } from './accept.ts';
import { bearerToken } from '../s3/bearer-token.ts';
import type { AuditTrail } from '../audit/audit-trail.ts';
import { jsonFailure, JSON_TYPE } from './credentials-endpoint.ts';
import { createEndpoint } from './endpoint.ts';
import { WHOLE_ROLE } from './issue.ts';
import type { StsDependencies } from './dependencies.ts';
import { wholeSeconds } from './sts-documents.ts';

const EMPTY_PAYLOAD = hash('sha256', '');
const PAYLOAD_HASHES: readonly string[] = [EMPTY_PAYLOAD, 'UNSIGNED-PAYLOAD'];

/** Makes the endpoint of `GET /-/whoami`; `buckets` are the names of all that are configured. */
export function createWhoamiEndpoint(dependencies: StsDependencies, buckets: readonly string[]): Endpoint {
  return createEndpoint(dependencies, {
    failure: (error) => jsonFailure(error, dependencies),
    work: async (exchange, record) => {
      const headers = foldHeaders(exchange.raw.rawHeaders);
      if (exchange.raw.target.includes('?')) throw refused('the query');
      // A body that no one reads is where the next request of a kept connection can hide.
      if ((contentLength(headers) ?? 0) > 0 || headers.has('transfer-encoding')) throw refused('a body');
      const principal = await inStage('authenticate', () => identify(dependencies, exchange, record, headers));
      await acceptCaller(dependencies, { exchange, record }, 'WhoAmI', principal);
      return {
        status: 200,
        headers: JSON_TYPE,
        body: JSON.stringify(describe(dependencies, principal, buckets, exchange)),
      };
    },
  });
}

async function identify(
  { tokens, sessions }: StsDependencies,
  { raw }: Exchange,
  { startedMs }: AuditTrail,
  headers: ReadonlyMap<string, string>,
): Promise<Principal> {
  const authorization = headers.get('authorization');
  if (authorization === undefined) throw new GatewayError('MissingToken');
  const token = bearerToken(authorization);
  if (token !== undefined) return tokens.verify(token);
  if (sessions === undefined) throw new GatewayError('SessionsNotConfigured');
  const payloadHash = headers.get('x-amz-content-sha256') ?? EMPTY_PAYLOAD;
  if (!PAYLOAD_HASHES.includes(payloadHash)) throw refused('the hash of a body that is not there');
  const identification = sessions.verify({ raw, service: 's3', payloadHash, receivedAtMs: startedMs });
  if (identification === undefined) throw new GatewayError('MissingToken');
  return identification.principal;
}

/** As of now, from there, and by that credential: rules may depend on each. */
function describe(
  { authorizer, clock }: StsDependencies,
  principal: Principal,
  buckets: readonly string[],
  { clientAddress }: Exchange,
): object {
  const wayIn = principal.accessKeyId === undefined ? ('bearer' as const) : ('session' as const);
  const facts = { nowMs: clock.now(), clientAddress, wayIn };
  const { subject, issuer, issuerName, groups, actor, binding, accessKeyId, expiresAtMs } = principal;
  return {
    subject,
    issuer,
    issuerName,
    groups,
    ...(actor === undefined ? {} : { actor }),
    ...(accessKeyId === undefined ? {} : { accessKeyId }),
    expiresAt: wholeSeconds(expiresAtMs),
    role: binding ?? WHOLE_ROLE,
    roles: [...(binding === undefined ? [WHOLE_ROLE] : []), ...authorizer.bindings(principal)],
    buckets: authorizer.visibleBuckets(principal, buckets, facts).map((name) => ({
      name,
      grants: authorizer
        .grants(principal, name, facts)
        .map(({ effect, verbs, scope }) => ({ effect, verbs, ...scope })),
    })),
    policyVersion: authorizer.policyVersion(),
  };
}

function refused(detail: string): GatewayError {
  return new GatewayError('InvalidRequest', { detail });
}
