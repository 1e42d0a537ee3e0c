/**
 * Divided -> Settled. DeleteObjects at the store: one portion after the other, each with a session of its own. Every key
 * gets the outcome that the store told of it; what is not known to be deleted is an error.
 */
import type { Observer } from '../contracts/observer.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { readDeleteResult, type DeleteOutcome } from '../s3/delete-objects.ts';
import { ANSWER_LIMIT_BYTES } from '../s3/limits.ts';
import type { DecidedTarget, Divided, Forwarded, Portion, Settled } from './contexts.ts';
import { readWhole } from './read-whole.ts';
import type { Stage, Way } from './stage.ts';

/**
 * The stage `forward` of the class BATCH; `portionWay` takes one portion to the store.
 * @throws GatewayError what became of the only portion
 */
export function createForwardEach(portionWay: Way<Portion, Forwarded>, observer: Observer): Stage<Divided, Settled> {
  return {
    name: 'forward',
    run: async (context) => {
      const { targets, portions, ledger, exchange } = context;
      const outcomes: DeleteOutcome[] = targets.map(unreached);
      for (const portion of portions) {
        let told: readonly DeleteOutcome[];
        try {
          const { response } = await portionWay.run(portion, observer);
          told = readDeleteResult(await readWhole(response.body, ANSWER_LIMIT_BYTES), portion.items);
        } catch (error) {
          // Of several portions others may be done: the answer says which keys are, and which are not.
          if (!(error instanceof GatewayError) || portions.length === 1) throw error;
          observer.failure(exchange.requestId, error);
          told = portion.items.map(() => ({ deleted: false, code: error.code }));
        }
        for (const [index, place] of portion.places.entries()) {
          const outcome = told[index] ?? NOT_TOLD;
          outcomes[place] = outcome;
          ledger.settle(place, {
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

/** What is in no portion was denied. */
function unreached({ decision }: DecidedTarget): DeleteOutcome {
  if (decision.effect === 'allow') return NOT_TOLD;
  return { deleted: false, code: 'AccessDenied', message: `${decision.rule}: ${decision.reason}` };
}
