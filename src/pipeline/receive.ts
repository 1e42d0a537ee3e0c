/** Raw bytes -> S3Request. Unverified: everything in it. Refuses what is not understood; reads no body. */
import type { AuditSink } from '../contracts/audit-sink.ts';
import type { Clock } from '../contracts/clock.ts';
import type { Exchange } from '../contracts/exchange.ts';
import { parseRequest } from '../s3/parse-request.ts';
import type { Received } from './contexts.ts';
import { EarlyAnswer, type EarlyAnswerTimes } from './early-answer.ts';
import { Ledger } from './ledger.ts';
import type { Stage } from './stage.ts';

/** An exchange whose audit has begun. */
export interface Arrived {
  readonly exchange: Exchange;
  readonly ledger: Ledger;
  readonly early: EarlyAnswer;
}

/** Begins the audit of an exchange, before anything about it is known. */
export function arrive(
  exchange: Exchange,
  {
    audit,
    clock,
    earlyAnswer,
  }: { readonly audit: AuditSink; readonly clock: Clock; readonly earlyAnswer?: EarlyAnswerTimes },
): Arrived {
  return { exchange, ledger: new Ledger(audit, clock, exchange), early: new EarlyAnswer(exchange, earlyAnswer) };
}

/** The stage `receive`. @throws GatewayError every code of request parsing */
export function createReceive(publicHosts: readonly string[]): Stage<Arrived, Received> {
  return {
    name: 'receive',
    run: ({ exchange, ledger, early }) => {
      const { raw, requestId, clientAddress } = exchange;
      const request = parseRequest(raw, { requestId, clientAddress, receivedAtMs: ledger.startedMs, publicHosts });
      ledger.operation = request.operation;
      return { exchange, request, ledger, early };
    },
  };
}
