/**
 * Looks at the head of every version below a prefix, so many at once, counts what it sees, and hands each to the command.
 * A version that is gone by the time it is looked at is not there; one that cannot be looked at is counted as unknown, and
 * never passed over.
 */
import type { Clock } from '../contracts/clock.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { concurrently } from '../platform/concurrently.ts';
import { examine, type Examined, type ExamineDependencies } from './examine.ts';
import { listVersions, NO_VERSION, type ListedVersion } from './list-versions.ts';
import type { OperatorSession } from './operator-session.ts';
import { MAX_FAILURES_SHOWN, type Failure, type Progress } from './progress.ts';
import { createVersionCounter, type CountsReport } from './version-counter.ts';
import { WORK_MARK } from './work.ts';

export interface VisitOptions {
  /** Versions in progress at once. */
  readonly concurrency: number;
  /** Aborted by Ctrl-C: what has begun is carried to its end. */
  readonly signal: AbortSignal;
  readonly progress: Progress;
  /** Whether to count first how many there are, one listing more. */
  readonly countFirst: boolean;
}

export interface VisitReport {
  readonly versions: CountsReport;
  readonly failed: number;
  /** The first of them. */
  readonly failures: readonly Failure[];
  /** Whether everything was seen. */
  readonly complete: boolean;
  /** Whether the store lists versions; where it does not, only what is current was seen. */
  readonly listsVersions: boolean;
}

/** How a version is after a visit. */
export interface Visited {
  readonly now: Examined;
  /** What it was, where that is still there as an old version. */
  readonly before?: Examined | undefined;
}

/** What a command does with a version. */
export type Visit = (listed: ListedVersion, seen: Examined) => Promise<Visited>;

/** Tells of an object that was written anew what is to be counted: a bucket that keeps versions has both. */
export function replaced(before: Examined, now: Examined): Visited {
  return now.versionId === before.versionId ? { now } : { now, before };
}

/** Visits every version of a location. @throws GatewayError what the store says of a listing */
export async function visitVersions(
  dependencies: ExamineDependencies & { readonly clock: Clock },
  at: OperatorSession,
  { concurrency, signal, progress, countFirst }: VisitOptions,
  visit: Visit,
  onWork: (listed: ListedVersion) => Promise<void> = () => Promise.resolve(),
): Promise<VisitReport> {
  const counter = createVersionCounter();
  const failures: Failure[] = [];
  let failed = 0;
  let listsVersions = true;
  const fail = (key: string, error: unknown): void => {
    failed += 1;
    if (failures.length < MAX_FAILURES_SHOWN) failures.push({ key, ...described(error) });
  };
  /** What was current when it was listed, and is an old version by now, needs its key as before. */
  const countSuperseded = async ({ key, versionId = NO_VERSION }: ListedVersion): Promise<void> => {
    if (!listsVersions) return;
    try {
      const seen = await examine(dependencies, await at.session(), { key, versionId }, dependencies.clock.now());
      if (!seen.headers.has(WORK_MARK)) counter.add(seen, false);
    } catch (error) {
      if (error instanceof GatewayError && GONE.has(error.code)) return;
      counter.addUnknown(false);
      fail(key, error);
    }
  };
  if (countFirst) {
    let count = 0;
    const versions = listVersions(at.session, at.location.prefix);
    while (!signal.aborted && (await versions.next()).done !== true) count += 1;
    progress.expect(count);
  }
  const every = listVersions(at.session, at.location.prefix, () => {
    listsVersions = false;
  });
  await concurrently(
    every,
    concurrency,
    async (listed) => {
      progress.step();
      let seen: Examined;
      try {
        const { key, versionId, isCurrent } = listed;
        seen = await examine(
          dependencies,
          await at.session(),
          isCurrent ? { key } : { key, versionId },
          dependencies.clock.now(),
        );
      } catch (error) {
        if (error instanceof GatewayError && GONE.has(error.code)) {
          // A delete marker hides it, and nothing more, where the bucket keeps versions.
          if (listed.isCurrent) await countSuperseded(listed);
          return;
        }
        counter.addUnknown(listed.isCurrent);
        fail(listed.key, error);
        return;
      }
      if (!listsVersions && keepsVersions(seen)) counter.addUnknown(false);
      if (isOther(seen, listed)) await countSuperseded(listed);
      if (seen.headers.has(WORK_MARK)) {
        await onWork(listed).catch((error: unknown) => fail(listed.key, error));
        return;
      }
      try {
        const { now, before } = await visit(listed, seen);
        counter.add(now, listed.isCurrent);
        if (before !== undefined) counter.add(before, false);
      } catch (error) {
        counter.add(seen, listed.isCurrent);
        fail(listed.key, error);
      }
    },
    signal,
  );
  return { versions: counter.report(), failed, failures, complete: !signal.aborted, listsVersions };
}

/** Whether it is another version than was listed. Not every store shows the version that it gives. */
function isOther(seen: Examined, { versionId = NO_VERSION }: ListedVersion): boolean {
  return seen.versionId !== undefined && seen.versionId !== versionId;
}

/** Whether a store that lists no versions has them all the same: then there may be old ones, which nobody can see. */
function keepsVersions({ versionId = NO_VERSION }: Examined): boolean {
  return versionId !== NO_VERSION;
}

const GONE: ReadonlySet<string> = new Set(['NoSuchKey', 'NoSuchVersion']);

function described(error: unknown): Pick<Failure, 'error' | 'detail'> {
  if (error instanceof GatewayError) return { error: error.code, detail: error.detail ?? error.row.message };
  return { error: 'InternalError', detail: error instanceof Error ? error.message : 'unexpected failure' };
}
