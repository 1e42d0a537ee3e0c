/** Raw bytes -> S3Request. Unverified: everything in it. Refuses what is not understood; reads no body. */
import type { TokensFrom } from '../errors/challenge.ts';
import type { Exchange } from '../contracts/exchange.ts';
import { parseRequest } from '../s3/request/parse-request.ts';
import type { Received } from './contexts.ts';
import { EarlyAnswer } from './early-answer.ts';
import { AuditTrail } from '../audit/audit-trail.ts';
import { Meter } from './meter.ts';
import type { PipelineDependencies } from './dependencies.ts';
import type { Stage } from './stage.ts';

/** An exchange whose audit has begun. */
export interface Arrived {
  readonly exchange: Exchange;
  readonly trail: AuditTrail;
  readonly meter: Meter;
  readonly early: EarlyAnswer;
  /** Where a caller gets a token; told to those who have none, or none that is good. */
  readonly tokensFrom: TokensFrom | undefined;
}

/** Begins the audit of an exchange, before anything about it is known. */
export function arrive(
  exchange: Exchange,
  {
    audit,
    clock,
    earlyAnswer,
    tokensFrom,
  }: Pick<PipelineDependencies, 'audit' | 'clock' | 'earlyAnswer' | 'tokensFrom'>,
): Arrived {
  const early = new EarlyAnswer(exchange, earlyAnswer);
  return { exchange, trail: new AuditTrail(audit, clock, exchange), meter: new Meter(), early, tokensFrom };
}

/** A stage that gives its context at once. */
interface StageAtOnce<In, Out> extends Stage<In, Out> {
  readonly run: (context: In) => Out;
}

/** The stage `receive`. @throws GatewayError every code of request parsing */
export function createReceive(publicHosts: readonly string[]): StageAtOnce<Arrived, Received> {
  return {
    name: 'receive',
    run: ({ exchange, trail, meter, early }) => {
      const { raw, requestId, clientAddress, scheme } = exchange;
      const request = parseRequest(raw, {
        requestId,
        clientAddress,
        scheme,
        receivedAtMs: trail.startedMs,
        publicHosts,
      });
      trail.received(request.operation, request.isDryRun);
      return { exchange, request, trail, meter, early };
    },
  };
}
