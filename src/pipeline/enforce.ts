/**
 * Decided -> Allowed. The one place where a denial ends a request: nothing is planned, asked or told of what policy does not
 * allow. The denied keys of a batch end here on record, and the others go on.
 */
import { GatewayError } from '../errors/gateway-error.ts';
import { changesBucket } from '../s3/operations/operation.ts';
import { allow, type Allowed } from './access.ts';
import type { Decided, Enforced, Listed } from './contexts.ts';
import type { Stage } from './stage.ts';

/** The stage `enforce`. @throws GatewayError AccessDenied, BucketAlreadyOwnedByYou */
export function createEnforce(): Stage<Decided, Decided & Allowed> {
  return {
    name: 'enforce',
    run: (context) => {
      refuseSuperfluous(context);
      return allow(context);
    },
  };
}

/** The stage `enforce` of the class BATCH. @throws GatewayError AuditUnavailable */
export function createEnforceEach(): Stage<Listed & Decided, Enforced> {
  return {
    name: 'enforce',
    run: async (context) => {
      const { targets, trail, list } = context;
      const indicesOf = (effect: 'allow' | 'deny'): readonly number[] =>
        targets.flatMap(({ decision }, index) => (decision.effect === effect ? [index] : []));
      await trail.deny(indicesOf('deny'));
      const indices = indicesOf('allow');
      const keys = { ...context, targets: pick(targets, indices), items: pick(list.items, indices), indices };
      return { ...context, allowed: allow(keys) };
    },
  };
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
