/** Where the list is kept, as the rest of this room sees it. */
import { isOver, MAX_ENTRIES, readEntry, supersedes, writeEntry, type Entries, type Entry } from './entry.ts';

export interface RevocationStore {
  /**
   * Gives the whole list; `undefined` where it is still what was read last. Bounded in time.
   * @throws RevocationStoreError
   */
  readonly read: () => Promise<Entries | undefined>;
  /**
   * Puts entries in, as one step: nobody writes between what `change` is given and what it gives.
   * @throws RevocationStoreError, and whatever `change` throws
   */
  readonly update: (change: (kept: Entries) => readonly Entry[]) => Promise<void>;
  /** Whether readers put back what the store lost. A file is its owner's to fix. */
  readonly isRestorable: boolean;
  readonly close: () => Promise<void>;
}

/** The list cannot be read or written. The message is a clause that an operator may read; details are in the cause. */
export class RevocationStoreError extends Error {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = 'RevocationStoreError';
  }
}

/** Gives what is kept after `changes`, without what is over. @throws RevocationStoreError where that is too much */
export function changed(kept: Entries, changes: readonly Entry[], nowMs: number): Map<string, Entry> {
  const all = new Map(kept);
  for (const entry of changes) {
    const before = all.get(entry.id);
    if (before === undefined || supersedes(entry, before)) all.set(entry.id, entry);
  }
  for (const [id, entry] of all) if (isOver(entry, nowMs)) all.delete(id);
  if (all.size > MAX_ENTRIES) throw tooMany();
  return all;
}

/** Writes an entry as its line. @throws RevocationStoreError one that readers refuse, and with it the whole list */
export function lineOf(entry: Entry): string {
  const line = writeEntry(entry);
  if (readEntry(line) !== undefined) return line;
  throw new RevocationStoreError('this could not be read again, and is not written');
}

export function tooMany(): RevocationStoreError {
  return new RevocationStoreError(`the list of revocations holds more than ${MAX_ENTRIES} entries`);
}
