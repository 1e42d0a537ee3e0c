/**
 * The composition root of a sidecar: its configuration in, a running one out. The gateway's pipeline on other parts: the
 * caller is the workload, the store is asked with the pod's own credentials, and a host check stands where the edge would.
 */
import type { Gateway, GatewayOptions } from './gateway.ts';
import type { AuditLog } from '../audit/create-audit-sink.ts';
import { createStreamAudit } from '../audit/stream-audit.ts';
import type { SidecarConfig } from '../config/sidecar/load-sidecar.ts';
import type { HealthReport } from '../contracts/health.ts';
import type { Observer } from '../contracts/observer.ts';
import { certificateEndsOf } from './certificate-ends.ts';
import { knownKeysOf } from './known-keys.ts';
import { dataServerOf, drainRequests } from './data-server.ts';
import { createStoreAccess, openAudit, type StoreAccessDependencies } from './store-access.ts';
import { isLoopback } from '../platform/loopback.ts';
import { createHostCheck } from '../host-check/host-check.ts';
import { listen } from '../http/listen.ts';
import { createNeeded } from './needed.ts';
import { sidecarGuardrailsOf } from './guardrails.ts';
import type { GuardrailOptions } from '../guardrails/guardrails.ts';
import { createAdmission, UNSHARED } from '../pipeline/admission.ts';
import type { PipelineDependencies } from '../pipeline/dependencies.ts';
import { createPipeline } from '../pipeline/pipeline.ts';
import { createAuthorizer } from '../policy/authorizer.ts';
import { decideTarget } from '../policy/decide-target.ts';
import type { PolicySource } from '../policy/policy-source.ts';
import { watchedSidecarPolicies } from './policies.ts';
import { createConfiguredBuckets } from '../sidecar/configured-buckets.ts';
import { createWorkloadAuthenticator } from '../sidecar/workload-authenticator.ts';
import { acceptsOpenMetrics, exposed, measuredBy } from '../telemetry/exposition.ts';
import { createLog } from '../telemetry/log.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import { createObserver } from '../telemetry/observer.ts';
import { createRequests } from '../telemetry/request-scope.ts';
import { startTracing } from '../telemetry/start-tracing.ts';
import { createUncaught } from '../telemetry/uncaught.ts';

export interface SidecarOptions extends Omit<GatewayOptions, 'worker'> {
  /** Where the audit goes that has no directory. */
  readonly auditStream: NodeJS.WritableStream;
}

/** Builds a sidecar; nothing listens yet. @throws Error in one line: policies, audit directory */
export async function createSidecar(config: SidecarConfig, options: SidecarOptions): Promise<Gateway> {
  const clock = options.clock ?? { now: Date.now };
  const requests = createRequests();
  const log = createLog({ level: config.log.level, stream: options.logStream, trace: requests.trace, worker: 0 });
  const tracer = await startTracing(options.env ?? {}, log.event);
  const traces = tracer && requests.traceBy(tracer);
  const metrics = createMetrics();
  const observer = createObserver({ metrics, log, clock, traces });
  const uncaught = createUncaught({ metrics, log, requests });
  const storeAccess = createStoreAccess(config, {
    ...{ clock, observer, isOneCaller: true },
    checkSeconds: config.admin.checkSeconds,
  });
  const { buckets } = storeAccess;
  const policies = await policiesOf(config, observer);
  if (policies !== undefined)
    metrics.policies({ inForce: () => policies.current().version, refused: policies.refused });
  const audit = await auditOf(config, options, { clock, observer, metrics });
  if (audit.status !== undefined) metrics.audit(audit.status);
  metrics.certificates(certificateEndsOf(config));
  metrics.keys(() => knownKeysOf({ inForce: config, next: config }));

  const admission = createAdmission({ clock, observer, bounds: UNSHARED, queueMs: config.timeouts.queueMs });
  const pipeline = createPipeline({
    ...storeAccess,
    authenticators: [createWorkloadAuthenticator(config.subject)],
    // Nobody's right to be here ends before the pod does.
    revocations: { check: () => undefined },
    // Its stores are asked as the pod.
    storeTokens: { verify: () => undefined },
    decideTarget,
    ...authorizing(policies, buckets.keys(), { clock, count: metrics.guardrail }),
    audit,
    observer,
    clock,
    region: config.stores[0]?.region ?? '',
    publicHosts: publicHostsOf(config),
    earlyAnswer: { afterMs: config.timeouts.earlyAnswerMs, everyMs: config.timeouts.earlyAnswerMs },
    admission,
    limits: config.limits,
  });

  const dependencies = (): readonly HealthReport[] => [...audit.health(), ...storeAccess.health()];
  metrics.dependencies(dependencies, clock);
  const needed = createNeeded(config.admin.readyNeeds, clock);
  let draining = false;
  const ready = (): boolean =>
    dataServer.server.listening && !draining && audit.canAudit() && needed.isThere(dependencies);
  const dataServer = dataServerOf(
    config,
    { ...metrics, uncaught, requests },
    {
      pipeline,
      hostCheck: createHostCheck({ hosts: servedHosts(config), pages: 'none', origins: config.cors?.origins ?? [] }),
      audit,
      ready,
    },
  );

  return {
    server: dataServer.server,
    target: config.listen,
    listen: async () => {
      // There is nobody else to send the workload to: what is found is told, and holds nothing back.
      storeAccess.watch();
      needed.start();
      policies?.watch();
      await listen(dataServer.server, config.listen, 'sidecar.address, or --listen');
      const on = `${config.listen.host}:${config.listen.port}`;
      if (!isLoopback(config.listen.host)) log.event('sidecar_reachable_remotely', { on });
      log.event('sidecar_started', { on, subject: config.subject });
    },
    readiness: () => ({
      ready: ready(),
      reports: [...dependencies(), ...(policies?.health() ?? [])],
    }),
    metrics: async (accept) => exposed(await measuredBy(metrics.registry), acceptsOpenMetrics(accept)),
    registry: metrics.registry,
    uncaught,
    reload: async () => {
      await policies?.reload();
    },
    drain: async () => {
      draining = true;
      policies?.close();
      await drainRequests(dataServer, config.timeouts, { admission, stores: storeAccess });
      await audit.close();
      await tracer?.close();
      await log.flush();
    },
  };
}

async function policiesOf(
  config: SidecarConfig,
  { event }: Pick<Observer, 'event'>,
): Promise<PolicySource | undefined> {
  return config.policies && watchedSidecarPolicies(config.policies, config, { event });
}

function authorizing(
  policies: PolicySource | undefined,
  buckets: Iterable<string>,
  options: Pick<GuardrailOptions, 'clock' | 'count'>,
): Pick<PipelineDependencies, 'authorizer' | 'guardrails'> {
  if (policies === undefined) return { authorizer: createConfiguredBuckets(buckets) };
  const authorizer = createAuthorizer(policies);
  return { authorizer, guardrails: sidecarGuardrailsOf({ ...options, of: authorizer.guardrails }) };
}

async function auditOf(
  { audit }: SidecarConfig,
  { auditStream, pid }: SidecarOptions,
  dependencies: StoreAccessDependencies & { readonly metrics: Metrics },
): Promise<AuditLog> {
  if (audit !== undefined) return openAudit({ audit }, { ...dependencies, worker: 0, pid });
  return createStreamAudit({ stream: auditStream, clock: dependencies.clock });
}

/** Names before which a bucket may stand; none does before an address. */
function publicHostsOf({ allowedHosts }: SidecarConfig): readonly string[] {
  return ['localhost', ...allowedHosts.filter((host) => /^[a-z]/.test(host))];
}

function servedHosts(config: SidecarConfig): readonly string[] {
  const before = config.buckets.flatMap(({ name }) => publicHostsOf(config).map((host) => `${name}.${host}`));
  return [...config.allowedHosts, ...before];
}
