/** A pipeline on doubles that state what they do: what was called, decided, planned, sent and recorded is kept. */
import type { AuditEntry, AuditRefusal } from '../../../src/contracts/audit-sink.ts';
import type { Access } from '../../../src/contracts/authorizer.ts';
import type { Bucket } from '../../../src/contracts/bucket.ts';
import type { ChunkSignatures } from '../../../src/contracts/chunk-signatures.ts';
import type { AccessScope } from '../../../src/contracts/credential-broker.ts';
import type { Exchange } from '../../../src/contracts/exchange.ts';
import type { Observer } from '../../../src/contracts/observer.ts';
import type { Principal } from '../../../src/contracts/principal.ts';
import type { ObjectCipher, ObjectLayout } from '../../../src/contracts/object-cipher.ts';
import type { StoreToken } from '../../../src/contracts/store-tokens.ts';
import type { UpstreamResponse } from '../../../src/contracts/upstream.ts';
import type { Upstream } from '../../../src/core/upstream/http-upstream.ts';
import type { SignedRequest, Signer } from '../../../src/core/upstream/signer.ts';
import { decideTarget } from '../../../src/policy/decide-target.ts';
import { createStoreSessions } from '../../../src/core/upstream/store-sessions.ts';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { createBucketFacts } from '../../../src/objects/bucket-facts.ts';
import { createObjectReader } from '../../../src/objects/object-reader.ts';
import type { S3Request } from '../../../src/s3/request/request.ts';
import { createAdmission, type Admission, type AdmissionBounds } from '../../../src/pipeline/admission.ts';
import type { PipelineDependencies } from '../../../src/pipeline/dependencies.ts';
import { entryOf } from '../audit/lines.ts';

const bucket: Bucket = {
  name: 'box',
  id: 'box',
  store: { name: 's', endpoint: 'https://store.invalid', region: 'r' },
  storeBucket: 'box',
  style: 'path',
  roleArn: 'arn:aws:iam:::role/r',
  encryption: 'off',
  prefixes: [],
};

export const principal: Principal = {
  issuerName: 'i',
  issuer: 'https://issuer.invalid',
  subject: 'somebody',
  groups: [],
  claims: {},
  tokenIdHash: '0'.repeat(32),
  expiresAtMs: 10_000_000,
};

const silent: Observer = {
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

const otherBucket: Bucket = { ...bucket, name: 'chest', id: 'chest', storeBucket: 'stored-chest' };
const sealedBucket: Bucket = {
  ...bucket,
  name: 'safe',
  id: 'safe',
  storeBucket: 'safe',
  encryption: 'required',
};
/** What a test does not look at. */
const notHere = (): Promise<never> => Promise.reject(new Error('not here'));

const singleLayout = (storedSizeBytes: number): ObjectLayout => ({
  ...{ kind: 's', plainSizeBytes: storedSizeBytes - 10, storedSizeBytes, runs: [], endsInFinalPart: false },
});

const clock = { now: () => 1000 };

const movingBucket: Bucket = {
  ...bucket,
  ...{ name: 'moving', id: 'moving', storeBucket: 'moving', encryption: 'migrating' },
  prefixes: [{ prefix: 'plain/', encryption: 'off' }],
};
const farBucket: Bucket = { ...bucket, name: 'far', id: 'far', roleArn: 'arn:aws:iam:::role/other' };

export interface World {
  readonly dependencies: PipelineDependencies;
  /** What was called, in order. */
  readonly steps: string[];
  readonly entries: (AuditEntry | AuditRefusal)[];
  /** Of the entries that are no refusals. */
  readonly lines: string[];
  /** What was decided and what the session was planned for. */
  readonly decided: Access[];
  readonly planned: (readonly AccessScope[])[];
  readonly sent: SignedRequest[];
}

export interface Behaviour {
  readonly identity?: 'known' | 'none' | 'bad';
  /** Who calls, where it is somebody known. */
  readonly principal?: Principal;
  readonly principalOf?: (request: S3Request) => Principal;
  readonly decision?: 'allow' | 'deny';
  /** Denies single accesses. */
  readonly denies?: (access: Access) => boolean;
  readonly chunkSignatures?: ChunkSignatures;
  /** What becomes of the token for the store; left out: the store takes none. */
  readonly storeToken?: (token: string | undefined) => Promise<StoreToken>;
  /** Accesses that fit into one session. */
  readonly sessionHolds?: number;
  readonly audit?: (entry: AuditEntry) => Promise<void>;
  readonly answer?: (request: SignedRequest, body: Buffer) => Partial<UpstreamResponse> & { readonly status: number };
}

export function world(behaviour: Behaviour = {}): World {
  const {
    identity = 'known',
    decision = 'allow',
    denies,
    chunkSignatures,
    sessionHolds = 1000,
    audit,
    answer,
  } = behaviour;
  const steps: string[] = [];
  const entries: (AuditEntry | AuditRefusal)[] = [];
  const lines: string[] = [];
  const decided: Access[] = [];
  const planned: (readonly AccessScope[])[] = [];
  const sent: SignedRequest[] = [];
  const broker: PipelineDependencies['broker'] = {
    plan: (principal, scopes, storeToken) => {
      if (scopes.flatMap(({ accesses }) => accesses).length > sessionHolds) {
        throw new GatewayError('InvalidRequest');
      }
      steps.push('plan');
      planned.push(scopes);
      const plan = {
        storeName: 's',
        roleArn: bucket.roleArn,
        sessionName: 'session',
        sourceIdentity: undefined,
        sessionPolicy: `{${planned.length}}`,
        sessionKey: `${planned.length}`,
        notAfterMs: 1,
        ...(storeToken === undefined ? {} : { storeToken }),
      };
      return { plan, principal, scopes };
    },
    credentials: () => {
      steps.push('assume-role');
      return Promise.resolve({ accessKeyId: 'A', secretAccessKey: 'S', sessionToken: undefined, expiresAtMs: 1 });
    },
    forget: () => steps.push('forget'),
  };
  const signer: Signer = {
    sign: (request) => {
      steps.push('sign');
      return {
        store: request.bucket.store,
        origin: request.bucket.store.endpoint,
        method: request.method,
        target: `/${request.bucket.storeBucket}/${request.key}?${request.query.map(([name, value]) => `${name}=${value}`).join('&')}`,
        headers: request.headers,
        ...(request.body === undefined ? {} : { body: request.body.content }),
      };
    },
  };
  const upstream: Upstream = {
    send: async (request) => {
      const { body } = request;
      steps.push('forward');
      sent.push(request);
      if (body !== undefined && !Buffer.isBuffer(body))
        for await (const chunk of body) steps.push(`sent ${chunk.length}`);
      const {
        status,
        headers,
        body: content,
      } = answer?.(request, Buffer.isBuffer(body) ? body : Buffer.alloc(0)) ?? {
        status: 200,
      };
      return {
        status,
        headers: headers ?? new Map([['content-length', '0']]),
        body: content ?? chunks(),
        whole: () => Promise.reject(new Error('not here')),
        discard: () => Promise.resolve(),
      };
    },
  };
  const cipher: ObjectCipher = {
    maxPlainSizeBytes: 1000,
    seal: (_, plainSizeBytes) =>
      Promise.resolve({
        envelope: 'envelope',
        storedSizeBytes: plainSizeBytes,
        keyId: 'local:1',
        body: (plain) => plain,
        whole: (plain) => plain,
      }),
    newUpload: notHere,
    isSealedId: () => false,
    openSealedId: notHere,
    uploadFolder: () => '.sallyport/uploads/f/',
    openState: notHere,
    clientParts: () => [],
    rewrap: notHere,
    describe: () => ({ kind: 's', keyId: 'local:1' }),
    storedRange: () => 'bytes=0-9',
    singleLayout,
    lookup: (_, { sizeBytes }) => Promise.resolve(singleLayout(sizeBytes)),
    plan: (_, { sizeBytes }) =>
      Promise.resolve({
        ...{ plainSizeBytes: sizeBytes - 10, first: 0, last: sizeBytes - 11, keyId: 'local:1' },
        extent: { first: 0, last: sizeBytes - 1 },
        body: (stored) => stored,
        whole: (stored) => stored.subarray(10),
      }),
    plainSize: (size) => size - 10,
  };
  const dependencies: PipelineDependencies = {
    authenticators: [
      {
        name: 'test',
        authenticate: (request) => {
          steps.push('authenticate');
          if (identity === 'bad') return Promise.reject(new GatewayError('InvalidToken'));
          const caller = behaviour.principalOf?.(request) ?? behaviour.principal ?? principal;
          const known = { principal: caller, ...(chunkSignatures === undefined ? {} : { chunkSignatures }) };
          return identity === 'known' ? Promise.resolve(known) : undefined;
        },
      },
    ],
    revocations: { check: () => undefined },
    decideTarget,
    authorizer: {
      decide: (_, access) => {
        steps.push('authorize');
        decided.push(access);
        const effect = denies?.(access) === true ? 'deny' : decision;
        const verb = access.kind === 'bucket' ? 'any' : access.verb;
        return { effect, rule: `p/${verb}`, reason: 'because', policyVersion: 'v' };
      },
      bindings: () => [],
      relevant: (known) => known,
      grants: () => [],
      unknown: () => [],
      visibleBuckets: () => ['box'],
      policyVersion: () => 'v',
    },
    broker,
    storeTokens: {
      verify: (_, token) => {
        const { storeToken } = behaviour;
        if (storeToken === undefined) return undefined;
        steps.push('store token');
        return storeToken(token);
      },
    },
    sessions: createStoreSessions({ upstream, broker, signer, clock }),
    cipher,
    reader: createObjectReader({ cipher, smallBodyBytes: 10 }),
    uploads: {
      promises: {
        free: () => undefined,
        hold: notHere,
        held: () => Promise.resolve({ onlyIfNone: false }),
        mayBegin: notHere,
        mayEnd: () => Promise.resolve(),
        applyTerms: notHere,
        end: () => Promise.resolve(),
      },
      forget: notHere,
      forgetAll: notHere,
      create: notHere,
      terms: notHere,
      sealPart: notHere,
      complete: notHere,
      abort: notHere,
      parts: notHere,
      close: notHere,
    },
    copies: {
      copyObject: notHere,
      copyUntagged: () => Promise.resolve(undefined),
      copyPinned: notHere,
      copyPart: notHere,
      replaceEnvelope: notHere,
      replaceObject: notHere,
      probe: notHere,
    },
    proofs: { lock: notHere },
    bucketFacts: createBucketFacts({ clock }),
    audit: {
      record: async (line) => {
        const entry = entryOf(line);
        await audit?.(entry);
        steps.push(`${entry.entry} durable`);
        entries.push(entry);
        lines.push(line);
      },
      refuse: (refusal) => entries.push(refusal),
    },
    observer: silent,
    admission: admissionOf({ seats: 64, maxWaiting: 8 }),
    clock,
    buckets: new Map([bucket, otherBucket, sealedBucket, movingBucket, farBucket].map((one) => [one.name, one])),
    region: 'eu-central-1',
    publicHosts: [],
    earlyAnswer: { afterMs: 10_000, everyMs: 10_000 },
    limits: { objectBytes: 1000, smallBodyBytes: 10 },
  };
  return { dependencies, steps, entries, lines, decided, planned, sent };
}

// eslint-disable-next-line @typescript-eslint/require-await -- a body is asynchronous
export async function* chunks(...texts: string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}

/** An admission of so many seats in each pool. */
export function admissionOf(bounds: AdmissionBounds, queueMs = 1000): Admission {
  return createAdmission({ clock: { now: Date.now }, observer: silent, bounds, queueMs });
}

export interface Client extends Exchange {
  readonly sent: string[];
  readonly answerHeaders: Record<string, string>;
}

export function client(
  method: string,
  target: string,
  headers: readonly string[] = [],
  steps: string[] = [],
  body = chunks(),
): Client {
  const sent: string[] = [];
  const answerHeaders: Record<string, string> = {};
  let status: number | undefined;
  return {
    requestId: 'request-1',
    clientAddress: '192.0.2.1',
    raw: { method, target, rawHeaders: ['host', 'localhost', ...headers] },
    signal: new AbortController().signal,
    body: (async function* () {
      steps.push('body read');
      yield* body;
    })(),
    read: async (take) => {
      steps.push('body read');
      for await (const piece of body) take(piece);
    },
    status: () => status,
    writeHead: (code, input) => {
      status = code;
      Object.assign(answerHeaders, input);
      steps.push(`answer ${code}`);
    },
    write: (chunk) => {
      sent.push(chunk.toString());
      return Promise.resolve();
    },
    end: (chunk) => {
      if (chunk !== undefined) sent.push(chunk.toString());
      steps.push('end');
    },
    destroy: () => steps.push('destroy'),
    sent,
    answerHeaders,
  };
}
