import type { ErrorCode } from '../errors/codes.ts';
import type { StageName } from '../errors/gateway-error.ts';
import type { AuditedOperation, OutcomeResult } from './audit-sink.ts';
import type { LogEvent } from './log-events.ts';
import type { Traces } from './tracing.ts';

/** By which a request is found elsewhere. */
export interface RequestIds {
  readonly requestId: string;
  readonly edgeRequestId?: string | undefined;
}

/** One finished request, for metrics and the log. */
export interface RequestSummary {
  readonly requestId: string;
  /** `undefined` when the request could not be parsed. */
  readonly operation: AuditedOperation | undefined;
  /** As it was sent. */
  readonly method: string;
  readonly result: OutcomeResult | 'refused';
  /** Why it did not complete; absent: it did. */
  readonly error?: ErrorCode | undefined;
  /** That was sent; 0: none. */
  readonly status: number;
  readonly durationMs: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** Metrics and logs, as the rooms see them. Labels are bounded: names of stages, operations, caches, services. */
export interface Observer {
  /** Absent: nothing is traced. */
  readonly traces?: Traces | undefined;
  readonly stage: (stage: StageName, durationMs: number) => void;
  /** A request waited for a place. */
  readonly queued: (pool: 'read' | 'write', durationMs: number) => void;
  readonly request: (summary: RequestSummary) => void;
  /** A failure with its detail; the ids join it to the audit and to the edge's log. */
  readonly failure: (request: RequestIds, error: unknown) => void;
  readonly cache: (cache: 'token' | 'session' | 'credentials' | 'jwks', hit: boolean) => void;
  readonly call: (
    service: 'sts' | 'jwks' | 'discovery' | 'introspection' | 'store' | 'vault' | 'kms' | 'redis',
    outcome: 'ok' | 'error',
    durationMs: number,
  ) => void;
  /** One small request to a store: for the facts of an object that its size does not tell, or for the health of a bucket. */
  readonly lookup: (why: 'read' | 'head' | 'list' | 'health') => void;
  /** So many entries of a store's page are on none of a client's: their keys are outside of the prefix, or no text. */
  readonly leftOut: (storeName: string, entries: number) => void;
  /** The store's clock minus ours, milliseconds, from its Date header. */
  readonly clockOffset: (storeName: string, offsetMs: number) => void;
  /** Something that an operator should read. The fields must hold no token, secret or key. */
  readonly event: (event: LogEvent, fields?: Readonly<Record<string, string | number | boolean>>) => void;
}
