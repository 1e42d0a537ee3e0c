/**
 * Enters: a request that is on record. Leaves: sessions beside that of the caller, for what the gateway does in its bucket by
 * itself. They are in the caller's own name, so that the store's audit names who it is for, and their credentials never leave
 * the gateway.
 */
import type { Access } from '../contracts/authorizer.ts';
import type { AccessScope } from '../contracts/credential-broker.ts';
import type { StateSession } from '../contracts/store-session.ts';
import type { Verb } from '../s3/operations/verb.ts';
import { RESERVED_PREFIX } from '../s3/reserved-keys.ts';
import type { Recorded } from './access.ts';
import type { Planned } from './contexts.ts';
import type { PipelineDependencies } from './dependencies.ts';

type SessionDependencies = Pick<PipelineDependencies, 'broker' | 'sessions'>;

const VERBS = ['GET', 'PUT', 'DELETE', 'DELETE_VERSION'] as const satisfies readonly Verb[];
const LISTS = ['LIST', 'LIST_VERSIONS'] as const satisfies readonly Verb[];

/**
 * Opens the one for what is kept of uploads. Its policy holds that prefix and nothing of any client's: neither session can do
 * what the other is for. @throws as `StoreSessions.open`
 */
export function openStates(dependencies: SessionDependencies, context: Planned & Recorded): Promise<StateSession> {
  const { name } = context.bucket;
  return open(dependencies, context, {
    grants: [{ effect: 'allow', verbs: [...VERBS, ...LISTS], scope: { prefix: RESERVED_PREFIX } }],
    accesses: [
      ...VERBS.map((verb) => ({ kind: 'object', verb, bucket: name, key: RESERVED_PREFIX }) as const),
      ...LISTS.map((verb) => ({ kind: 'listing', verb, bucket: name, prefix: RESERVED_PREFIX, after: [] }) as const),
    ],
  });
}

/** Opens one for these accesses to the caller's own object. @throws as `StoreSessions.open` */
export function openScoped(
  dependencies: SessionDependencies,
  context: Planned & Recorded,
  accesses: readonly Access[],
): Promise<StateSession> {
  const grants = accesses.flatMap((access): AccessScope['grants'] => {
    if (access.kind === 'object') return [{ effect: 'allow', verbs: [access.verb], scope: { key: access.key } }];
    if (access.kind === 'listing') return [{ effect: 'allow', verbs: [access.verb], scope: { prefix: access.prefix } }];
    return [];
  });
  return open(dependencies, context, { grants, accesses });
}

async function open(
  { broker, sessions }: SessionDependencies,
  { bucket, principal, plan: { storeToken }, exchange }: Planned & Recorded,
  scope: Omit<AccessScope, 'bucket'>,
): Promise<StateSession> {
  const planned = broker.plan(principal, [{ ...scope, bucket }], storeToken);
  const session = await sessions.open({ bucket, planned, signal: exchange.signal });
  return { ...session, notAfterMs: planned.plan.notAfterMs };
}
