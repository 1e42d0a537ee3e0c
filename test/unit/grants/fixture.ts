/** Grants, and a store of them in memory, for tests. */
import type { Principal } from '../../../src/contracts/principal.ts';
import { grantFormat, type GrantEntries, type GrantEntry, type GrantTerms } from '../../../src/grants/entry.ts';
import { newGrant, approval } from '../../../src/grants/changes.ts';
import { createGrantList, type GrantList, type GrantListOptions } from '../../../src/grants/grant-list.ts';
import { changed, ListStoreError, type ListStore } from '../../../src/lists/list-store.ts';
import { Clock, observe } from '../revocation/fixture.ts';

export { Clock } from '../revocation/fixture.ts';

export const NOW_MS = Date.UTC(2026, 4, 1, 12);
export const HOUR_MS = 3_600_000;
const ISSUER = 'https://issuer.test';
export const KEY = Buffer.alloc(32, 7);
export const FORMAT = grantFormat(KEY);

export const ALICE: Principal = {
  issuerName: 'test',
  issuer: ISSUER,
  subject: 'alice',
  groups: [],
  claims: {},
  tokenIdHash: 'a'.repeat(32),
  expiresAtMs: NOW_MS + 24 * HOUR_MS,
};

export const TERMS: GrantTerms = {
  issuer: ISSUER,
  subject: 'alice',
  verbs: ['GET', 'LIST'],
  bucket: 'reports',
  scope: { prefix: '2026/' },
  seconds: 3600,
  reason: 'INC-1',
  approvers: [],
};

let count = 0;
/** Gives a grant that is in force from `NOW_MS`; of two operators where `approvers` are named. */
export function grantOf(more: Partial<GrantTerms> = {}, nowMs = NOW_MS): GrantEntry {
  count += 1;
  const id = count.toString(16).padStart(16, '0');
  const entry = newGrant(id, { ...TERMS, ...more }, { nowMs, by: 'olivia' });
  const [approver] = entry.approvers;
  return approver === undefined ? entry : approval(entry, { nowMs, by: approver });
}

/** A store that can be down, go back in time, and give whatever it is told. */
export class GrantStore implements ListStore<GrantEntry> {
  kept: GrantEntries;
  isDown = false;
  readonly isRestorable = true;

  constructor(...entries: readonly GrantEntry[]) {
    this.kept = new Map(entries.map((entry) => [entry.id, entry]));
  }

  put(...entries: readonly GrantEntry[]): void {
    this.kept = new Map([...this.kept, ...entries.map((entry) => [entry.id, entry] as const)]);
  }

  read = (): Promise<GrantEntries | undefined> =>
    this.isDown ? Promise.reject(new ListStoreError('down')) : Promise.resolve(this.kept);

  update = (change: (kept: GrantEntries) => readonly GrantEntry[]): Promise<void> => {
    this.kept = changed(FORMAT, this.kept, change(this.kept), NOW_MS);
    return Promise.resolve();
  };

  close = (): Promise<void> => Promise.resolve();
}

export interface ListWorld {
  readonly list: GrantList;
  readonly clock: Clock;
  readonly warnings: readonly string[];
}

export async function listOf(
  store: ListStore<GrantEntry>,
  more: Partial<Pick<GrantListOptions, 'approvers' | 'maxDurationSeconds'>> = {},
): Promise<ListWorld> {
  const clock = new Clock();
  const { observer, warnings } = observe();
  const rules = { maxDurationSeconds: 8 * 3600, approvers: [], ...more };
  const list = createGrantList({ ...rules, store, clock, observer, isOver: FORMAT.isOver });
  await list.refresh();
  return { list, clock, warnings };
}
