/**
 * The list in memory, kept current in the background. Enters: what the store holds, once a second. Leaves: a refusal for
 * who is revoked. An entry that is once known goes away by its own end or by being lifted, and never because a store
 * forgot it: what was lost is still obeyed, reported, and put back.
 */
import type { Clock } from '../contracts/clock.ts';
import type { HealthSource } from '../contracts/health.ts';
import type { Observer } from '../contracts/observer.ts';
import type { RevocationRules } from '../contracts/revocation-settings.ts';
import type { Revocations } from '../contracts/revocations.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { changed, type ListStore } from '../lists/list-store.ts';
import { createListWatch } from '../lists/list-watch.ts';
import { createDenyIndex } from './deny-index.ts';
import { isInForce, REVOCATIONS, supersedes, type Entries, type Entry } from './entry.ts';

export interface RevocationListOptions extends RevocationRules {
  readonly store: ListStore<Entry>;
  readonly clock: Clock;
  readonly observer: Observer;
  /** Default 1000. */
  readonly pollMs?: number;
}

export interface RevocationList extends Revocations, HealthSource {
  /** Reads the list now. Never rejects: what went wrong is in `health`. */
  readonly refresh: () => Promise<void>;
  /** Begins to read it again and again, until `close`. */
  readonly watch: () => void;
  /** Whether requests are refused because the list is too old. */
  readonly isShut: () => boolean;
  /** For metrics. Where it was never read, its age is that of the list itself. */
  readonly status: () => { readonly entries: number; readonly ageMs: number };
  readonly close: () => Promise<void>;
}

const POLL_MS = 1000;

/** Makes the list; it is empty until it is read. */
export function createRevocationList(options: RevocationListOptions): RevocationList {
  const { store, clock, observer, whenUnavailable, pollMs = POLL_MS } = options;
  const maxStaleMs = options.maxStaleSeconds * 1000;
  let known: Entries = new Map();
  let pendingEntries: Entries | undefined;
  let index = createDenyIndex(known, clock.now());
  const madeMs = clock.now();
  let confirmedMs: number | undefined;
  let unsaved = 0;

  const ageMs = (): number => clock.now() - (confirmedMs ?? madeMs);
  // A clock that was set back must not make an old list young: it counts again from the next reading.
  const isStale = (): boolean => confirmedMs === undefined || Math.abs(ageMs()) > maxStaleMs;
  const isShut = (): boolean => whenUnavailable === 'fail-closed' && isStale();

  /** Puts in force what was read, and gives what it should have held beside. */
  const take = (read: Entries, nowMs: number): readonly Entry[] => {
    const lost = missing(known, read, nowMs);
    known = changed(REVOCATIONS, read, lost, nowMs);
    index = createDenyIndex(known, nowMs);
    unsaved = lost.length;
    return lost;
  };

  const restore = async (lost: readonly Entry[]): Promise<void> => {
    watch.complain(`${lost.length} revocations are gone from where they were kept; they stay in force here`);
    if (!store.isRestorable) return;
    await store.update((kept) => lost.filter((entry) => isNewerThan(entry, kept.get(entry.id))));
    observer.event('revocations_restored', { entries: lost.length });
    unsaved = 0;
  };

  const read = async (): Promise<void> => {
    const startedMs = clock.now();
    // A store gives a list once: one that could not be put in force is not known because it is unchanged.
    pendingEntries = (await store.read()) ?? pendingEntries;
    // What was read before the answer came can be no fresher than the request.
    const lost = pendingEntries === undefined ? [] : take(pendingEntries, startedMs);
    pendingEntries = undefined;
    if (lost.length > 0) await restore(lost);
    confirmedMs = startedMs;
    if (unsaved > 0) return;
    if (watch.recover()) observer.event('revocations_recovered', { entries: index.size });
  };

  const watch = createListWatch({
    ...{ name: 'revocations', clock, pollMs, read },
    tell: (detail, cause) => observer.event('revocations_unavailable', { detail, whenUnavailable, ...cause }),
  });

  return {
    check: (principal, clientAddress) => {
      if (isShut()) {
        throw new GatewayError('ServiceUnavailable', {
          detail: `the list of revocations is too old: ${watch.problem() ?? 'not read yet'}`,
        });
      }
      const entry = index.find(principal, clock.now(), clientAddress);
      if (entry === undefined) return;
      const detail = `revocation ${entry.id} (${entry.revoked.kind})`;
      if (entry.revoked.kind === 'address') throw new GatewayError('RevokedAddress', { detail });
      // Each with what makes its clients ask for new ones: a token 401, a session the code of one that is over.
      const code = principal.accessKeyId === undefined ? 'RevokedToken' : 'RevokedSession';
      throw new GatewayError(code, { detail });
    },
    refresh: watch.refresh,
    watch: watch.watch,
    isShut,
    status: () => ({ entries: index.size, ageMs: ageMs() }),
    health: () => [watch.report(() => (isShut() ? 'requests are refused' : 'requests go on with the last list'))],
    close: async () => {
      await watch.close();
      await store.close();
    },
  };
}

/** What was known and should still be there, and is not. */
function missing(known: Entries, read: Entries, nowMs: number): Entry[] {
  return [...known.values()].filter((entry) => isInForce(entry, nowMs) && isNewerThan(entry, read.get(entry.id)));
}

function isNewerThan(entry: Entry, other: Entry | undefined): boolean {
  return other === undefined || supersedes(entry, other);
}
