/**
 * The gateway's own request to a store about one bucket: a new session of its STS, or what the store has in its place, and
 * HEAD. Enters: a bucket. Leaves: what that tells. No object is touched or read, and nobody's name is used but the gateway's.
 */
import type { Bucket } from '../contracts/bucket.ts';
import type { Clock } from '../contracts/clock.ts';
import type { CredentialBroker } from '../contracts/credential-broker.ts';
import type { HealthReport } from '../contracts/health.ts';
import type { StoreSessions } from '../contracts/store-session.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { checkBucket } from './check-bucket.ts';
import { explainRefusal, STATIC } from './explain-refusal.ts';

/** What is known of one bucket. */
export type Verdict = Pick<HealthReport, 'state' | 'detail'>;

export interface BucketProbe {
  /** Whether there is a session for the gateway itself; else only what callers meet tells of the bucket. */
  readonly canProbe: (bucket: Bucket) => boolean;
  /** Never rejects. */
  readonly probe: (bucket: Bucket) => Promise<Verdict>;
}

export interface BucketProbeDependencies {
  readonly broker: CredentialBroker;
  readonly sessions: StoreSessions;
  readonly clock: Clock;
  /** Names of stores whose STS is asked with callers' own tokens. */
  readonly ofCallers: ReadonlySet<string>;
  /** Names of stores whose STS is told of callers' claims, which a trust policy may ask for. */
  readonly tagged: ReadonlySet<string>;
}

/** Longer than STS gives a session for. */
const LIFE_MS = 13 * 3_600_000;

/** Creates it. */
export function createBucketProbe({
  broker,
  sessions,
  clock,
  ofCallers,
  tagged,
}: BucketProbeDependencies): BucketProbe {
  /**
   * Where a role refuses a session without tags, or a listing, nothing wrong can be seen from here. Of fixed keys a store may
   * say no more than that when they are wrong (Ceph RGW with STS).
   */
  const isInconclusive = ({ code, refusal }: GatewayError, { store, roleArn }: Bucket): boolean =>
    code === 'AccessDeniedByStore' && (refusal?.by === 'store' ? roleArn !== STATIC : tagged.has(store.name));

  return {
    canProbe: ({ store }) => !ofCallers.has(store.name),
    probe: async (bucket) => {
      const principal = {
        ...{ issuerName: 'gateway', issuer: 'urn:sallyport:gateway', subject: 'probe', groups: [], claims: {} },
        ...{ tokenIdHash: '', expiresAtMs: clock.now() + LIFE_MS },
      };
      const listing = { kind: 'listing', verb: 'LIST', bucket: bucket.name, prefix: '', after: [] } as const;
      const grants = [{ effect: 'allow', verbs: ['LIST'], scope: { prefix: '' } }] as const;
      try {
        const planned = broker.plan(principal, [{ bucket, grants, accesses: [listing] }]);
        // What the last request got would hide that the keys are no longer taken.
        broker.forget(planned);
        await checkBucket(await sessions.open({ bucket, planned }));
        return { state: 'ok' };
      } catch (error) {
        const state = error instanceof GatewayError && isInconclusive(error, bucket) ? 'unknown' : 'degraded';
        return { state, detail: explainRefusal(bucket, error) };
      }
    },
  };
}
