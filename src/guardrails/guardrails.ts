/**
 * Budgets per window, and breakers. Enters: who is about to do what. Leaves: that it may be done, and is counted; or that it is
 * refused, in words. Where no guardrail bears on a caller nothing is asked and nothing is kept.
 */
import { hash } from 'node:crypto';
import type { Clock } from '../contracts/clock.ts';
import type { Admitted, Amounts, Guardrail, Guardrails, Overspent, Stopped } from '../contracts/guardrails.ts';
import type { Principal } from '../contracts/principal.ts';
import { breakerId, budgetName, isOpen, type Breaker, type BreakerOwner } from './breaker.ts';
import type { BreakerList } from './breaker-list.ts';
import type { Ask, Counters, Taking } from './counters.ts';
import { openText, spentText, standingText, trippedText } from './words.ts';

/** What is counted of guardrails. */
export type GuardrailEvent = 'admitted' | 'spent' | 'opened' | 'stopped' | 'full' | 'degraded' | 'unavailable';

export interface GuardrailOptions {
  /** Those that bear on a caller. */
  readonly of: (principal: Principal) => readonly Guardrail[];
  readonly counters: Counters;
  /** What counts while these cannot be asked, for budgets that do not stop; absent: nothing, and who has budgets is refused. */
  readonly whileAway?: Counters | undefined;
  /** Absent: policies have none that stops. */
  readonly breakers?: Pick<BreakerList, 'isKnown' | 'of' | 'open'> | undefined;
  readonly clock: Clock;
  /** For metrics. */
  readonly count: (what: GuardrailEvent) => void;
}

/** A guardrail as it bears on one caller. */
interface Bearing {
  readonly guardrail: Guardrail;
  /** Absent: everybody's whom the policy names. */
  readonly whose: BreakerOwner | undefined;
  readonly breaker: Breaker | undefined;
}

/** What a request has taken, and of which budgets it is to be settled. */
interface Taken {
  readonly from: Counters;
  readonly ids: readonly string[];
  readonly amounts: Amounts;
}

/** Without memory for one more identity: until some window has ended. */
const FULL_SECONDS = 60;
const UNCOUNTED_SECONDS = 2;
const MAX_NOTES = 16;
/** 132 bits. */
const ID_LENGTH = 22;

/** Makes the guardrails over counters and breakers. */
export function createGuardrails(options: GuardrailOptions): Guardrails {
  const { of, counters, whileAway, breakers, clock, count } = options;
  const unsettled = new WeakMap<object, Taken>();

  const bearingOn = (guardrail: Guardrail, principal: Principal): Bearing => {
    const whose = guardrail.per === 'policy' ? undefined : ownerOf(principal);
    if (guardrail.whenSpent !== 'stop') return { guardrail, whose, breaker: undefined };
    return { guardrail, whose, breaker: breakers?.of(breakerId(guardrail.name, whose)) };
  };

  const stopped = (guardrail: Guardrail, breaker: Breaker): Stopped => {
    const { name: rule, owner } = guardrail;
    return { kind: 'stopped', rule, reason: openText(guardrail, breaker), ...(owner !== undefined && { owner }) };
  };

  const lacking = (
    { guardrail, whose }: Bearing,
    taking: Extract<Taking, { kind: 'lacking' }>,
  ): Overspent | Stopped => {
    const nowMs = clock.now();
    if (guardrail.whenSpent === 'stop' && breakers !== undefined) {
      count('opened');
      return stopped(guardrail, breakers.open(guardrail.name, whose, trippedText(guardrail, taking.measure)));
    }
    count('spent');
    const retryAfterSeconds = Math.max(1, Math.ceil((taking.standing.refillsAtMs - nowMs) / 1000));
    return { kind: 'spent', rule: guardrail.name, reason: spentText(guardrail, taking, nowMs), retryAfterSeconds };
  };

  return {
    take: (request, principal, spending) => {
      const guardrails = of(principal);
      if (guardrails.length === 0) return undefined;
      const bearing = guardrails.map((each) => bearingOn(each, principal));
      for (const { guardrail, breaker } of bearing) {
        if (breaker === undefined || !isOpen(breaker)) continue;
        count('stopped');
        return stopped(guardrail, breaker);
      }
      if (breakers?.isKnown() !== true && bearing.some(({ guardrail }) => guardrail.whenSpent === 'stop')) {
        count('unavailable');
        return uncounted(bearing);
      }
      const { amounts, touched } = spending();
      const asks = bearing.map((each): Ask => {
        const { windowMs, limits } = each.guardrail;
        return { id: counterId(each), windowMs, limits, amounts };
      });
      const decided = (taking: Taking, from = counters): Admitted | Overspent | Stopped => {
        if (taking.kind === 'taken') {
          count('admitted');
          const ids = asks.flatMap(({ id, limits: { read, written } }) =>
            read === undefined && written === undefined ? [] : id,
          );
          if (ids.length > 0) unsettled.set(request, { from, ids, amounts });
          const notes = bearing.slice(0, MAX_NOTES).flatMap(({ guardrail }, at) => {
            const standing = taking.standings[at];
            return standing === undefined ? [] : standingText(guardrail, standing);
          });
          return { kind: 'admitted', notes };
        }
        const refusing = bearing[taking.kind === 'full' ? 0 : taking.at];
        if (refusing === undefined) throw new Error('a budget that nobody asked');
        if (taking.kind === 'lacking') return lacking(refusing, taking);
        count('full');
        return full(refusing.guardrail);
      };
      const countsKeys = bearing.some(({ guardrail }) => guardrail.limits.keys !== undefined);
      const keys = countsKeys ? [...new Set(touched.map(keyHash))] : [];
      const taking = counters.take(asks, keys);
      if (!(taking instanceof Promise)) return decided(taking);
      return taking.then(
        (each) => decided(each),
        async () => {
          const mayDegrade = bearing.every(({ guardrail }) => guardrail.whenSpent === 'wait');
          if (whileAway === undefined || !mayDegrade) {
            count('unavailable');
            return uncounted(bearing);
          }
          count('degraded');
          return decided(await whileAway.take(asks, keys), whileAway);
        },
      );
    },
    settle: (request, { bytesIn, bytesOut }) => {
      const taken = unsettled.get(request);
      if (taken === undefined) return;
      unsettled.delete(request);
      const { read = 0, written = 0 } = taken.amounts;
      for (const id of taken.ids) taken.from.add(id, { read: bytesOut - read, written: bytesIn - written });
    },
  };
}

/** Who acts for somebody spends of its own. */
function ownerOf({ issuer, subject, actor }: Principal): BreakerOwner {
  if (actor === undefined) return { issuer, subject };
  return { issuer, subject, actor: actor.subject, ...(actor.issuer !== undefined && { actorIssuer: actor.issuer }) };
}

/** After a breaker was closed the budget is whole again: another counter. */
function counterId({ guardrail: { name }, whose, breaker }: Bearing): string {
  return hash('sha256', `${budgetName(name, whose)}${breaker?.turn ?? 0}`, 'base64url').slice(0, ID_LENGTH);
}

/** Short enough for a plain number: two keys of 10,000 are alike once in millions of windows. */
const keyHash = (key: string): number => hash('sha256', key, 'buffer').readUIntBE(0, 6);

function full({ name }: Guardrail): Overspent {
  const reason = `So many identities spend of budgets here that ${name} cannot be counted for one more now.`;
  return { kind: 'spent', rule: name, reason, retryAfterSeconds: FULL_SECONDS };
}

/** A budget that cannot be counted is not given. */
function uncounted(bearing: readonly Bearing[]): Overspent {
  const rule = bearing.map(({ guardrail }) => guardrail.name).join(', ');
  const reason = `What was spent of ${rule} cannot be counted now; repeat the request.`;
  return { kind: 'spent', rule, reason, retryAfterSeconds: UNCOUNTED_SECONDS };
}
