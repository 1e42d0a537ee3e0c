/** The endpoints on a real S3 port, over sessions that are real too; tokens and policy say what the test wants. */
import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import supertest from 'supertest';
import type { AuditEntry, AuditRefusal } from '../../../src/contracts/audit-sink.ts';
import type { Authorizer } from '../../../src/contracts/authorizer.ts';
import type { Observer } from '../../../src/contracts/observer.ts';
import type { Principal } from '../../../src/contracts/principal.ts';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { createPermits, type PermitBounds } from '../../../src/host-check/permits.ts';
import { createRequests } from '../../../src/telemetry/request-scope.ts';
import { createDataServer, type DataServerOptions } from '../../../src/http/data-server.ts';
import { createClientSessions } from '../../../src/identity/client-sessions.ts';
import { createSignatureVerifier } from '../../../src/identity/signature-verifier.ts';
import { createAdmission } from '../../../src/pipeline/admission.ts';
import { decideTarget } from '../../../src/policy/decide-target.ts';
import { insteadOf } from '../../../src/pipeline/instead.ts';
import { createCanIEndpoint } from '../../../src/sts/can-i-endpoint.ts';
import { createCredentialsEndpoint } from '../../../src/sts/credentials-endpoint.ts';
import type { StsDependencies } from '../../../src/sts/dependencies.ts';
import { createStsEndpoint } from '../../../src/sts/sts-endpoint.ts';
import { createWhoamiEndpoint } from '../../../src/sts/whoami-endpoint.ts';
import { entryOf } from '../audit/lines.ts';

export const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5);
export const TOKEN = 'aaaa.bbbb.cccc';
const ISSUER = 'https://issuer.test';

const SILENT: Observer = {
  stage: () => undefined,
  request: () => undefined,
  failure: () => undefined,
  cache: () => undefined,
  call: () => undefined,
  lookup: () => undefined,
  leftOut: () => undefined,
  queued: () => undefined,
  clockOffset: () => undefined,
  event: () => undefined,
};

export const PRINCIPAL: Principal = {
  issuerName: 'test',
  issuer: ISSUER,
  subject: 'auth0|alice <a&b>',
  groups: ['team'],
  claims: {},
  tokenIdHash: 'a'.repeat(32),
  expiresAtMs: NOW_MS + 7_200_000,
};

export interface World {
  readonly agent: ReturnType<typeof supertest>;
  readonly port: () => number;
  readonly entries: AuditEntry[];
  readonly refusals: AuditRefusal[];
  /** Requests that went to the pipeline of S3. */
  readonly toS3: string[];
  readonly close: () => Promise<void>;
}

export interface Behaviour {
  /** What the token means; a throw where it means nothing. */
  readonly verify?: (token: string) => Promise<Principal>;
  readonly record?: (entry: AuditEntry) => Promise<void>;
  readonly sessions?: false;
  /** Throws for who is revoked. */
  readonly check?: (principal: Principal) => void;
  readonly principal?: Partial<Principal>;
  readonly authorizer?: Partial<Authorizer>;
  readonly limits?: Partial<StsDependencies['limits']>;
  readonly forms?: Partial<PermitBounds>;
  readonly edgeSecret?: string;
  readonly inFlight?: number;
  readonly cors?: DataServerOptions['cors'];
}

export async function startWorld(behaviour: Behaviour = {}): Promise<World> {
  const clock = { now: () => NOW_MS };
  const entries: AuditEntry[] = [];
  const refusals: AuditRefusal[] = [];
  const toS3: string[] = [];
  const audit = {
    record: async (line: string) => {
      const entry = entryOf(line);
      await behaviour.record?.(entry);
      entries.push(entry);
    },
    refuse: (refusal: AuditRefusal) => {
      refusals.push(refusal);
    },
  };
  const keys = { current: { id: 'k1', secret: randomBytes(32) } };
  const issuer = createClientSessions({
    keys: () => keys,
    deploymentId: 'test',
    defaultSeconds: 3600,
    maxSeconds: 7000,
    clock,
    observer: SILENT,
    relevant: (principal) => principal,
    issuers: new Map([[PRINCIPAL.issuerName, PRINCIPAL.issuer]]),
  });
  const { verify, verifyPolicy } = createSignatureVerifier({ sessions: issuer, regions: ['us-east-1'] });
  const known = { ...PRINCIPAL, ...behaviour.principal };
  const dependencies: StsDependencies = {
    revocations: { check: (principal) => behaviour.check?.(principal) },
    tokens: {
      verify:
        behaviour.verify ??
        ((token) => (token === TOKEN ? Promise.resolve(known) : Promise.reject(new GatewayError('InvalidToken')))),
    },
    sessions: behaviour.sessions === false ? undefined : { issue: issuer.issue, verify, verifyPolicy },
    authorizer: {
      decide: () => ({ effect: 'deny', rule: 'default-deny', reason: '', policyVersion: 'v1' }),
      grants: () => [{ effect: 'allow', verbs: ['GET', 'LIST'], scope: { prefix: '2026/' } }],
      unknown: () => [],
      visibleBuckets: (_principal, buckets) => buckets.filter((bucket) => bucket === 'reports'),
      bindings: ({ binding }) => (binding === undefined ? ['analytics', 'reports'] : [binding]),
      relevant: (principal) => principal,
      policyVersion: () => 'v1',
      ...behaviour.authorizer,
    },
    audit,
    observer: SILENT,
    clock,
    admission: createAdmission({ clock, observer: SILENT, bounds: { seats: 2, maxWaiting: 0 }, queueMs: 1000 }),
    limits: { formMs: 500, ...behaviour.limits },
    forms: createPermits({ all: 2, perAddress: 2, ...behaviour.forms }),
  };
  const { server } = createDataServer({
    edgeSecret: () => behaviour.edgeSecret,
    pipeline: (exchange) => {
      toS3.push(`${exchange.raw.method} ${exchange.raw.target}`);
      exchange.writeHead(200, { etag: '"e"', 'x-amz-version-id': 'v', 'content-length': '0', 'x-other': 'o' });
      exchange.end();
      return Promise.resolve();
    },
    sts: createStsEndpoint(dependencies),
    credentials: createCredentialsEndpoint(dependencies),
    canI: createCanIEndpoint(dependencies, { decideTarget, insteadOf }),
    whoami: createWhoamiEndpoint(dependencies, ['reports', 'artifacts']),
    ...(behaviour.cors === undefined ? {} : { cors: behaviour.cors }),
    audit,
    requestId: () => 'request-1',
    ready: () => true,
    inFlight: () => undefined,
    turnedAway: () => undefined,
    uncaught: (error) => {
      throw error;
    },
    requests: createRequests(),
    limits: { headerBytes: 32_768, inFlight: behaviour.inFlight ?? 10 },
    timeouts: { idleMs: 5000, requestHeadersMs: 5000, keepAliveMs: 5000 },
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    agent: supertest(server),
    port: () => (server.address() as AddressInfo).port,
    entries,
    refusals,
    toS3,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The fields of a right AssumeRoleWithWebIdentity, changed; `undefined` leaves one out. */
export function assumeForm(changes: Readonly<Record<string, string | undefined>> = {}): string {
  const fields: Readonly<Record<string, string | undefined>> = {
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: 'arn:aws:iam::000000000000:role/analytics',
    RoleSessionName: 'a-session',
    WebIdentityToken: TOKEN,
    ...changes,
  };
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) form.append(name, value);
  return form.toString();
}

/** The text of the first element of a name. */
export function element(document: string, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(document)?.[1];
}
