/**
 * Wraps the data keys of current versions anew, by the current version of the key. Bodies stay where they are: each object
 * is copied onto itself by the store, with another envelope beside it. Stateless: what is done is seen, so that a run that
 * was stopped is simply begun again. Never: a client's PUT lost where the store can hold us to an ETag.
 */
import type { Clock } from '../contracts/clock.ts';
import type { Copies } from '../contracts/stored-objects.ts';
import type { Examined, ExamineDependencies } from './examine.ts';
import type { ListedVersion } from './list-versions.ts';
import type { OperatorSession } from './operator-session.ts';
import { locationName } from './location.ts';
import { rewriteCurrent, staysAsItIs, type Rewrite } from './rewrite-current.ts';
import { visitVersions, type VisitOptions, type VisitReport, type Visited } from './visit-versions.ts';
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

/** Re-wraps a location. @throws UncheckedStore; GatewayError what the store says of a listing */
export async function rewrap(
  dependencies: RewrapDependencies,
  at: OperatorSession,
  options: RewrapOptions,
): Promise<RewrapReport> {
  const { target, dryRun, force } = options;
  const counts = { rewrapped: 0, locked: 0, archived: 0 };
  if (!dryRun) await demandPreconditions(dependencies.copies, at, force);
  const rewriteOf = (key: string): Rewrite => ({
    write: (now) =>
      at.recorded('Rewrap', key, async () => {
        const { keyId, versionId } = await dependencies.copies.replaceEnvelope(await at.session(), key, now.etag);
        return { keyId, versionId, plainBytes: 0 };
      }),
    isDone: (now) => !isOther(now, target),
  });
  const visit = async ({ key, isCurrent }: ListedVersion, seen: Examined): Promise<Visited> => {
    if (!isCurrent || !isOther(seen, target)) return { now: seen };
    if (staysAsItIs(seen, counts)) return { now: seen };
    const visited = dryRun ? { now: seen } : await rewriteCurrent(dependencies, at, { key, seen }, rewriteOf(key));
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
