/**
 * What the gateway and the operators' commands both need: buckets, sessions at their stores, the keyring, and the
 * engines that read and write encrypted objects. Made of a configuration; nothing is asked of anybody yet.
 */
import { createAuditSink, type AuditLog } from '../audit/create-audit-sink.ts';
import type { Config, StoreAccessConfig } from '../config/config.ts';
import type { StoreConfig } from '../config/stores/assemble.ts';
import type { BucketFacts } from '../contracts/bucket-facts.ts';
import type { Bucket, Store } from '../contracts/bucket.ts';
import type { Clock } from '../contracts/clock.ts';
import type { CredentialBroker } from '../contracts/credential-broker.ts';
import type { HealthSource } from '../contracts/health.ts';
import type { Keyring } from '../contracts/keyring.ts';
import type { LegacyObjects } from '../contracts/legacy-objects.ts';
import type { ObjectCipher } from '../contracts/object-cipher.ts';
import type { Observer } from '../contracts/observer.ts';
import type { StoreSessions } from '../contracts/store-session.ts';
import type { Copies, ObjectReader, Uploads, WriteProofs } from '../contracts/stored-objects.ts';
import { createObjectCipher } from '../core/cipher/object-cipher.ts';
import { createHttpUpstream } from '../core/upstream/http-upstream.ts';
import { createSigner } from '../core/upstream/signer.ts';
import { createStoreSessions } from '../core/upstream/store-sessions.ts';
import { baseSourceOf } from '../credentials/base-source.ts';
import { createCredentialBroker } from '../credentials/broker.ts';
import { createBackgroundProbes } from './background-probes.ts';
import { keyringOf } from './keyring.ts';
import { createLiveConfig, type LiveConfig } from './live-config.ts';
import { legacyOf } from './legacy-objects.ts';
import { createBucketFacts } from '../objects/bucket-facts.ts';
import { createBucketProbe, type BucketProbe } from '../objects/bucket-probe.ts';
import { createBucketWatch, type BucketWatch } from '../objects/bucket-watch.ts';
import { createCopies } from '../objects/copies.ts';
import { proveLock } from '../objects/write-terms.ts';
import { createObjectReader } from '../objects/object-reader.ts';
import { createUploads } from '../objects/uploads.ts';
import type { Metrics } from '../telemetry/metrics.ts';

export interface StoreAccessDependencies {
  readonly clock: Clock;
  readonly observer: Observer;
}

interface LiveDependencies extends StoreAccessDependencies {
  readonly isOneCaller?: boolean;
  readonly checkSeconds?: number;
  /** What changes later; default: nothing. */
  readonly live?: LiveConfig<StoreAccessConfig>['state'];
}

export interface StoreAccess extends HealthSource {
  /** By the names that clients use. */
  readonly buckets: ReadonlyMap<string, Bucket>;
  readonly broker: CredentialBroker;
  readonly sessions: StoreSessions;
  readonly keyring: Keyring;
  readonly cipher: ObjectCipher;
  readonly legacy: LegacyObjects;
  readonly reader: ObjectReader;
  readonly uploads: Uploads;
  readonly copies: Copies;
  readonly proofs: WriteProofs;
  readonly bucketFacts: BucketFacts;
  readonly bucketProbe: BucketProbe;
  readonly bucketWatch: BucketWatch;
  /** Begins to ask stores, their STS and key services how they are. */
  readonly watch: () => void;
  /** Requests to stores that have not ended after `graceMs` (default: as long as they take) are cut. */
  readonly close: (graceMs?: number) => Promise<void>;
}

/** Builds it. No connection is made before it is needed. */
export function createStoreAccess(
  config: StoreAccessConfig,
  { clock, observer, isOneCaller = false, checkSeconds = 60, live = createLiveConfig(config).state }: LiveDependencies,
): StoreAccess {
  const stores = new Map(config.stores.map((store): [string, Store] => [store.name, store]));
  const broker = createCredentialBroker({
    stores: config.stores.map(({ name, method, tls, credentials, sts, endpoint, region }) => ({
      ...{ ...sts, name, method, tls, buckets: { endpoint, region } },
      base: baseSourceOf(`store ${name}`, sts.region, credentials, { clock, observer }),
    })),
    clock,
    observer,
    stsTimeoutMs: config.timeouts.stsMs,
    isOneCaller,
  });
  const upstream = createHttpUpstream({
    stores: config.stores.map(({ name, endpoint, tls }) => ({ name, endpoint, ...tls })),
    // A request never waits for a connection that another one holds; a copy that streams holds two.
    connections: 2 * config.limits.inFlight,
    connectTimeoutMs: config.timeouts.upstreamConnectMs,
    headersTimeoutMs: config.timeouts.upstreamHeadersMs,
    bodyIdleTimeoutMs: config.timeouts.upstreamBodyIdleMs,
    observer,
    now: clock.now,
  });
  const buckets = new Map(config.buckets.map((bucket): [string, Bucket] => [bucket.name, withStore(bucket, stores)]));
  const toStores = { upstream, broker, signer: createSigner(), clock, traces: observer.traces };
  const bucketProbe = createBucketProbe({
    ...{ broker, sessions: createStoreSessions(toStores), clock },
    ofCallers: namesOf(config.stores, ({ method }) => method === 'web-identity'),
    tagged: namesOf(config.stores, ({ sts }) => Object.keys(sts.sessionTags).length > 0),
  });
  const usualMs = checkSeconds * 1000;
  const bucketWatch = createBucketWatch({ buckets: buckets.values(), probe: bucketProbe, usualMs, clock, observer });
  const { keyring, ...keyrings } = keyringOf(config, { clock, observer }, live);
  const probes = createBackgroundProbes([...keyrings.probes, ...broker.probes, ...upstream.probes], { clock, usualMs });
  const cipher = createObjectCipher(keyring);
  const legacy = legacyOf(config, observer);
  const reader = createObjectReader({ cipher, legacy, smallBodyBytes: config.limits.smallBodyBytes, observer });
  const uploads = createUploads({ cipher, clock });
  return {
    buckets,
    broker,
    sessions: createStoreSessions({ ...toStores, witness: bucketWatch }),
    bucketProbe,
    bucketWatch,
    keyring,
    cipher,
    legacy,
    reader,
    uploads,
    bucketFacts: createBucketFacts({ clock }),
    copies: createCopies({ cipher, reader, uploads, clock }),
    proofs: { lock: proveLock },
    watch: () => {
      bucketWatch.start();
      probes.start();
    },
    health: () => [...keyrings.health(), ...broker.health(), ...upstream.health(), ...bucketWatch.health()],
    close: async (graceMs) => {
      bucketWatch.close();
      probes.close();
      await uploads.close();
      broker.close();
      await upstream.close(graceMs);
      await keyrings.close();
    },
  };
}

interface AuditDependencies extends StoreAccessDependencies {
  readonly worker: number;
  readonly pid: number;
  readonly metrics?: Pick<Metrics, 'auditCommitted'>;
}

/** Opens the audit as it is configured, for one process. @throws GatewayError AuditUnavailable */
export function openAudit(
  { audit }: Pick<Config, 'audit'>,
  { clock, observer, worker, pid, metrics }: AuditDependencies,
): Promise<AuditLog> {
  return createAuditSink({
    ...(metrics === undefined ? {} : { committed: metrics.auditCommitted }),
    directory: audit.directory,
    worker,
    pid,
    clock,
    observer,
    maxFileBytes: audit.rotateBytes,
    minFreeBytes: audit.minFreeBytes,
    refusalsPerSecond: audit.refusals.perSecond,
    refusalBurst: audit.refusals.burst,
    maxRefusalBytes: audit.refusals.maxBytes,
  });
}

function namesOf(stores: readonly StoreConfig[], isMeant: (store: StoreConfig) => boolean): ReadonlySet<string> {
  return new Set(stores.filter(isMeant).map(({ name }) => name));
}

function withStore({ storeName, ...bucket }: Config['buckets'][number], stores: ReadonlyMap<string, Store>): Bucket {
  const store = stores.get(storeName);
  if (store === undefined) throw new Error(`bucket ${bucket.name} names a store that is not configured`);
  return { ...bucket, store };
}
