/**
 * Decided -> Allowed. The one place where a denial ends a request: nothing is planned, asked or told of what policy does not
 * allow. What it allows is taken from the budgets of the caller, before anything is done. The denied keys of a batch end here
 * on record, and the others go on.
 */
import type { Admitted, Guardrails, Overspent, Stopped } from '../contracts/guardrails.ts';
import { accessDenied } from '../errors/access-denied.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { changesBucket } from '../s3/operations/operation.ts';
import { allow, type Allowed } from './access.ts';
import type { Decided, DecidedTarget, Enforced, Listed } from './contexts.ts';
import { spendingOf } from './spending.ts';
import type { Stage } from './stage.ts';

/** The stage `enforce`. @throws GatewayError AccessDenied, BucketAlreadyOwnedByYou, SlowDown */
export function createEnforce(guardrails?: Guardrails): Stage<Decided, Decided & Allowed> {
  return {
    name: 'enforce',
    run: (context) => {
      refuseSuperfluous(context);
      const allowed = allow(context);
      const taken = take(guardrails, context, context.targets);
      if (taken === undefined) return allowed;
      if (taken instanceof Promise) return taken.then((each) => admit(allowed, each));
      return admit(allowed, taken);
    },
  };
}

/** The stage `enforce` of the class BATCH: all keys that policy allows are taken, or none. @throws GatewayError AccessDenied, SlowDown, AuditUnavailable */
export function createEnforceEach(guardrails?: Guardrails): Stage<Listed & Decided, Enforced> {
  return {
    name: 'enforce',
    run: async (context) => {
      const { targets, trail, list } = context;
      const indicesOf = (effect: 'allow' | 'deny'): readonly number[] =>
        targets.flatMap(({ decision }, index) => (decision.effect === effect ? [index] : []));
      const indices = indicesOf('allow');
      const allowed = pick(targets, indices);
      // Of a batch that policy denies whole nothing is spent, as of any other request.
      const taken = allowed.length === 0 ? undefined : await take(guardrails, context, allowed);
      if (taken !== undefined) admit(context, taken);
      await trail.deny(indicesOf('deny'));
      const keys = { ...context, targets: allowed, items: pick(list.items, indices), indices };
      return { ...context, allowed: allow(keys) };
    },
  };
}

function take(
  guardrails: Guardrails | undefined,
  context: Decided,
  targets: readonly DecidedTarget[],
): ReturnType<Guardrails['take']> {
  return guardrails?.take(context.exchange, context.principal, () => spendingOf(context, targets));
}

/** Gives the context of what may be spent; else it is denied by the budget, on record as well. @throws GatewayError AccessDenied, SlowDown */
function admit<Context extends Decided>(context: Context, taken: Admitted | Overspent | Stopped): Context {
  const { trail, targets, facts } = context;
  if (taken.kind === 'admitted') {
    trail.budgeted(taken.notes);
    return context;
  }
  const { rule, reason } = taken;
  const denied = { effect: 'deny', rule, reason } as const;
  trail.decided(
    targets.map((target) => ({
      ...target,
      decision: { ...denied, policyVersion: target.decision.policyVersion },
    })),
    facts,
  );
  if (taken.kind === 'stopped') throw accessDenied(taken);
  throw new GatewayError('SlowDown', {
    detail: `${rule}: ${reason}`,
    clientMessage: reason,
    clientFields: { Rule: rule },
    retryAfterMs: taken.retryAfterSeconds * 1000,
  });
}

/** Some clients make the bucket before each upload, and go on when it is theirs already: who may use it is told so. */
function refuseSuperfluous({ request, targets, grants }: Decided): void {
  const isDenied = targets.some(({ decision }) => decision.effect === 'deny');
  const mayUseIt = grants.get(request.bucket)?.some(({ effect }) => effect === 'allow') ?? false;
  if (changesBucket(request.descriptor, 'PUT') && isDenied && mayUseIt) {
    throw new GatewayError('BucketAlreadyOwnedByYou', { detail: 'CreateBucket without ADMIN' });
  }
}

function pick<Item>(list: readonly Item[], indices: readonly number[]): readonly Item[] {
  return indices.flatMap((index) => list[index] ?? []);
}
