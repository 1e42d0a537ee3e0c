/**
 * One call from its first byte to its last: work, then a durable end, then the answer. Nothing that was issued leaves
 * before the audit holds it; a failure is answered in the endpoint's own words, its details go to the log only.
 */
import type { OutcomeResult } from '../contracts/audit-sink.ts';
import type { Endpoint, Exchange } from '../contracts/exchange.ts';
import { failedEnd } from '../audit/failed-end.ts';
import type { ErrorCode } from '../errors/codes.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { AuditTrail } from '../audit/audit-trail.ts';
import type { StsDependencies } from './dependencies.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What one endpoint does, and how it says that it did not. */
export interface Service {
  /** @throws GatewayError whatever there is to refuse */
  readonly work: (exchange: Exchange, record: AuditTrail) => Promise<Answer>;
  readonly failure: (error: GatewayError, requestId: string) => Answer;
}

/** Makes the endpoint of a service. */
export function createEndpoint(dependencies: StsDependencies, { work, failure }: Service): Endpoint {
  const { audit, clock, observer, admission } = dependencies;
  return {
    refuse: (exchange, error) => send(exchange, failure(error, exchange.requestId)),
    handle: async (exchange) => {
      const record = new AuditTrail(audit, clock, exchange);
      let result: OutcomeResult = 'completed';
      let answer: Answer;
      let why: ErrorCode | undefined;
      try {
        answer = await work(exchange, record);
        // Nobody has it, and nobody will: what was issued has not left.
        if (exchange.signal.aborted) throw new GatewayError('RequestTimeout', { detail: 'the client is gone' });
        await record.end({ result, status: answer.status }, { bytesOut: Buffer.byteLength(answer.body) });
      } catch (cause) {
        let error = cause instanceof GatewayError ? cause : new GatewayError('InternalError', { cause });
        observer.failure(exchange, error);
        answer = failure(error, exchange.requestId);
        const end = failedEnd(error, exchange.signal.aborted, undefined);
        result = end.result;
        try {
          await record.end({ result, status: result === 'aborted' ? 0 : answer.status, error: error.code });
        } catch (auditError) {
          observer.failure(exchange, auditError);
          error = new GatewayError('AuditUnavailable', { cause: auditError });
          answer = failure(error, exchange.requestId);
        }
        why = error.code;
      } finally {
        admission.leave(exchange);
      }
      if (exchange.signal.aborted) exchange.destroy();
      else send(exchange, answer);
      observer.request({
        requestId: exchange.requestId,
        operation: record.operation,
        method: exchange.raw.method,
        result: record.operation === undefined ? 'refused' : result,
        error: why,
        status: exchange.status() ?? 0,
        durationMs: clock.now() - record.startedMs,
        bytesIn: 0,
        bytesOut: 0,
      });
    },
  };
}

function send(exchange: Exchange, answer: Answer): void {
  const body = Buffer.from(answer.body);
  exchange.writeHead(answer.status, {
    ...answer.headers,
    // Credentials, and who was refused what, are for nobody to keep on the way.
    'cache-control': 'no-store',
    'content-length': String(body.length),
  });
  exchange.end(body);
}
