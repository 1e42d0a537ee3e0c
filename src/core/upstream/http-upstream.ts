/**
 * The way to the stores, over connections that are bounded per store and kept alive. Enters: signed requests. Leaves:
 * responses that stream. Repeats a read, once, when its connection broke before any answer; never repeats a write,
 * follows a redirect, never sends a plain request where TLS was configured.
 */
import type { Readable } from 'node:stream';
import { GatewayError } from '../../errors/gateway-error.ts';
import type { HealthProbe, HealthReport, HealthSource } from '../../contracts/health.ts';
import type { Observer } from '../../contracts/observer.ts';
import type { StoreTls } from '../../contracts/store-access.ts';
import type { UpstreamResponse } from '../../contracts/upstream.ts';
import type { SignedRequest } from './signer.ts';
import { codeOf } from './connection-error.ts';
import { StoreAnswer } from './store-answer.ts';
import { createStorePools, type StorePools } from './store-pools.ts';

export interface StoreConnection extends StoreTls {
  /** The store's name in configuration. */
  readonly name: string;
  /** Scheme, host and port, where the store is asked whether it answers when nobody has asked it anything. */
  readonly endpoint: string;
}

export interface HttpUpstreamOptions {
  readonly stores: readonly StoreConnection[];
  /** Connections per store. */
  readonly connections: number;
  readonly connectTimeoutMs: number;
  /** From the last byte of the request to the first of the answer. */
  readonly headersTimeoutMs: number;
  /** Between two pieces of an answer's body. */
  readonly bodyIdleTimeoutMs: number;
  readonly observer: Observer;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Streams with backpressure; never retries a consumed body. Without a signal a request is carried to its end. */
export interface Upstream {
  /** @throws GatewayError ServiceUnavailable (no connection, no answer in time); the body's own errors pass through */
  readonly send: (request: SignedRequest, signal: AbortSignal | undefined) => Promise<UpstreamResponse>;
}

const PROBE_MS = 10_000;
const CLOCK_CHECK_INTERVAL_MS = 30_000;
/** A store may take minutes to complete an upload, and to copy: not every one sends blanks meanwhile, as S3 does. */
const COMPLETION_TIMEOUT_MS = 600_000;
/** What a proxy says of a store that is away, and a store of itself; 501: it has no such question. */
const BROKEN_STORE: ReadonlySet<number> = new Set([500, 502, 503, 504]);
const BROKEN_CONNECTION = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

interface StoreState {
  readonly pools: StorePools;
  /** Why, by the origin that it was seen at: one bucket's host may fail beside others that answer. */
  readonly degraded: Map<string, string>;
  /** Of the last answer, or of the last request that got none; `undefined`: nothing was asked yet. */
  checkedAtMs: number | undefined;
  clockCheckedAtMs: number;
}

/** Opens the pools. Connections are made when they are first needed. */
export function createHttpUpstream(
  options: HttpUpstreamOptions,
): Upstream & HealthSource & { readonly probes: readonly HealthProbe[]; close: StorePools['close'] } {
  const { observer } = options;
  const states = new Map<string, StoreState>(
    options.stores.map((store) => [
      store.name,
      {
        pools: createStorePools({ ...options, ...store }),
        degraded: new Map(),
        checkedAtMs: undefined,
        clockCheckedAtMs: 0,
      },
    ]),
  );

  const dispatch = (
    pools: StorePools,
    request: SignedRequest,
    signal: AbortSignal | undefined,
  ): Promise<UpstreamResponse> => {
    const answer = new StoreAnswer(request.store.name, signal);
    pools.poolOf(request.origin).dispatch(
      {
        method: request.method,
        path: request.target,
        headers: request.headers,
        // undici takes any async iterable; its types know only Readable.
        body: (request.body ?? null) as Buffer | Readable | null,
        ...(mayTakeMinutes(request) && {
          headersTimeout: Math.max(COMPLETION_TIMEOUT_MS, options.headersTimeoutMs),
        }),
      },
      answer,
    );
    return answer.head;
  };

  const send: Upstream['send'] = (request, signal) => {
    const state = states.get(request.store.name);
    if (state === undefined) throw new Error(`no connection configured for store ${request.store.name}`);
    // A write that broke off may have happened: it is not repeated, or it would happen twice under one audit entry.
    const replayable = request.method === 'GET' || request.method === 'HEAD';
    const startedMs = options.now();
    const answered = (response: UpstreamResponse): UpstreamResponse => {
      const nowMs = options.now();
      state.checkedAtMs = nowMs;
      if (response.status >= 500) state.degraded.set(request.origin, `answers ${response.status}`);
      else state.degraded.delete(request.origin);
      observer.call('store', response.status >= 500 ? 'error' : 'ok', nowMs - startedMs);
      if (nowMs - state.clockCheckedAtMs > CLOCK_CHECK_INTERVAL_MS) {
        state.clockCheckedAtMs = nowMs;
        const dateMs = Date.parse(response.headers.get('date') ?? '');
        if (!Number.isNaN(dateMs)) observer.clockOffset(request.store.name, dateMs - nowMs);
      }
      return response;
    };
    const failed = (error: unknown): never => {
      if (error instanceof GatewayError || signal?.aborted === true) throw error;
      state.checkedAtMs = options.now();
      state.degraded.set(request.origin, `no answer (${codeOf(error)})`);
      observer.call('store', 'error', options.now() - startedMs);
      throw new GatewayError('ServiceUnavailable', {
        detail: `store ${request.store.name}: ${codeOf(error)}`,
        refusal: { by: 'store', status: undefined, code: codeOf(error) },
        cause: error,
      });
    };
    return dispatch(state.pools, request, signal).then(answered, (error: unknown) => {
      // A kept-alive connection may close just as it is used again.
      const isWorthAnother = replayable && signal?.aborted !== true && BROKEN_CONNECTION.has(codeOf(error));
      return isWorthAnother ? dispatch(state.pools, request, signal).then(answered, failed) : failed(error);
    });
  };

  /** Without credentials: whatever it answers, it answers. No failure of it is anybody's request. */
  const probeOf = ({ name, endpoint }: StoreConnection, state: StoreState): HealthProbe => ({
    report: () => reportOf(name, state),
    ask: async () => {
      const signal = AbortSignal.timeout(Math.min(options.headersTimeoutMs, PROBE_MS));
      const request = { method: 'HEAD', path: '/', headers: {}, signal } as const;
      try {
        const { statusCode, body } = await state.pools.poolOf(endpoint).request(request);
        body.on('error', () => undefined).destroy();
        if (BROKEN_STORE.has(statusCode)) state.degraded.set(endpoint, `answers ${statusCode}`);
        else state.degraded.delete(endpoint);
      } catch (error) {
        state.degraded.set(endpoint, `no answer (${codeOf(error)})`);
      }
      state.checkedAtMs = options.now();
    },
  });

  return {
    send,
    health: () => [...states].map(([name, state]) => reportOf(name, state)),
    probes: options.stores.flatMap((store) => {
      const state = states.get(store.name);
      return state === undefined ? [] : [probeOf(store, state)];
    }),
    close: async (graceMs) => {
      await Promise.all([...states.values()].map(({ pools }) => pools.close(graceMs)));
    },
  };
}

function reportOf(name: string, { degraded, checkedAtMs }: StoreState): HealthReport {
  if (checkedAtMs === undefined) return { name: `store:${name}`, state: 'unknown' };
  return degraded.size === 0
    ? { name: `store:${name}`, state: 'ok', checkedAtMs }
    : { name: `store:${name}`, state: 'degraded', detail: detailOf(degraded), checkedAtMs };
}

function detailOf(degraded: ReadonlyMap<string, string>): string {
  const [first] = [...degraded].map(([origin, reason]) => `${origin}: ${reason}`);
  return degraded.size === 1 ? `${first}` : `${first}, and ${degraded.size - 1} more`;
}

function mayTakeMinutes({ method, target, headers }: SignedRequest): boolean {
  return 'x-amz-copy-source' in headers || (method === 'POST' && /[?&]uploadId=/.test(target));
}
