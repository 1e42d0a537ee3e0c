/**
 * Whether the caller may do something, before it tries. Enters: a bearer token or a signature, and a question. Leaves: what
 * policy decides of it, by the code that decides requests, as JSON; on record as a dry run. Never: a word about anybody else,
 * nor about what is in a store.
 */
import type { Access, DecideTarget, Grant } from '../contracts/authorizer.ts';
import type { Endpoint } from '../contracts/exchange.ts';
import { accept } from './accept.ts';
import { readQuestion } from './can-i-query.ts';
import { jsonFailure, JSON_TYPE } from './credentials-endpoint.ts';
import type { StsDependencies } from './dependencies.ts';
import { createEndpoint } from './endpoint.ts';
import { identify, wayInOf } from './identify.ts';

/** How requests are decided, and what somebody who is denied is told. */
export interface Deciding {
  readonly decideTarget: DecideTarget;
  readonly insteadOf: (
    grants: readonly Grant[],
    accesses: readonly Access[],
  ) => { readonly instead?: string; readonly owner?: string };
}

/** Makes the endpoint of `GET /-/can-i`. */
export function createCanIEndpoint(dependencies: StsDependencies, { decideTarget, insteadOf }: Deciding): Endpoint {
  const { authorizer, clock } = dependencies;
  return createEndpoint(dependencies, {
    failure: (error) => jsonFailure(error, dependencies),
    work: async (exchange, record) => {
      const principal = await identify(dependencies, exchange, record);
      const { verb, bucket, key, accesses, stored } = readQuestion(exchange.raw.target);
      record.received('CanI', true);
      await accept(dependencies, { exchange, record }, 'CanI', principal);
      const { clientAddress } = exchange;
      const facts = { nowMs: clock.now(), clientAddress, wayIn: wayInOf(principal), stored };
      const decision = decideTarget(authorizer, principal, facts, accesses);
      record.decided([{ verb, bucket, key, versionId: undefined, decision }], facts);
      const isDenied = decision.effect === 'deny';
      const denied = accesses.filter(
        (access) => decideTarget(authorizer, principal, facts, [access]).effect === 'deny',
      );
      const unknown = denied.map((access) => authorizer.unknown(principal, access, facts));
      const denial = isDenied && {
        ...insteadOf(authorizer.grants(principal, bucket, facts), accesses),
        unknown: unknown.every((names) => names.length > 0) ? unknown.flat() : [],
      };
      await (isDenied ? record.deny([0]) : record.intent(undefined));
      const { effect, parts, ...told } = { ...denial, ...decision };
      const answer = { decision: parts === undefined ? effect : 'filtered', verb, bucket, key, ...told };
      return { status: 200, headers: JSON_TYPE, body: JSON.stringify(answer) };
    },
  });
}
