/** One exchange through the pipeline: receive, then the way of its class, then the end, whatever happened. */
import type { OutcomeResult } from '../contracts/audit-sink.ts';
import type { Exchange } from '../contracts/exchange.ts';
import { createAdmission } from './admission.ts';
import { fail } from './failure.ts';
import type { PipelineParts } from './parts.ts';
import { arrive, createReceive } from './receive.ts';
import { createStages } from './stages.ts';

/** Handles one exchange to its end; never rejects. */
export type Pipeline = (exchange: Exchange) => Promise<void>;

/** Builds the pipeline from its parts. */
export function createPipeline(parts: PipelineParts): Pipeline {
  const { observer, clock } = parts;
  const receive = createReceive(parts.publicHosts);
  const admission = createAdmission(parts.limits.inFlightPerIdentity);
  const stages = createStages(parts, admission);
  return async (exchange) => {
    const arrived = arrive(exchange, parts);
    const { ledger } = arrived;
    let result: OutcomeResult = 'completed';
    try {
      const received = await receive.run(arrived);
      await stages[received.request.row.operationClass].run(received, observer);
    } catch (error) {
      result = await fail(arrived, error, observer);
    } finally {
      admission.leave(exchange);
    }
    observer.request({
      requestId: exchange.requestId,
      operation: ledger.operation,
      result: ledger.hasIdentity ? result : 'refused',
      status: exchange.status() ?? 0,
      durationMs: clock.now() - ledger.startedMs,
      bytesIn: ledger.bytesIn,
      bytesOut: ledger.bytesOut,
    });
  };
}
