/**
 * The way to the stores, over connections that are bounded per store and kept alive. Enters: signed requests. Leaves:
 * responses that stream. Repeats a read, once, when its connection broke before any answer; never repeats a write,
 * follows a redirect, never sends a plain request where TLS was configured.
 */
import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { GatewayError } from '../../errors/gateway-error.ts';
import type { HealthReport, HealthSource } from '../../contracts/health.ts';
import type { Observer } from '../../contracts/observer.ts';
import type { StoreTls } from '../../contracts/store-access.ts';
import type { UpstreamResponse } from '../../contracts/upstream.ts';
import type { SignedRequest } from './signer.ts';
import { createStorePools, type StorePools } from './store-pools.ts';

export interface StoreConnection extends StoreTls {
  /** The store's name in configuration. */
  readonly name: string;
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

const DISCARD_LIMIT_BYTES = 64 * 1024;
const CLOCK_CHECK_INTERVAL_MS = 30_000;
/** A store may take minutes to complete an upload, and to copy: not every one sends blanks meanwhile, as S3 does. */
const COMPLETION_TIMEOUT_MS = 600_000;
const BROKEN_CONNECTION = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

interface StoreState {
  readonly pools: StorePools;
  /** Why, by the origin that it was seen at: one bucket's host may fail beside others that answer. */
  readonly degraded: Map<string, string>;
  hasAnswered: boolean;
  clockCheckedAtMs: number;
}

/** Opens the pools. Connections are made when they are first needed. */
export function createHttpUpstream(
  options: HttpUpstreamOptions,
): Upstream & HealthSource & { close: StorePools['close'] } {
  const { observer } = options;
  const states = new Map<string, StoreState>(
    options.stores.map((store) => [
      store.name,
      {
        pools: createStorePools({ ...options, ...store }),
        degraded: new Map(),
        hasAnswered: false,
        clockCheckedAtMs: 0,
      },
    ]),
  );

  const dispatch = (
    pools: StorePools,
    request: SignedRequest,
    signal: AbortSignal | undefined,
  ): Promise<Dispatcher.ResponseData> =>
    pools.poolOf(request.origin).request({
      method: request.method,
      path: request.target,
      headers: request.headers,
      // undici takes any async iterable; its types know only Readable.
      body: (request.body ?? null) as Buffer | Readable | null,
      signal: signal ?? null,
      ...(mayTakeMinutes(request) && {
        headersTimeout: Math.max(COMPLETION_TIMEOUT_MS, options.headersTimeoutMs),
      }),
    });

  const send = async (request: SignedRequest, signal: AbortSignal | undefined): Promise<UpstreamResponse> => {
    const state = states.get(request.store.name);
    if (state === undefined) throw new Error(`no connection configured for store ${request.store.name}`);
    // A write that broke off may have happened: it is not repeated, or it would happen twice under one audit entry.
    const replayable = request.method === 'GET' || request.method === 'HEAD';
    const startedMs = options.now();
    let response: Dispatcher.ResponseData;
    try {
      response = await dispatch(state.pools, request, signal).catch((error: unknown) => {
        // A kept-alive connection may close just as it is used again.
        if (replayable && signal?.aborted !== true && BROKEN_CONNECTION.has(codeOf(error))) {
          return dispatch(state.pools, request, signal);
        }
        throw error;
      });
    } catch (error) {
      if (error instanceof GatewayError || signal?.aborted === true) throw error;
      state.degraded.set(request.origin, `no answer (${codeOf(error)})`);
      observer.call('store', 'error', options.now() - startedMs);
      throw new GatewayError('ServiceUnavailable', {
        detail: `store ${request.store.name}: ${codeOf(error)}`,
        refusal: { by: 'store', status: undefined, code: codeOf(error) },
        cause: error,
      });
    }
    const nowMs = options.now();
    state.hasAnswered = true;
    if (response.statusCode >= 500) state.degraded.set(request.origin, `answers ${response.statusCode}`);
    else state.degraded.delete(request.origin);
    observer.call('store', response.statusCode >= 500 ? 'error' : 'ok', nowMs - startedMs);
    if (nowMs - state.clockCheckedAtMs > CLOCK_CHECK_INTERVAL_MS) {
      state.clockCheckedAtMs = nowMs;
      const dateMs = Date.parse(String(response.headers['date'] ?? ''));
      if (!Number.isNaN(dateMs)) observer.clockOffset(request.store.name, dateMs - nowMs);
    }
    return {
      status: response.statusCode,
      headers: flatten(response.headers),
      body: readBody(request.store.name, response.body),
      whole: async () => {
        try {
          return Buffer.from(await response.body.arrayBuffer());
        } catch (error) {
          throw brokenOff(request.store.name, error);
        }
      },
      discard: () => response.body.dump({ limit: DISCARD_LIMIT_BYTES }).catch(() => undefined),
    };
  };

  return {
    send,
    health: (): readonly HealthReport[] =>
      [...states].map(([name, { degraded, hasAnswered }]) =>
        degraded.size === 0
          ? { name: `store:${name}`, state: hasAnswered ? 'ok' : 'unknown' }
          : { name: `store:${name}`, state: 'degraded', detail: detailOf(degraded) },
      ),
    close: async (graceMs) => {
      await Promise.all([...states.values()].map(({ pools }) => pools.close(graceMs)));
    },
  };
}

function detailOf(degraded: ReadonlyMap<string, string>): string {
  const [first] = [...degraded].map(([origin, reason]) => `${origin}: ${reason}`);
  return degraded.size === 1 ? `${first}` : `${first}, and ${degraded.size - 1} more`;
}

function mayTakeMinutes({ method, target, headers }: SignedRequest): boolean {
  return 'x-amz-copy-source' in headers || (method === 'POST' && /[?&]uploadId=/.test(target));
}

async function* readBody(storeName: string, body: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  try {
    yield* body;
  } catch (error) {
    throw brokenOff(storeName, error);
  }
}

function brokenOff(storeName: string, cause: unknown): GatewayError {
  return new GatewayError('ServiceUnavailable', {
    detail: `store ${storeName} broke off its answer: ${codeOf(cause)}`,
    cause,
  });
}

function codeOf(error: unknown): string {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const { code } = at as { code?: unknown };
    if (typeof code === 'string') return code;
  }
  return error instanceof Error ? error.name : 'unknown';
}

function flatten(headers: Dispatcher.ResponseData['headers']): ReadonlyMap<string, string> {
  const flat = new Map<string, string>();
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined) flat.set(name, typeof value === 'string' ? value : value.join(', '));
  }
  return flat;
}
