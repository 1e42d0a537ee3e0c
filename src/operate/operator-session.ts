/**
 * How a command reaches one location: as an identity of its own, with credentials of the store's role that are cut to the
 * location's prefix and to the verbs that the command needs. Every rewriting is on record: what will be done before it is
 * begun, and how it ended.
 */
import type { AuditSink } from '../contracts/audit-sink.ts';
import type { Access, Grant } from '../contracts/authorizer.ts';
import type { Bucket } from '../contracts/bucket.ts';
import type { Clock } from '../contracts/clock.ts';
import type { CredentialBroker } from '../contracts/credential-broker.ts';
import type { StoreSession, StoreSessions } from '../contracts/store-session.ts';
import type { EncryptionRules } from '../s3/encryption.ts';
import type { Verb } from '../s3/operations/verb.ts';
import { onRecord, operatorPrincipal } from './operator-trail.ts';
import { workKey, type Location } from './location.ts';

export interface OperatorSessionDependencies {
  readonly sessions: StoreSessions;
  readonly broker: CredentialBroker;
  readonly audit: AuditSink;
  readonly clock: Clock;
  /** The user of the operating system. */
  readonly user: string;
}

export interface OperatorSession {
  /** How configuration says that objects are kept. */
  readonly rules: EncryptionRules;
  readonly location: Location;
  /** Gives a session with credentials that are still good; a run can outlast several. */
  readonly session: () => Promise<StoreSession>;
  /** Runs a rewriting between its two entries of the audit. `run` gives what the outcome is to say. */
  readonly recorded: <Result extends Written>(
    operation: 'Rewrap' | 'Migrate',
    key: string,
    run: () => Promise<Result>,
  ) => Promise<Result>;
}

/** What is known of an object that was written. */
export interface Written {
  readonly keyId: string;
  readonly versionId: string | undefined;
  /** Plaintext bytes that were read and written; 0 where the body was not touched. */
  readonly plainBytes: number;
}

/** No run lasts longer; what ends sooner, the credentials at the store, is renewed meanwhile. */
const LONGEST_RUN_MS = 30 * 24 * 3_600_000;

/** What a command that writes does with what it writes for a short while: no client's object is ever deleted. */
const WORK_VERBS: readonly Verb[] = ['GET', 'GET_VERSION', 'PUT', 'DELETE', 'DELETE_VERSION'];

/**
 * Opens a location for a command. `verbs`: what it needs below the prefix.
 * @throws GatewayError AccessDenied (the prefix cannot be said to the store's IAM)
 */
export function openOperatorSession(
  { sessions, broker, audit, clock, user }: OperatorSessionDependencies,
  bucket: Bucket,
  location: Location,
  verbs: readonly Verb[],
): OperatorSession {
  const principal = operatorPrincipal(user, clock.now() + LONGEST_RUN_MS);
  const work = workKey(location, '');
  const workVerbs = verbs.includes('PUT') ? WORK_VERBS : [];
  const grants: readonly Grant[] = [
    { effect: 'allow', verbs, scope: { prefix: location.prefix } },
    { effect: 'allow', verbs: workVerbs, scope: { prefix: work } },
  ];
  // The plan is made once for the run: it says all that any of its requests will need.
  const accesses = [
    ...verbs.map((verb): Access => accessOf(verb, bucket.name, location.prefix)),
    ...workVerbs.map((verb): Access => accessOf(verb, bucket.name, work)),
  ];
  // A command sees stored objects as they are, whatever the location's own rule refuses to clients.
  const asStored: Bucket = { ...bucket, encryption: 'migrating', prefixes: [] };
  const planned = broker.plan(principal, [{ bucket: asStored, grants, accesses }]);

  return {
    rules: bucket,
    location,
    session: async () => sessions.open({ bucket: asStored, planned }),
    recorded: (operation, key, run) => {
      const { plan } = planned;
      const action = { operation, bucket: bucket.name, key, plan, unexpected: 'InternalError' } as const;
      return onRecord({ audit, clock, principal }, action, run);
    },
  };
}

function accessOf(verb: Verb, bucket: string, prefix: string): Access {
  if (verb === 'LIST' || verb === 'LIST_VERSIONS') return { kind: 'listing', verb, bucket, prefix, after: [] };
  return { kind: 'object', verb, bucket, key: prefix };
}
