/**
 * Who the gateway takes the caller for, until when, and what policy gives it: for people, and for programs that want to
 * know before they try. Enters: a bearer token or a signature, no body and no query. Leaves: JSON with nothing in it that
 * the caller could use as a credential. Never: a word to somebody who is not identified.
 */
import type { Endpoint, Exchange } from '../contracts/exchange.ts';
import type { Principal } from '../contracts/principal.ts';
import { acceptCaller } from './accept.ts';
import { jsonFailure, JSON_TYPE } from './credentials-endpoint.ts';
import type { StsDependencies } from './dependencies.ts';
import { createEndpoint } from './endpoint.ts';
import { identify, refused, wayInOf } from './identify.ts';
import { WHOLE_ROLE } from './issue.ts';
import { wholeSeconds } from './sts-documents.ts';

/** Makes the endpoint of `GET /-/whoami`; `buckets` are the names of all that are configured. */
export function createWhoamiEndpoint(dependencies: StsDependencies, buckets: readonly string[]): Endpoint {
  return createEndpoint(dependencies, {
    failure: (error) => jsonFailure(error, dependencies),
    work: async (exchange, record) => {
      if (exchange.raw.target.includes('?')) throw refused('the query');
      const principal = await identify(dependencies, exchange, record);
      await acceptCaller(dependencies, { exchange, record }, 'WhoAmI', principal);
      return {
        status: 200,
        headers: JSON_TYPE,
        body: JSON.stringify(describe(dependencies, principal, buckets, exchange)),
      };
    },
  });
}

/** As of now, from there, and by that credential: rules may depend on each. */
function describe(
  { authorizer, clock }: StsDependencies,
  principal: Principal,
  buckets: readonly string[],
  { clientAddress, edgeRequestId }: Exchange,
): object {
  const facts = { nowMs: clock.now(), clientAddress, wayIn: wayInOf(principal) };
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
    // As the audit has it: by this one sees whether the edge lets callers make up either.
    clientAddress,
    ...(edgeRequestId === undefined ? {} : { edgeRequestId }),
  };
}
