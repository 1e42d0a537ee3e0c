/**
 * The composition root: a configuration in, a running gateway out. The one place where rooms meet; everything that a stage
 * stands on is made here and handed in.
 */
import type { Server } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { createAuditSink } from './audit/create-audit-sink.ts';
import type { Config, IssuerConfig, StoreConfig } from './config/config.ts';
import type { Bucket, Store } from './contracts/bucket.ts';
import type { Clock } from './contracts/clock.ts';
import type { Keyring } from './contracts/keyring.ts';
import { createObjectCipher } from './core/cipher/object-cipher.ts';
import { createCachingKeyring } from './core/keyring/caching-keyring.ts';
import { createLocalKeyring } from './core/keyring/local-keyring.ts';
import { createHttpUpstream } from './core/upstream/http-upstream.ts';
import { createSigner } from './core/upstream/signer.ts';
import { createStoreSessions } from './core/upstream/store-sessions.ts';
import { createCredentialBroker } from './credentials/broker.ts';
import type { Readiness } from './http/admin-server.ts';
import { createDataServer } from './http/data-server.ts';
import { closeGracefully, listen, type ListenTarget } from './http/listen.ts';
import { createBearerAuthenticator } from './identity/bearer-authenticator.ts';
import { createClientSessions } from './identity/client-sessions.ts';
import type { IssuerOptions } from './identity/issuer-options.ts';
import { createIssuer } from './identity/issuer.ts';
import { createSignatureAuthenticator } from './identity/signature-authenticator.ts';
import { createSignatureVerifier } from './identity/signature-verifier.ts';
import { createTokenVerifier } from './identity/token-verifier.ts';
import { createObjectReader } from './objects/object-reader.ts';
import { createUploads } from './objects/uploads.ts';
import { createAdmission } from './pipeline/admission.ts';
import { createPipeline } from './pipeline/pipeline.ts';
import { createAuthorizer } from './policy/authorizer.ts';
import { loadPolicies } from './policy/load-policies.ts';
import { openPolicySource } from './policy/policy-source.ts';
import { createCredentialsEndpoint } from './sts/credentials-endpoint.ts';
import { noSessions } from './sts/no-sessions.ts';
import type { StsParts } from './sts/parts.ts';
import { createStsEndpoint } from './sts/sts-endpoint.ts';
import { createLog } from './telemetry/log.ts';
import { createMetrics } from './telemetry/metrics.ts';
import { createObserver } from './telemetry/observer.ts';
import { acceptRequestId } from './telemetry/request-id.ts';

export interface GatewayOptions {
  /** Which of several workers this is, from 0. */
  readonly worker: number;
  readonly pid: number;
  readonly logStream: NodeJS.WritableStream;
  readonly clock?: Clock;
}

export interface Gateway {
  /** The S3 port; supertest enters here. */
  readonly server: Server;
  readonly target: ListenTarget;
  readonly listen: () => Promise<void>;
  readonly readiness: () => Readiness;
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
  readonly registry: ReturnType<typeof createMetrics>['registry'];
  /** Loads the policies again; a bad set leaves the old one in force and is reported. */
  readonly reload: () => Promise<void>;
  /** Readiness goes away, requests in flight finish, the audit is flushed and closed. */
  readonly drain: () => Promise<void>;
}

/** Data keys of objects that are read often; see docs/adr/0010-data-key-cache.md. */
const KEY_CACHE = { maxKeys: 10_000, maxAgeMs: 300_000 };

/** Of the places of a process, one in so many may be reading the form of somebody whom nobody knows yet. */
const FORM_SHARE = 4;

/** Builds a gateway; nothing listens yet. @throws Error in one line: policies, audit directory */
export async function createGateway(config: Config, options: GatewayOptions): Promise<Gateway> {
  const clock = options.clock ?? { now: Date.now };
  const log = createLog({ level: config.log.level, stream: options.logStream, worker: options.worker });
  const metrics = createMetrics();
  const observer = createObserver({ metrics, log, clock });

  const stores = new Map(
    config.stores.map(({ name, endpoint, region }): [string, Store] => [name, { name, endpoint, region }]),
  );
  const buckets = new Map(config.buckets.map((bucket): [string, Bucket] => [bucket.name, withStore(bucket, stores)]));

  const policySource = await openPolicySource(() =>
    loadPolicies(config.policies.directory, {
      issuers: new Map(config.issuers.map(({ name, claims }) => [name, claims])),
      buckets: [...buckets.keys()],
    }),
  );
  const audit = await createAuditSink({
    directory: config.audit.directory,
    worker: options.worker,
    pid: options.pid,
    clock,
    observer,
    maxFileBytes: config.audit.rotateBytes,
    minFreeBytes: config.audit.minFreeBytes,
    refusalsPerSecond: config.audit.refusals.perSecond,
    refusalBurst: config.audit.refusals.burst,
    maxRefusalBytes: config.audit.refusals.maxBytes,
  });

  const tokens = createTokenVerifier(
    config.issuers.map((issuer) => createIssuer(issuerOf(issuer, config.timeouts.jwksMs), { clock, observer })),
    { clock, observer },
  );
  const authorizer = createAuthorizer(policySource);
  const sessions = sessionsOf(config, { clock, observer, pertinent: authorizer.pertinent });
  const broker = createCredentialBroker({
    stores: config.stores.map(stsOf),
    clock,
    observer,
    stsTimeoutMs: config.timeouts.stsMs,
  });
  const upstream = createHttpUpstream({
    stores: config.stores.map(({ name, endpoint, tls }) => ({
      name,
      endpoint,
      minVersion: tls.minVersion,
      ...(tls.ca === undefined ? {} : { ca: tls.ca }),
      ...(tls.serverName === undefined ? {} : { serverName: tls.serverName }),
    })),
    // A request never waits for a connection that another one holds.
    connections: config.limits.inFlight,
    connectTimeoutMs: config.timeouts.upstreamConnectMs,
    headersTimeoutMs: config.timeouts.upstreamHeadersMs,
    bodyIdleTimeoutMs: config.timeouts.upstreamBodyIdleMs,
    observer,
    now: clock.now,
  });

  const cipher = createObjectCipher(keyringOf(config));
  const pipeline = createPipeline({
    authenticators: [
      createBearerAuthenticator(tokens),
      sessions === undefined ? noSessions : createSignatureAuthenticator(sessions),
    ],
    authorizer,
    broker,
    sessions: createStoreSessions({ upstream, broker, signer: createSigner(), clock }),
    cipher,
    reader: createObjectReader({ cipher, smallBodyBytes: config.limits.smallBodyBytes }),
    uploads: createUploads({ cipher }),
    audit,
    observer,
    clock,
    buckets,
    publicHosts: config.endpoint.publicHosts,
    limits: config.limits,
  });
  const sts: StsParts = {
    tokens,
    sessions,
    authorizer,
    audit,
    observer,
    clock,
    admission: createAdmission(config.limits.inFlightPerIdentity),
    limits: {
      formMs: config.timeouts.requestHeadersMs,
      formsInFlight: Math.ceil(config.limits.inFlight / FORM_SHARE),
    },
  };

  let draining = false;
  const ready = (): boolean => !draining && audit.canAudit();
  const tls = config.listen.kind === 'tcp' ? config.listen.tls : undefined;
  const { server } = createDataServer({
    pipeline,
    sts: createStsEndpoint(sts),
    credentials: createCredentialsEndpoint(sts),
    ...(config.cors === undefined ? {} : { cors: config.cors }),
    audit,
    requestId: acceptRequestId,
    ready,
    inFlight: metrics.inFlight,
    limits: config.limits,
    timeouts: {
      idleMs: config.timeouts.requestBodyIdleMs,
      requestHeadersMs: config.timeouts.requestHeadersMs,
      keepAliveMs: config.timeouts.keepAliveMs,
    },
    ...(tls === undefined ? {} : { tls: { cert: tls.certificate, key: tls.key.reveal(), clientCa: tls.clientCa } }),
  });
  const target: ListenTarget =
    config.listen.kind === 'socket'
      ? { socket: config.listen.path, mode: config.listen.mode }
      : { host: config.listen.host, port: config.listen.port };

  return {
    server,
    target,
    listen: async () => {
      await listen(server, target);
      log.info('serving', {
        on: 'socket' in target ? target.socket : `${target.host}:${target.port}`,
        policyVersion: policySource.current().version,
      });
    },
    readiness: () => ({
      ready: ready(),
      reports: [...audit.health(), ...tokens.health(), ...broker.health(), ...upstream.health()],
    }),
    metrics: async () => ({ contentType: metrics.registry.contentType, text: await metrics.registry.metrics() }),
    registry: metrics.registry,
    reload: async () => {
      const result = await policySource.reload();
      if (result.outcome === 'refused') {
        log.error('the policies were not reloaded; the old ones stay in force', {
          policyVersion: result.version,
          problems: result.error.message,
        });
      } else log.info(`policies ${result.outcome}`, { policyVersion: result.version });
    },
    drain: async () => {
      draining = true;
      await setTimeout(config.timeouts.drainDelayMs);
      await closeGracefully(server, config.timeouts.drainMs);
      await tokens.close();
      broker.close();
      await upstream.close();
      await audit.close();
      await log.flush();
    },
  };
}

function withStore({ storeName, ...bucket }: Config['buckets'][number], stores: ReadonlyMap<string, Store>): Bucket {
  const store = stores.get(storeName);
  if (store === undefined) throw new Error(`bucket ${bucket.name} names a store that is not configured`);
  return { ...bucket, store };
}

function sessionsOf(
  { sessions, endpoint }: Config,
  given: Pick<Parameters<typeof createClientSessions>[0], 'clock' | 'observer' | 'pertinent'>,
): StsParts['sessions'] {
  if (sessions === undefined) return undefined;
  const { keys, ...rest } = sessions;
  const keyOf = ({ id, key }: typeof keys.current) => ({ id, secret: key.revealBytes() });
  const issuer = createClientSessions({
    ...rest,
    ...given,
    keys: { current: keyOf(keys.current), ...(keys.previous === undefined ? {} : { previous: keyOf(keys.previous) }) },
  });
  const { verify } = createSignatureVerifier({ sessions: issuer, regions: endpoint.regions });
  return { issue: issuer.issue, verify };
}

function keyringOf({ keyring }: Config): Keyring {
  // Without a keyring every bucket has encryption off (configuration sees to it); sealing is then refused all the same.
  if (keyring === undefined) {
    const none = () => Promise.reject(new Error('no keyring is configured'));
    return { newDataKey: none, wrap: none, unwrap: none, current: none };
  }
  const { current, seeds } = keyring.local;
  const local = createLocalKeyring({
    current,
    versions: new Map([...seeds].map(([version, seed]) => [version, seed.revealBytes()])),
  });
  return createCachingKeyring(local, KEY_CACHE);
}

function issuerOf({ ca, maxTokenAgeSeconds, ...issuer }: IssuerConfig, fetchTimeoutMs: number): IssuerOptions {
  return {
    ...issuer,
    fetchTimeoutSeconds: fetchTimeoutMs / 1000,
    ...(ca === undefined ? {} : { ca }),
    ...(maxTokenAgeSeconds === undefined ? {} : { maxTokenAgeSeconds }),
  };
}

function stsOf({
  name,
  tls,
  credentials,
  sts,
}: StoreConfig): Parameters<typeof createCredentialBroker>[0]['stores'][number] {
  return {
    name,
    stsEndpoint: sts.endpoint,
    region: sts.region,
    minTls: tls.minVersion,
    iamEscapes: sts.iamEscapes,
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls.serverName === undefined ? {} : { serverName: tls.serverName }),
    roleDefaults: {
      sourceIdentity: sts.sourceIdentity,
      durationSeconds: sts.sessionSeconds,
      ...(sts.externalId === undefined ? {} : { externalId: sts.externalId }),
    },
    ...(credentials === undefined
      ? {}
      : {
          baseCredentials: {
            accessKeyId: credentials.accessKeyId.reveal(),
            secretAccessKey: credentials.secretAccessKey.reveal(),
            ...(credentials.sessionToken === undefined ? {} : { sessionToken: credentials.sessionToken.reveal() }),
          },
        }),
  };
}
