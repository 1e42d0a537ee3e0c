import type { StageName } from '../errors/gateway-error.ts';
import type { AuditedOperation, OutcomeResult } from './audit-sink.ts';

/** One finished request, for metrics and the log. */
export interface RequestSummary {
  readonly requestId: string;
  /** `undefined` when the request could not be parsed. */
  readonly operation: AuditedOperation | undefined;
  readonly result: OutcomeResult | 'refused';
  readonly status: number;
  readonly durationMs: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** Metrics and logs, as the rooms see them. Labels are bounded: names of stages, operations, caches, services. */
export interface Observer {
  readonly stage: (stage: StageName, durationMs: number) => void;
  readonly request: (summary: RequestSummary) => void;
  /** A failure with its detail; `requestId` joins it to the audit. */
  readonly failure: (requestId: string, error: unknown) => void;
  readonly cache: (cache: 'token' | 'session' | 'credentials' | 'jwks', hit: boolean) => void;
  readonly call: (
    service: 'sts' | 'jwks' | 'discovery' | 'introspection' | 'store' | 'vault' | 'kms' | 'redis',
    outcome: 'ok' | 'error',
    durationMs: number,
  ) => void;
  /** One small request to a store for the facts of an object that its size does not tell. */
  readonly look: (why: 'read' | 'head' | 'list') => void;
  /** The store's clock minus ours, milliseconds, from its Date header. */
  readonly clockOffset: (storeName: string, offsetMs: number) => void;
  /** Something that an operator should read. Must hold no token, secret or key. */
  readonly warn: (message: string, fields?: Readonly<Record<string, string | number | boolean>>) => void;
  readonly info: (message: string, fields?: Readonly<Record<string, string | number | boolean>>) => void;
}
