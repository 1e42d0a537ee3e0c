/** Counts of versions by what they are and by what wraps their keys: the material of every report. */
import type { Examined } from './examine.ts';

/** Each version is in one of these. */
export interface VersionCounts {
  current: number;
  old: number;
  /** Of either, under a retention or a legal hold: they stay as they are until it ends. */
  locked: number;
}

export interface CountsReport {
  /** By keyring and KEK version, such as `local:1`. */
  readonly sealed: Readonly<Record<string, VersionCounts>>;
  /** By format. */
  readonly legacy: Readonly<Record<string, VersionCounts>>;
  readonly plain: VersionCounts;
  /** Versions of which nothing can be said. */
  readonly unknown: VersionCounts;
}

export interface VersionCounter {
  readonly add: (seen: Pick<Examined, 'stored' | 'isLocked'>, isCurrent: boolean) => void;
  readonly addUnknown: (isCurrent: boolean) => void;
  readonly report: () => CountsReport;
}

/** Begins to count. */
export function createVersionCounter(): VersionCounter {
  const sealed = new Map<string, VersionCounts>();
  const legacy = new Map<string, VersionCounts>();
  const plain = noVersions();
  const unknown = noVersions();
  const under = (counts: Map<string, VersionCounts>, name: string): VersionCounts => {
    const known = counts.get(name) ?? noVersions();
    counts.set(name, known);
    return known;
  };
  return {
    add: ({ stored, isLocked }, isCurrent) => {
      const counts =
        stored.form === 'sealed'
          ? under(sealed, stored.keyId)
          : stored.form === 'legacy'
            ? under(legacy, stored.format)
            : plain;
      counts[isLocked ? 'locked' : isCurrent ? 'current' : 'old'] += 1;
    },
    addUnknown: (isCurrent) => {
      unknown[isCurrent ? 'current' : 'old'] += 1;
    },
    report: () => ({ sealed: sorted(sealed), legacy: sorted(legacy), plain, unknown }),
  };
}

/** All of them. */
export function total({ current, old, locked }: VersionCounts): number {
  return current + old + locked;
}

function noVersions(): VersionCounts {
  return { current: 0, old: 0, locked: 0 };
}

function sorted(counts: ReadonlyMap<string, VersionCounts>): Record<string, VersionCounts> {
  const order = new Intl.Collator('en', { numeric: true });
  return Object.fromEntries([...counts].toSorted(([one], [other]) => order.compare(one, other)));
}
