/**
 * Divided -> Settled. DeleteObjects at the store: one portion after the other, each with a session of its own. Every key
 * gets the outcome that the store told of it; what is not known to be deleted is an error.
 */
import type { Observer } from '../contracts/observer.ts';
import { denialMessage } from '../errors/access-denied.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { readDeleteResult, type DeleteOutcome } from '../s3/delete-objects.ts';
import { readAnswer } from '../s3/read-answer.ts';
import type { Recorded, RecordedEach } from './access.ts';
import type { DecidedTarget, Divided, Forwarded, Portion, Settled } from './contexts.ts';
import { partOf } from './plan.ts';
import { givenBy, type Stage, type Way } from './stage.ts';

/**
 * Keys at once that go one by one: some stores (Ceph) refuse DeleteObjects in every session that has a policy, and take
 * single deletions.
 */
const SINGLE_AT_ONCE = 8;

type RecordedPortion = Portion & Recorded;

/** What became of a key, and by which request to the store. */
interface Told {
  readonly outcome: DeleteOutcome;
  readonly upstreamRequestId: string | undefined;
}

/**
 * The stage `forward` of the class BATCH; `portionWay` takes a portion to the store, `singleWay` one of a single key.
 * @throws GatewayError what became of the only portion
 */
export function createForwardEach(
  portionWay: Way<RecordedPortion, Forwarded>,
  singleWay: Way<RecordedPortion, Forwarded>,
  observer: Observer,
): Stage<Divided & RecordedEach<Portion>, Settled> {
  const together = async (portion: RecordedPortion): Promise<readonly Told[]> => {
    try {
      const { response } = givenBy(await portionWay.run(portion, observer));
      const upstreamRequestId = response.headers.get('x-amz-request-id');
      const result = readDeleteResult(await readAnswer(response.body), portion.items);
      return result.map((outcome) => ({ outcome, upstreamRequestId }));
    } catch (error) {
      if (!isRefusedByStore(error)) throw error;
      return portion.items.map(() => ({ outcome: REFUSED, upstreamRequestId: undefined }));
    }
  };

  /** Never rejects: the other keys of the portion are under way. */
  const singly = async (portion: RecordedPortion, index: number): Promise<Told> => {
    try {
      const { response } = givenBy(await singleWay.run(partOf(portion, index, index + 1), observer));
      await response.discard();
      const deleteMarker = response.headers.get('x-amz-delete-marker') === 'true';
      const version = response.headers.get('x-amz-version-id');
      return {
        outcome: { deleted: true, deleteMarker, deleteMarkerVersionId: deleteMarker ? version : undefined },
        upstreamRequestId: response.headers.get('x-amz-request-id'),
      };
    } catch (error) {
      observer.failure(portion.exchange, error);
      const code = error instanceof GatewayError ? error.code : 'InternalError';
      return { outcome: { deleted: false, code }, upstreamRequestId: undefined };
    }
  };

  /** What policy allowed and the store refused in a batch is asked for once more, key by key. */
  const forwardPortion = async (portion: RecordedPortion): Promise<readonly Told[]> => {
    const told = [...(await together(portion))];
    const refused = told.flatMap(({ outcome }, index) => (isRefused(outcome) ? [index] : []));
    const worker = async (): Promise<void> => {
      for (let index = refused.shift(); index !== undefined; index = refused.shift()) {
        told[index] = await singly(portion, index);
      }
    };
    await Promise.all(Array.from({ length: SINGLE_AT_ONCE }, worker));
    return told;
  };

  return {
    name: 'forward',
    run: async (context) => {
      const { targets, portions, trail, exchange } = context;
      const outcomes: DeleteOutcome[] = targets.map(unreached);
      for (const portion of portions) {
        let told: readonly Told[];
        try {
          // Nothing more is begun for a client that is gone: it may have repeated the request elsewhere.
          if (exchange.signal.aborted) throw new GatewayError('RequestTimeout');
          told = await forwardPortion(portion);
        } catch (error) {
          // Of several portions others may be done: the answer says which keys are, and which are not.
          if (!(error instanceof GatewayError) || portions.length === 1) throw error;
          observer.failure(exchange, error);
          const outcome = { deleted: false, code: error.code } as const;
          told = portion.items.map(() => ({ outcome, upstreamRequestId: undefined }));
        }
        for (const [index, place] of portion.places.entries()) {
          const { outcome, upstreamRequestId } = told[index] ?? { outcome: NOT_TOLD, upstreamRequestId: undefined };
          outcomes[place] = outcome;
          trail.settle(place, {
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

const NOT_TOLD: DeleteOutcome = { deleted: false, code: 'InternalError' };
const REFUSED = { deleted: false, code: 'AccessDeniedByStore' } as const satisfies DeleteOutcome;

const isRefused = (outcome: DeleteOutcome): boolean => !outcome.deleted && outcome.code === REFUSED.code;
const isRefusedByStore = (error: unknown): boolean => error instanceof GatewayError && error.code === REFUSED.code;

/** What is in no portion was denied. */
function unreached({ decision }: DecidedTarget): DeleteOutcome {
  if (decision.effect === 'allow') return NOT_TOLD;
  return { deleted: false, code: 'AccessDenied', message: denialMessage(decision) };
}
