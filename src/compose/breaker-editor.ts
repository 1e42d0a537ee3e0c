/**
 * The composition root of the commands about breakers: a configuration in; a list that can be read and closed from out. What is
 * closed is on record before it is done, with who did it.
 */
import type { Config } from '../config/config.ts';
import { closing, isOpen, type Breaker, type Breakers } from '../guardrails/breaker.ts';
import { describeBreaker } from '../guardrails/words.ts';
import { onRecord, operatorPrincipal } from '../operate/operator-trail.ts';
import { breakerStoreOf } from './guardrails.ts';
import { openListEditing, type ListEditorOptions } from './list-editing.ts';

export interface BreakerEditor {
  /** All that are kept: closed ones for a month. */
  readonly list: () => Promise<readonly Breaker[]>;
  /** Closes the one open breaker whose id begins so; `undefined`: there is none, or more than one. */
  readonly closeOne: (idStart: string, reason: string | undefined) => Promise<Breaker | undefined>;
  readonly close: () => Promise<void>;
}

/** A configuration in which there can be breakers. */
export type GuardedConfig = Config & {
  readonly revocation: NonNullable<Config['revocation']>;
  readonly policies: { readonly guardrails: NonNullable<Config['policies']['guardrails']> };
};

/** Stands in the names of audit files where gateways have the number of their worker. */
const EDITOR_WORKER = 903;

/** Opens the editor. @throws GatewayError AuditUnavailable */
export async function openBreakerEditor(config: GuardedConfig, options: ListEditorOptions): Promise<BreakerEditor> {
  const editing = await openListEditing(config, EDITOR_WORKER, options);
  const { clock, observer, audit, by } = editing;
  const store = await breakerStoreOf(config.policies.guardrails, config.revocation, { clock, observer });

  let known: Breakers = new Map();
  const read = async (): Promise<readonly Breaker[]> => {
    known = (await store.read()) ?? known;
    return [...known.values()];
  };

  return {
    list: read,
    closeOne: async (idStart, reason) => {
      if (audit === undefined) throw new Error('a command that changes nothing has nothing to record');
      const [breaker, ...more] = (await read()).filter((each) => isOpen(each) && each.id.startsWith(idStart));
      if (breaker === undefined || more.length > 0) return undefined;
      const principal = operatorPrincipal(options.user, Number.POSITIVE_INFINITY);
      const key = `breaker/${breaker.id} ${describeBreaker(breaker)}`;
      const action = { operation: 'CloseBreaker', bucket: '', key, reason, unexpected: 'ServiceUnavailable' } as const;
      let closed: Breaker | undefined;
      await onRecord({ audit, clock, principal }, action, async () => {
        await store.update((kept) => {
          const still = kept.get(breaker.id) ?? breaker;
          closed = isOpen(still)
            ? closing(still, { atMs: clock.now(), by, ...(reason !== undefined && { reason }) })
            : still;
          return [closed];
        });
        return {};
      });
      return closed;
    },
    close: async () => {
      await store.close();
      await editing.close();
    },
  };
}
