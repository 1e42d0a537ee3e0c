/**
 * Calls of a key service over HTTP: JSON in, JSON out, over connections shared with nothing else. Bounded in time (whole
 * call, waiting for a connection included) and in size; no redirect is followed, for it would take a token elsewhere.
 * Errors say which service and what kind of failure, never what was sent or answered.
 */
import { Agent } from 'undici';
import type { Clock } from '../../contracts/clock.ts';
import type { HealthReport } from '../../contracts/health.ts';
import type { Observer } from '../../contracts/observer.ts';
import { GatewayError } from '../../errors/gateway-error.ts';
import { callHttp, isTimeout, networkCode, type HttpCall } from '../../platform/http-call.ts';

export interface JsonServiceOptions {
  readonly service: 'vault' | 'kms';
  /** Scheme, host and port. */
  readonly endpoint: string;
  /** PEM; instead of the system's certificates. */
  readonly ca?: string | undefined;
  /** One call, whole, in milliseconds. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly observer: Observer;
}

export interface JsonCall extends HttpCall {
  /** Encoded path. */
  readonly path: string;
}

export interface JsonAnswer {
  readonly status: number;
  /** `undefined`: no JSON object. Unverified. */
  readonly document: Readonly<Record<string, unknown>> | undefined;
}

export interface JsonService {
  /** Gives any answer, refusals among them. @throws GatewayError ServiceUnavailable */
  readonly call: (call: JsonCall) => Promise<JsonAnswer>;
  readonly health: () => HealthReport;
  readonly close: () => Promise<void>;
}

const CONNECTIONS = 32;
const MAX_ANSWER_BYTES = 65_536;

/** Opens the way to one key service; connections are made when they are first needed. */
export function createJsonService(options: JsonServiceOptions): JsonService {
  const { service, endpoint, ca, timeoutMs, clock, observer } = options;
  const name = `keyring:${service}`;
  const dispatcher = new Agent({
    connections: CONNECTIONS,
    pipelining: 1,
    allowH2: false,
    maxHeaderSize: 16_384,
    connect: { timeout: timeoutMs, minVersion: 'TLSv1.2', ...(ca === undefined ? {} : { ca }) },
  });
  let health: HealthReport = { name, state: 'unknown', detail: 'not asked yet' };

  const limits = {
    // No call changes anything.
    ...{ dispatcher, timeoutMs, maxBytes: MAX_ANSWER_BYTES, isRepeatable: true },
    tooLong: () => Object.assign(new Error('the answer is too long'), { code: 'ANSWER_TOO_LONG' }),
  };

  return {
    call: async (call) => {
      const startedMs = clock.now();
      try {
        const { status, body } = await callHttp(`${endpoint}${call.path}`, call, limits);
        const failing = status >= 500 || status === 429 || status === 403;
        const checkedAtMs = clock.now();
        health = failing
          ? { name, state: 'degraded', detail: `answers ${status}`, checkedAtMs }
          : { name, state: 'ok', checkedAtMs };
        observer.call(service, failing ? 'error' : 'ok', checkedAtMs - startedMs);
        return { status, document: parseObject(body) };
      } catch (error) {
        const what = isTimeout(error) ? `whole answer within ${timeoutMs} ms` : `answer (${networkCode(error)})`;
        const detail = `no ${what}`;
        health = { name, state: 'degraded', detail, checkedAtMs: clock.now() };
        observer.call(service, 'error', clock.now() - startedMs);
        // Without the cause: messages of the network stack may quote what a peer has sent.
        throw new GatewayError('ServiceUnavailable', { detail: `${service}: ${detail}` });
      }
    },
    health: () => health,
    close: () => dispatcher.destroy(),
  };
}

function parseObject(bytes: Buffer): JsonAnswer['document'] {
  try {
    return asObject(JSON.parse(bytes.toString('utf8')));
  } catch {
    return undefined;
  }
}

/** Narrows a value of a document to an object; `undefined` for anything else. */
export function asObject(value: unknown): JsonAnswer['document'] {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}

/** Decodes base64 in its one canonical spelling; `undefined` for anything else. */
export function fromBase64(value: unknown): Buffer | undefined {
  if (typeof value !== 'string') return undefined;
  const bytes = Buffer.from(value, 'base64');
  return bytes.toString('base64') === value ? bytes : undefined;
}
