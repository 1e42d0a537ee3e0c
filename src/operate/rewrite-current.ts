/**
 * What re-wrapping and migrating have in common: a current version is written anew in its place while clients may write it
 * too. Enters: what was seen of it. Leaves: what stands there after. Never: a client's PUT lost, where the store can hold us
 * to an ETag; a version written that is locked or archived.
 */
import type { Clock } from '../contracts/clock.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { examine, type Examined, type ExamineDependencies } from './examine.ts';
import type { OperatorSession } from './operator-session.ts';
import { replaced, type Visited } from './visit-versions.ts';

/** How often an object is looked at again that a client wrote meanwhile. */
const MAX_ATTEMPTS = 3;

export interface Rewrite {
  /** Writes it, on condition that it is still what was seen. @throws GatewayError PreconditionFailed; what else the store says */
  readonly write: (seen: Examined) => Promise<unknown>;
  /** Whether nothing is left to do: as a rule what a client wrote meanwhile is as it should be. */
  readonly isDone: (seen: Examined) => boolean;
}

/** Rewrites it, and looks at it again; what is counted is what stands there, not what was meant to. @throws GatewayError what the store says */
export async function rewriteCurrent(
  dependencies: ExamineDependencies & { readonly clock: Clock },
  at: OperatorSession,
  { key, seen }: { readonly key: string; readonly seen: Examined },
  { write, isDone }: Rewrite,
): Promise<Visited> {
  const look = async (): Promise<Examined> =>
    examine(dependencies, await at.session(), { key }, dependencies.clock.now());
  let now = seen;
  for (let attempt = 1; ; attempt += 1) {
    try {
      await write(now);
      return replaced(now, await look());
    } catch (error) {
      const isChanged = error instanceof GatewayError && error.code === 'PreconditionFailed';
      if (!isChanged || attempt === MAX_ATTEMPTS) throw error;
      now = await look();
      if (isDone(now) || now.isLocked || now.isArchived) return replaced(seen, now);
    }
  }
}

/** Counts a version that stays as it is until its lock ends or it is restored; tells whether it is one. */
export function staysAsItIs(
  { isLocked, isArchived }: Pick<Examined, 'isLocked' | 'isArchived'>,
  counts: { locked: number; archived: number },
): boolean {
  if (isLocked) counts.locked += 1;
  else if (isArchived) counts.archived += 1;
  return isLocked || isArchived;
}
