/**
 * The composition root: a configuration in, a running gateway out. The one place where rooms meet; everything that a stage
 * depends on is made here and handed in.
 */
import type { Server } from 'node:http';
import type { Config } from '../config/config.ts';
import type { Clock } from '../contracts/clock.ts';
import { keepingTagged } from '../credentials/session-tags.ts';
import { certificateEndsOf } from './certificate-ends.ts';
import { dataServerOf, drainRequests } from './data-server.ts';
import { createStoreAccess, openAudit } from './store-access.ts';
import type { HealthReport } from '../contracts/health.ts';
import { createPermits } from '../host-check/permits.ts';
import type { Readiness } from '../http/admin-server.ts';
import { listen, type ListenTarget } from '../http/listen.ts';
import { createBearerAuthenticator } from '../identity/bearer-authenticator.ts';
import { createClientSessions } from '../identity/client-sessions.ts';
import { createSignatureAuthenticator } from '../identity/signature-authenticator.ts';
import type { Counters } from '../guardrails/counters.ts';
import { createGuardrails } from '../guardrails/guardrails.ts';
import { createSignatureVerifier } from '../identity/signature-verifier.ts';
import { createStoreTokens } from '../identity/store-tokens.ts';
import { createTokenVerifier } from '../identity/token-verifier.ts';
import { derived } from '../platform/derived.ts';
import type { ServerTls } from '../http/data-server.ts';
import { grantsOf } from './grants.ts';
import { knownKeysOf } from './known-keys.ts';
import { createLiveConfig, type LiveConfig } from './live-config.ts';
import { guardrailPartsOf } from './guardrails.ts';
import { issuerOf } from './issuers.ts';
import { createNeeded } from './needed.ts';
import { boundsOf, createAdmission } from '../pipeline/admission.ts';
import { decideTarget } from '../policy/decide-target.ts';
import { insteadOf } from '../pipeline/instead.ts';
import { createPipeline } from '../pipeline/pipeline.ts';
import { watchedPolicies, watchedPreview } from './policies.ts';
import { createAuthorizer } from '../policy/authorizer.ts';
import type { PolicySource } from '../policy/policy-source.ts';
import { createPreview } from '../policy/preview.ts';
import { redisLoginOf, revocationsOf } from './revocations.ts';
import { createCredentialsEndpoint } from '../sts/credentials-endpoint.ts';
import { noSessions } from '../sts/no-sessions.ts';
import type { StsDependencies } from '../sts/dependencies.ts';
import { createCanIEndpoint } from '../sts/can-i-endpoint.ts';
import { createStsEndpoint } from '../sts/sts-endpoint.ts';
import { createWhoamiEndpoint } from '../sts/whoami-endpoint.ts';
import { acceptsOpenMetrics, exposed, measuredBy, type Exposed } from '../telemetry/exposition.ts';
import { createLog } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { createObserver } from '../telemetry/observer.ts';
import { createRequests } from '../telemetry/request-scope.ts';
import { startTracing } from '../telemetry/start-tracing.ts';
import { createUncaught, type Uncaught } from '../telemetry/uncaught.ts';

export interface GatewayOptions {
  /** Which of several workers this is, from 0. */
  readonly worker: number;
  readonly pid: number;
  readonly logStream: NodeJS.WritableStream;
  /** Its `OTEL_*` say whether requests are traced; absent: they are not. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly clock?: Clock;
  /** The policies, where another process reads their directory and tells which set is in force. */
  readonly policies?: Pick<PolicySource, 'current'> & Partial<PolicySource>;
  /** What was spent of budgets, where another process counts it. */
  readonly counters?: Counters;
  /** The set that is only previewed, likewise. */
  readonly preview?: Pick<PolicySource, 'current'> & Partial<PolicySource>;
}

export interface Gateway {
  /** The S3 port; supertest enters here. */
  readonly server: Server;
  readonly target: ListenTarget;
  readonly listen: () => Promise<void>;
  readonly readiness: () => Readiness;
  readonly metrics: (accept?: string) => Promise<Exposed>;
  readonly registry: ReturnType<typeof createMetrics>['registry'];
  readonly uncaught: Pick<Uncaught, 'ofRequest' | 'ofProcess'>;
  /** Loads the policies again, where this process reads their directory; a bad set leaves the old one in force. */
  readonly reload: () => Promise<void>;
  /** Readiness goes away, requests in flight finish, the audit is flushed and closed. */
  readonly drain: () => Promise<void>;
}

/** A gateway that takes up changes of its configuration. */
export interface LiveGateway extends Gateway {
  /** Accepts the keys of a configuration beside those in force. */
  readonly prepare: (next: Config) => void;
  /** Takes it up: what its schema says can be. */
  readonly use: (config: Config) => void;
}

/** Of the permits of a process, one in so many may wait for a form, or for one issuer, with somebody whom nobody knows yet. */
const UNKNOWN_SHARE = 4;
/** And of these permits, one in so many may wait with one client address. */
const ADDRESS_SHARE = 8;

/** Builds a gateway; nothing listens yet. @throws Error in one line: policies, audit directory */
export async function createGateway(config: Config, options: GatewayOptions): Promise<LiveGateway> {
  const clock = options.clock ?? { now: Date.now };
  const requests = createRequests();
  const log = createLog({
    level: config.log.level,
    stream: options.logStream,
    trace: requests.trace,
    worker: options.worker,
  });
  const tracer = await startTracing(options.env ?? {}, log.event);
  const traces = tracer && requests.traceBy(tracer);
  const metrics = createMetrics();
  const observer = createObserver({ metrics, log, clock, traces });
  const uncaught = createUncaught({ metrics, log, requests });

  const live = createLiveConfig(config);
  const { checkSeconds } = config.admin;
  const storeAccess = createStoreAccess(config, { clock, observer, checkSeconds, live: live.state });
  const { buckets } = storeAccess;

  const policies = options.policies ?? (await watchedPolicies(config, observer));
  const previewed =
    options.preview ?? (options.policies === undefined ? await watchedPreview(config, observer) : undefined);
  metrics.policies({
    inForce: () => policies.current().version,
    refused: policies.refused,
    preview: previewed && (() => previewed.current().version || undefined),
  });
  const audit = await openAudit(config, { clock, observer, metrics, worker: options.worker, pid: options.pid });
  if (audit.status !== undefined) metrics.audit(audit.status);
  const ends = derived(live.state, ({ inForce }) => certificateEndsOf(inForce, inForce));
  metrics.certificates(() => ends()());
  metrics.keys(() => knownKeysOf(live.state()));

  const lists = { clock, observer, login: () => redisLoginOf(live.state().inForce) };
  const revocations = await revocationsOf(config, lists);
  metrics.revocations(revocations.status);

  const unknownLimit = Math.ceil(config.limits.inFlight / UNKNOWN_SHARE);
  const waiting = { fetchTimeoutMs: config.timeouts.jwksMs, maxWaiting: unknownLimit };
  const issuers = config.issuers.map((issuer) => issuerOf(issuer, waiting, { clock, observer }));
  metrics.issuerKeys(() => issuers.map(({ name, keysAge }) => [name, keysAge()] as const));
  const tokens = createTokenVerifier(issuers, { clock, observer, maxWaiting: unknownLimit });
  const storeTokens = createStoreTokens({ ...audiencesOf(config), issuers, revocations, clock, observer });
  const grants = await grantsOf(config, lists);
  metrics.grants(grants.count);
  const authorizer = createAuthorizer(policies, grants);
  const guardrailParts = await guardrailPartsOf(config, { ...lists, own: options.counters });
  const { breakers } = guardrailParts;
  if (breakers !== undefined) metrics.breakers(breakers.count);
  const tagRules = config.stores.map(({ sts: { sessionTags } }) => sessionTags);
  const relevant = keepingTagged(tagRules, authorizer.relevant);
  const sessions = sessionsOf(config, live, { clock, observer, relevant });
  const admission = createAdmission({
    ...{ clock, observer, bounds: boundsOf(config.limits.inFlight), queueMs: config.timeouts.queueMs },
  });
  metrics.waiting(admission.waiting);
  const pipeline = createPipeline({
    ...storeAccess,
    admission,
    authenticators: [
      createBearerAuthenticator(tokens),
      sessions === undefined ? noSessions : createSignatureAuthenticator(sessions),
    ],
    revocations,
    authorizer,
    decideTarget,
    guardrails: createGuardrails({ ...guardrailParts, of: authorizer.guardrails, clock, count: metrics.guardrail }),
    preview: previewed && createPreview(policies, previewed, grants, metrics.previewDiffered),
    storeTokens,
    audit,
    observer,
    clock,
    region: config.endpoint.regions[0] ?? '',
    publicHosts: config.endpoint.publicHosts,
    tokensFrom: config.endpoint.tokensFrom,
    earlyAnswer: { afterMs: config.timeouts.earlyAnswerMs, everyMs: config.timeouts.earlyAnswerMs },
    limits: config.limits,
  });
  const sts: StsDependencies = {
    tokens,
    sessions,
    revocations,
    authorizer,
    audit,
    observer,
    clock,
    tokensFrom: config.endpoint.tokensFrom,
    admission,
    limits: { formMs: config.timeouts.requestHeadersMs },
    forms: createPermits({ all: unknownLimit, perAddress: Math.ceil(unknownLimit / ADDRESS_SHARE) }),
  };

  const dependencies = (): readonly HealthReport[] => [
    ...audit.health(),
    ...revocations.health(),
    ...grants.health(),
    ...(breakers?.health() ?? []),
    ...tokens.health(),
    ...storeAccess.health(),
  ];
  metrics.dependencies(dependencies, clock);
  const needed = createNeeded(config.admin.readyNeeds, clock);
  let draining = false;
  const ready = (): boolean =>
    dataServer.server.listening &&
    !draining &&
    audit.canAudit() &&
    !revocations.isShut() &&
    storeAccess.bucketWatch.mayServe() &&
    needed.isThere(dependencies);
  const tls = serverTlsOf(config);
  const dataServer = dataServerOf(
    config,
    { ...metrics, uncaught, requests },
    {
      pipeline,
      sts: createStsEndpoint(sts),
      credentials: createCredentialsEndpoint(sts),
      canI: createCanIEndpoint(sts, { decideTarget, insteadOf }),
      whoami: createWhoamiEndpoint(sts, [...buckets.keys()]),
      audit,
      ready,
      isDraining: () => draining,
      edgeSecret: derived(live.state, ({ inForce }) => inForce.edge?.secret.reveal()),
      withoutEdge: () => observer.event('edge_secret_missing'),
      ...(tls === undefined ? {} : { tls }),
    },
  );
  const target: ListenTarget =
    config.listen.kind === 'socket'
      ? { socket: config.listen.path, mode: config.listen.mode }
      : { host: config.listen.host, port: config.listen.port };

  return {
    server: dataServer.server,
    target,
    listen: async () => {
      storeAccess.watch();
      needed.start();
      policies.watch?.();
      previewed?.watch?.();
      await listen(dataServer.server, target, 'socket' in target ? 'listen.socket' : 'listen.address');
      log.event('service_started', {
        on: 'socket' in target ? target.socket : `${target.host}:${target.port}`,
        policyVersion: policies.current().version,
      });
    },
    readiness: () => ({
      ready: ready(),
      reports: [...dependencies(), ...(policies.health?.() ?? []), ...(previewed?.health?.() ?? [])],
    }),
    metrics: async (accept) => exposed(await measuredBy(metrics.registry), acceptsOpenMetrics(accept)),
    registry: metrics.registry,
    uncaught,
    reload: async () => {
      await policies.reload?.();
      await previewed?.reload?.();
    },
    prepare: live.prepare,
    use: (next) => {
      live.use(next);
      const changed = serverTlsOf(next);
      if (changed !== undefined) dataServer.useTls(changed);
    },
    drain: async () => {
      draining = true;
      policies.close?.();
      previewed?.close?.();
      await drainRequests(dataServer, config.timeouts, { admission, stores: storeAccess });
      await tokens.close();
      await revocations.close();
      await grants.close();
      await breakers?.close();
      await audit.close();
      await tracer?.close();
      await log.flush();
    },
  };
}

function audiencesOf({
  issuers,
  stores,
}: Config): Pick<Parameters<typeof createStoreTokens>[0], 'audiences' | 'accepted'> {
  const webIdentityStores = stores.filter(({ method }) => method === 'web-identity');
  return {
    audiences: new Map(webIdentityStores.map(({ name, sts }) => [name, sts.audiences])),
    accepted: new Set(issuers.flatMap(({ audiences }) => audiences)),
  };
}

function sessionsOf(
  { sessions, endpoint, issuers }: Config,
  { state }: LiveConfig<Config>,
  options: Pick<Parameters<typeof createClientSessions>[0], 'clock' | 'observer' | 'relevant'>,
): StsDependencies['sessions'] {
  if (sessions === undefined) return undefined;
  const { keys: first, ...rest } = sessions;
  const keyOf = ({ id, key }: typeof first.current) => ({ id, secret: key.revealBytes() });
  const all = ({ current, previous }: typeof first) => [current, ...(previous === undefined ? [] : [previous])];
  const keys = derived(state, ({ inForce, next }) => {
    const { current, previous } = inForce.sessions?.keys ?? first;
    const coming = all(next.sessions?.keys ?? first).map(keyOf);
    return { current: keyOf(current), ...(previous === undefined ? {} : { previous: keyOf(previous) }), coming };
  });
  const issuer = createClientSessions({
    ...rest,
    ...options,
    issuers: new Map(issuers.map(({ name, issuer: iss }) => [name, iss])),
    keys,
  });
  const { regions, requireSignedContentHeaders } = endpoint;
  const verifier = createSignatureVerifier({ regions, requireSignedContentHeaders, sessions: issuer });
  return { issue: issuer.issue, ...verifier };
}

function serverTlsOf({ listen: { ...own } }: Config): ServerTls | undefined {
  const tls = own.kind === 'tcp' ? own.tls : undefined;
  return tls && { cert: tls.certificate, key: tls.key.reveal(), clientCa: tls.clientCa };
}
