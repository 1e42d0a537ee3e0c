/** Principals, entries and a store in memory, for tests of revocation. */
import { LOG_EVENTS } from '../../../src/contracts/log-events.ts';
import type { Observer } from '../../../src/contracts/observer.ts';
import type { Principal } from '../../../src/contracts/principal.ts';
import { changed, ListStoreError, type ListStore } from '../../../src/lists/list-store.ts';
import { idOf, REVOCATIONS, type Entries, type Entry, type Revoked } from '../../../src/revocation/entry.ts';

export const NOW_MS = Date.UTC(2026, 4, 1, 12);
export const ISSUER = 'https://issuer.test';
export const OTHER = 'https://other.test';

export const PRINCIPAL: Principal = {
  issuerName: 'test',
  issuer: ISSUER,
  subject: 'alice',
  groups: [],
  claims: {},
  tokenIdHash: 'a'.repeat(32),
  expiresAtMs: NOW_MS + 3_600_000,
  issuedAtMs: NOW_MS - 60_000,
  sessionId: 'login-1',
};

export const entryOf = (revoked: Revoked, more: Partial<Entry> = {}): Entry => ({
  id: idOf(revoked),
  revoked,
  atMs: NOW_MS,
  by: 'operator',
  ...more,
});

export const entriesOf = (...entries: readonly Entry[]): Entries => new Map(entries.map((entry) => [entry.id, entry]));

export const subject = (name: string, issuer = ISSUER): Revoked => ({ kind: 'subject', issuer, subject: name });

export class Clock {
  nowMs = NOW_MS;
  now = (): number => this.nowMs;
}

/** Notes what an operator would read. */
export function observe(): { readonly observer: Observer; readonly warnings: string[] } {
  const warnings: string[] = [];
  const silent = (): void => undefined;
  const observer: Observer = {
    ...{
      stage: silent,
      request: silent,
      failure: silent,
      cache: silent,
      call: silent,
      lookup: silent,
      leftOut: silent,
      queued: silent,
    },
    clockOffset: silent,
    event: (event, fields) => {
      if (LOG_EVENTS[event].level === 'warn') warnings.push(`${event}: ${String(fields?.['detail'] ?? '')}`);
    },
  };
  return { observer, warnings };
}

/** A store that can lose its entries, and be down. */
export class MemoryStore implements ListStore<Entry> {
  kept: Entries = new Map();
  isDown = false;
  isReadOnly = false;
  readonly isRestorable = true;

  read = (): Promise<Entries | undefined> =>
    this.isDown ? Promise.reject(new ListStoreError('down')) : Promise.resolve(this.kept);

  update = (change: (kept: Entries) => readonly Entry[]): Promise<void> => {
    if (this.isReadOnly) return Promise.reject(new ListStoreError('may not write'));
    this.kept = changed(REVOCATIONS, this.kept, change(this.kept), NOW_MS);
    return Promise.resolve();
  };

  close = (): Promise<void> => Promise.resolve();
}
