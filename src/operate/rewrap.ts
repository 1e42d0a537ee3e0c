/**
 * Wraps the data keys of current versions anew, by the current version of the key. Bodies stay where they are: each object
 * is copied onto itself by the store, with another envelope beside it. Stateless: what is done is seen, so that a run that
 * was stopped is simply begun again. Never: a client's PUT lost where the store can hold us to an ETag.
 */
import type { Clock } from '../contracts/clock.ts';
import type { Copies } from '../contracts/stored-objects.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { examine, type Examined, type ExamineDependencies } from './examine.ts';
import type { ListedVersion } from './list-versions.ts';
import type { OperatorSession } from './operator-session.ts';
import { locationName } from './location.ts';
import { replaced, visitVersions, type VisitOptions, type VisitReport, type Visited } from './visit-versions.ts';
import { removeAbandoned } from './work.ts';
import { demandPreconditions } from './write-preconditions.ts';

export interface RewrapDependencies extends ExamineDependencies {
  readonly copies: Pick<Copies, 'probe' | 'replaceEnvelope'>;
  readonly clock: Clock;
}

export interface RewrapOptions extends VisitOptions {
  /** What the keys are to be wrapped by, such as `local:2`. */
  readonly target: string;
  readonly dryRun: boolean;
  /** Writes also where the store cannot hold us to an ETag. */
  readonly force: boolean;
}

export interface RewrapReport extends VisitReport {
  readonly location: string;
  readonly target: string;
  readonly dryRun: boolean;
  /** In a dry run: that would be. */
  readonly rewrapped: number;
  /** Current versions of another key version that stay so until their lock ends. */
  readonly locked: number;
  /** The same, until they are restored from the archive. */
  readonly archived: number;
}

/** How often an object is looked at again that a client wrote while it was being re-wrapped. */
const MAX_ATTEMPTS = 3;

/** Re-wraps a location. @throws UncheckedStore; GatewayError what the store says of a listing */
export async function rewrap(
  dependencies: RewrapDependencies,
  at: OperatorSession,
  options: RewrapOptions,
): Promise<RewrapReport> {
  const { target, dryRun, force } = options;
  const counts = { rewrapped: 0, locked: 0, archived: 0 };
  if (!dryRun) await demandPreconditions(dependencies.copies, at, force);
  const visit = async ({ key, isCurrent }: ListedVersion, seen: Examined): Promise<Visited> => {
    if (!isCurrent || !isOther(seen, target)) return { now: seen };
    if (seen.isLocked) {
      counts.locked += 1;
      return { now: seen };
    }
    if (seen.isArchived) {
      counts.archived += 1;
      return { now: seen };
    }
    const visited = dryRun ? { now: seen } : await rewrapObject(dependencies, at, { key, seen, target });
    counts.rewrapped += 1;
    return visited;
  };
  const report = await visitVersions(dependencies, at, options, visit, async (work) => {
    if (!dryRun) await removeAbandoned(dependencies, at, work);
  });
  return { location: locationName(at.location), target, dryRun, ...counts, ...report };
}

function isOther({ stored }: Pick<Examined, 'stored'>, target: string): boolean {
  return stored.form === 'sealed' && stored.keyId !== target;
}

interface Task {
  readonly key: string;
  readonly seen: Examined;
  readonly target: string;
}

async function rewrapObject(
  dependencies: RewrapDependencies,
  at: OperatorSession,
  { key, seen, target }: Task,
): Promise<Visited> {
  let now = seen;
  for (let attempt = 1; ; attempt += 1) {
    try {
      await at.recorded('Rewrap', key, async () => {
        const { keyId, versionId } = await dependencies.copies.replaceEnvelope(await at.session(), key, now.etag);
        return { keyId, versionId, plainBytes: 0 };
      });
      // What is counted is what stands there, not what was meant to.
      return replaced(now, await examine(dependencies, await at.session(), { key }, dependencies.clock.now()));
    } catch (error) {
      const isChanged = error instanceof GatewayError && error.code === 'PreconditionFailed';
      if (!isChanged || attempt === MAX_ATTEMPTS) throw error;
      // A client wrote the object meanwhile. What it wrote is as a rule of the target already.
      now = await examine(dependencies, await at.session(), { key }, dependencies.clock.now());
      if (!isOther(now, target) || now.isLocked || now.isArchived) return replaced(seen, now);
    }
  }
}
