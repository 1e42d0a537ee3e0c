/**
 * Divided -> Settled. DeleteObjects at the store: one batch after the other, each with a session of its own. Every key
 * gets the outcome that the store told of it; what is not known to be deleted is an error.
 */
import type { Observer } from '../contracts/observer.ts';
import { denialMessage } from '../errors/access-denied.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { readDeleteResult, type DeleteOutcome } from '../s3/documents/delete-objects.ts';
import { readAnswer } from '../s3/response/read-answer.ts';
import type { Recorded, RecordedEach } from './access.ts';
import type { DecidedTarget, Divided, Forwarded, Batch, Settled } from './contexts.ts';
import { partOf } from './plan.ts';
import { outputOf, type Stage, type Route } from './stage.ts';

/**
 * Keys at once that go one by one: some stores (Ceph) refuse DeleteObjects in every session that has a policy, and take
 * single deletions.
 */
const SINGLE_AT_ONCE = 8;

type RecordedBatch = Batch & Recorded;

/** What became of a key, and by which request to the store. */
interface KeyResult {
  readonly outcome: DeleteOutcome;
  readonly upstreamRequestId: string | undefined;
}

/**
 * The stage `forward` of the class BATCH; `batchRoute` takes a batch to the store, `singleRoute` one of a single key.
 * @throws GatewayError what became of the only batch
 */
export function createForwardEach(
  batchRoute: Route<RecordedBatch, Forwarded>,
  singleRoute: Route<RecordedBatch, Forwarded>,
  observer: Observer,
): Stage<Divided & RecordedEach<Batch>, Settled> {
  const together = async (batch: RecordedBatch): Promise<readonly KeyResult[]> => {
    try {
      const { response } = outputOf(await batchRoute.run(batch, observer));
      const upstreamRequestId = response.headers.get('x-amz-request-id');
      const result = readDeleteResult(await readAnswer(response.body), batch.items);
      return result.map((outcome) => ({ outcome, upstreamRequestId }));
    } catch (error) {
      if (!isRefusedByStore(error)) throw error;
      return batch.items.map(() => ({ outcome: REFUSED, upstreamRequestId: undefined }));
    }
  };

  /** Never rejects: the other keys of the batch are in progress. */
  const singly = async (batch: RecordedBatch, index: number): Promise<KeyResult> => {
    try {
      const { response } = outputOf(await singleRoute.run(partOf(batch, index, index + 1), observer));
      await response.discard();
      const deleteMarker = response.headers.get('x-amz-delete-marker') === 'true';
      const version = response.headers.get('x-amz-version-id');
      return {
        outcome: { deleted: true, deleteMarker, deleteMarkerVersionId: deleteMarker ? version : undefined },
        upstreamRequestId: response.headers.get('x-amz-request-id'),
      };
    } catch (error) {
      observer.failure(batch.exchange, error);
      const code = error instanceof GatewayError ? error.code : 'InternalError';
      return { outcome: { deleted: false, code }, upstreamRequestId: undefined };
    }
  };

  /** What policy allowed and the store refused in a batch is requested once more, key by key. */
  const forwardBatch = async (batch: RecordedBatch): Promise<readonly KeyResult[]> => {
    const results = [...(await together(batch))];
    const refused = results.flatMap(({ outcome }, index) => (isRefused(outcome) ? [index] : []));
    const worker = async (): Promise<void> => {
      for (let index = refused.shift(); index !== undefined; index = refused.shift()) {
        results[index] = await singly(batch, index);
      }
    };
    await Promise.all(Array.from({ length: SINGLE_AT_ONCE }, worker));
    return results;
  };

  return {
    name: 'forward',
    run: async (context) => {
      const { targets, batches, trail, exchange } = context;
      const outcomes: DeleteOutcome[] = targets.map(notForwarded);
      for (const batch of batches) {
        let results: readonly KeyResult[];
        try {
          // Nothing more is begun for a client that is gone: it may have repeated the request elsewhere.
          if (exchange.signal.aborted) throw new GatewayError('RequestTimeout');
          results = await forwardBatch(batch);
        } catch (error) {
          // Of several batches others may be done: the answer says which keys are, and which are not.
          if (!(error instanceof GatewayError) || batches.length === 1) throw error;
          observer.failure(exchange, error);
          const outcome = { deleted: false, code: error.code } as const;
          results = batch.items.map(() => ({ outcome, upstreamRequestId: undefined }));
        }
        for (const [index, itemIndex] of batch.indices.entries()) {
          const { outcome, upstreamRequestId } = results[index] ?? {
            outcome: NO_OUTCOME,
            upstreamRequestId: undefined,
          };
          outcomes[itemIndex] = outcome;
          trail.settle(itemIndex, {
            upstreamRequestId,
            error: outcome.deleted ? undefined : outcome.code,
            versionId: outcome.deleted ? outcome.deleteMarkerVersionId : undefined,
          });
        }
      }
      return { ...context, outcomes };
    },
  };
}

const NO_OUTCOME: DeleteOutcome = { deleted: false, code: 'InternalError' };
const REFUSED = { deleted: false, code: 'AccessDeniedByStore' } as const satisfies DeleteOutcome;

const isRefused = (outcome: DeleteOutcome): boolean => !outcome.deleted && outcome.code === REFUSED.code;
const isRefusedByStore = (error: unknown): boolean => error instanceof GatewayError && error.code === REFUSED.code;

/** What is in no batch was denied. */
export function notForwarded({ decision }: DecidedTarget): DeleteOutcome {
  if (decision.effect === 'allow') return NO_OUTCOME;
  return { deleted: false, code: 'AccessDenied', message: denialMessage(decision) };
}
