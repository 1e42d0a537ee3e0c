/**
 * Budgets per window. Enters: who is about to do what. Leaves: that it may be done, and is counted; or that it is refused,
 * in words. Where no guardrail bears on a caller nothing is asked and nothing is kept.
 */
import { hash } from 'node:crypto';
import type { Clock } from '../contracts/clock.ts';
import type { Admitted, Amounts, Guardrail, Guardrails, Overspent } from '../contracts/guardrails.ts';
import type { Principal } from '../contracts/principal.ts';
import type { Ask, Counters, Taking } from './counters.ts';
import { spentText, standingText } from './words.ts';

/** What is counted of guardrails. */
export type GuardrailEvent = 'admitted' | 'spent' | 'full' | 'unavailable';

export interface GuardrailOptions {
  /** Those that bear on a caller. */
  readonly of: (principal: Principal) => readonly Guardrail[];
  readonly counters: Counters;
  readonly clock: Clock;
  /** For metrics. */
  readonly count: (what: GuardrailEvent) => void;
}

/** What a request has taken, and of which budgets it is to be settled. */
interface Taken {
  readonly ids: readonly string[];
  readonly amounts: Amounts;
}

/** Without memory for one more identity: until some window has ended. */
const FULL_SECONDS = 60;
const UNCOUNTED_SECONDS = 2;
const MAX_NOTES = 16;
/** 132 bits. */
const ID_LENGTH = 22;

/** Makes the guardrails over counters. */
export function createGuardrails({ of, counters, clock, count }: GuardrailOptions): Guardrails {
  const unsettled = new WeakMap<object, Taken>();

  return {
    take: (request, principal, spending) => {
      const bearing = of(principal);
      if (bearing.length === 0) return undefined;
      const { amounts, touched } = spending();
      const asks = bearing.map((each): Ask => {
        const { windowMs, limits } = each;
        return { id: idOf(each, principal), windowMs, limits, amounts };
      });
      const decided = (taking: Taking): Admitted | Overspent => {
        if (taking.kind === 'taken') {
          count('admitted');
          const ids = asks.flatMap(({ id, limits: { read, written } }) =>
            read === undefined && written === undefined ? [] : id,
          );
          if (ids.length > 0) unsettled.set(request, { ids, amounts });
          const notes = taking.standings.slice(0, MAX_NOTES).map((standing, at) => noteOf(bearing[at], standing));
          return { kind: 'admitted', notes };
        }
        const guardrail = bearing[taking.kind === 'full' ? 0 : taking.at];
        if (guardrail === undefined) throw new Error('a budget that nobody asked');
        if (taking.kind === 'full') {
          count('full');
          return full(guardrail);
        }
        count('spent');
        const nowMs = clock.now();
        return {
          kind: 'spent',
          rule: guardrail.name,
          reason: spentText(guardrail, taking, nowMs),
          retryAfterSeconds: Math.max(1, Math.ceil((taking.standing.refillsAtMs - nowMs) / 1000)),
        };
      };
      const countsKeys = bearing.some(({ limits }) => limits.keys !== undefined);
      const taking = counters.take(asks, countsKeys ? [...new Set(touched.map(keyHash))] : []);
      if (!(taking instanceof Promise)) return decided(taking);
      return taking.then(decided, () => {
        count('unavailable');
        return uncounted(bearing);
      });
    },
    settle: (request, { bytesIn, bytesOut }) => {
      const taken = unsettled.get(request);
      if (taken === undefined) return;
      unsettled.delete(request);
      const { read = 0, written = 0 } = taken.amounts;
      for (const id of taken.ids) counters.add(id, { read: bytesOut - read, written: bytesIn - written });
    },
  };
}

/** Who acts for somebody spends of its own. */
function idOf({ name, per }: Guardrail, { issuer, subject, actor }: Principal): string {
  const whose = per === 'policy' ? [] : [issuer, subject, actor?.issuer ?? null, actor?.subject ?? null];
  return hash('sha256', JSON.stringify([name, ...whose]), 'base64url').slice(0, ID_LENGTH);
}

/** Short enough for a plain number: two keys of 10,000 are alike once in millions of windows. */
const keyHash = (key: string): number => hash('sha256', key, 'buffer').readUIntBE(0, 6);

const noteOf = (guardrail: Guardrail | undefined, standing: Parameters<typeof standingText>[1]): string =>
  guardrail === undefined ? '' : standingText(guardrail, standing);

function full({ name }: Guardrail): Overspent {
  const reason = `So many identities spend of budgets here that ${name} cannot be counted for one more now.`;
  return { kind: 'spent', rule: name, reason, retryAfterSeconds: FULL_SECONDS };
}

/** A budget that cannot be counted is not given. */
function uncounted(bearing: readonly Guardrail[]): Overspent {
  const rule = bearing.map(({ name }) => name).join(', ');
  const reason = `What was spent of ${rule} cannot be counted now; repeat the request.`;
  return { kind: 'spent', rule, reason, retryAfterSeconds: UNCOUNTED_SECONDS };
}
