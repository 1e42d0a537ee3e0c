/**
 * The connections to the stores: one bounded pool per store, kept alive, TLS verified. Enters: signed requests. Leaves:
 * responses that stream. Repeats a read, once, when its connection broke before any answer; never repeats a write, follows a redirect, never sends a plain request where TLS was configured.
 */
import type { Readable } from 'node:stream';
import { Pool, type Dispatcher } from 'undici';
import { GatewayError } from '../../errors/gateway-error.ts';
import type { HealthReport, HealthSource } from '../../contracts/health.ts';
import type { Observer } from '../../contracts/observer.ts';
import type { SignedRequest, Upstream, UpstreamResponse } from '../../contracts/upstream.ts';

export interface StoreConnection {
  /** The store's name in configuration. */
  readonly name: string;
  /** Scheme, host and port. */
  readonly endpoint: string;
  /** PEM bundle to trust instead of the system's. */
  readonly ca?: string;
  readonly serverName?: string;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
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

const DISCARD_LIMIT_BYTES = 64 * 1024;
const CLOCK_CHECK_INTERVAL_MS = 30_000;
/** S3 says of CompleteMultipartUpload that it may take minutes before it answers. */
const COMPLETION_TIMEOUT_MS = 600_000;
const BROKEN_CONNECTION = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

interface StoreState {
  readonly pool: Pool;
  degraded: string | undefined;
  clockCheckedAtMs: number;
}

/** Opens the pools. Connections are made when they are first needed. */
export function createHttpUpstream(
  options: HttpUpstreamOptions,
): Upstream & HealthSource & { close: () => Promise<void> } {
  const { observer } = options;
  const states = new Map<string, StoreState>(
    options.stores.map((store) => [
      store.name,
      {
        pool: new Pool(store.endpoint, {
          connections: options.connections,
          pipelining: 1,
          headersTimeout: options.headersTimeoutMs,
          bodyTimeout: options.bodyIdleTimeoutMs,
          allowH2: false,
          connect: {
            timeout: options.connectTimeoutMs,
            minVersion: store.minVersion,
            ...(store.ca === undefined ? {} : { ca: store.ca }),
            ...(store.serverName === undefined ? {} : { servername: store.serverName }),
          },
        }),
        degraded: undefined,
        clockCheckedAtMs: 0,
      },
    ]),
  );

  const dispatch = (
    pool: Pool,
    request: SignedRequest,
    signal: AbortSignal | undefined,
  ): Promise<Dispatcher.ResponseData> =>
    pool.request({
      method: request.method,
      path: request.target,
      headers: request.headers,
      // undici takes any async iterable; its types know only Readable.
      body: (request.body ?? null) as Buffer | Readable | null,
      signal: signal ?? null,
      ...(request.method === 'POST' && {
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
      response = await dispatch(state.pool, request, signal).catch((error: unknown) => {
        // A kept-alive connection may close just as it is used again.
        if (replayable && signal?.aborted !== true && BROKEN_CONNECTION.has(codeOf(error))) {
          return dispatch(state.pool, request, signal);
        }
        throw error;
      });
    } catch (error) {
      if (error instanceof GatewayError || signal?.aborted === true) throw error;
      state.degraded = `no answer (${codeOf(error)})`;
      observer.call('store', 'error', options.now() - startedMs);
      throw new GatewayError('ServiceUnavailable', 'forward', {
        detail: `store ${request.store.name}: ${codeOf(error)}`,
        cause: error,
      });
    }
    const nowMs = options.now();
    state.degraded = response.statusCode >= 500 ? `answers ${response.statusCode}` : undefined;
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
      [...states].map(([name, { degraded }]) =>
        degraded === undefined
          ? { name: `store:${name}`, state: 'ok' }
          : { name: `store:${name}`, state: 'degraded', detail: degraded },
      ),
    close: async () => {
      await Promise.all([...states.values()].map(({ pool }) => pool.close()));
    },
  };
}

async function* readBody(storeName: string, body: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  try {
    yield* body;
  } catch (error) {
    throw brokenOff(storeName, error);
  }
}

function brokenOff(storeName: string, cause: unknown): GatewayError {
  return new GatewayError('ServiceUnavailable', 'forward', {
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
