/**
 * Where a list of entries is kept, as its users see it, and what every such list has in common: one line for each entry, in one
 * form only, so that two readers can never understand two things.
 */

/** What the stores know of the entries of one list. Nothing of a secret is ever in one. */
export interface ListFormat<Entry extends Listed> {
  /** In sentences and in keys of Redis: `revocations`. */
  readonly name: string;
  readonly maxEntries: number;
  /** Of UTF-8. */
  readonly maxLineBytes: number;
  /** Of the whole list. */
  readonly maxBytes: number;
  /** Writes an entry as its line, without the line feed. */
  readonly write: (entry: Entry) => string;
  /** Reads a line; `undefined` for anything that `write` would not have written. */
  readonly read: (line: string) => Entry | undefined;
  /** Tells whether `one` holds where both have the same id. */
  readonly supersedes: (one: Entry, other: Entry) => boolean;
  /** Tells whether an entry may be thrown away. */
  readonly isOver: (entry: Entry, nowMs: number) => boolean;
}

export interface Listed {
  readonly id: string;
}

export interface ListStore<Entry extends Listed> {
  /**
   * Gives the whole list; `undefined` where it is still what was read last. Bounded in time.
   * @throws ListStoreError
   */
  readonly read: () => Promise<ReadonlyMap<string, Entry> | undefined>;
  /**
   * Puts entries in, as one step: nobody writes between what `change` is given and what it gives.
   * @throws ListStoreError, and whatever `change` throws
   */
  readonly update: (change: (kept: ReadonlyMap<string, Entry>) => readonly Entry[]) => Promise<void>;
  /** Whether readers put back what the store lost. A file is its owner's to fix. */
  readonly isRestorable: boolean;
  readonly close: () => Promise<void>;
}

/** The list cannot be read or written. The message is a clause that an operator may read; details are in the cause. */
export class ListStoreError extends Error {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = 'ListStoreError';
  }
}

/** Gives what is kept after `changes`, without what is over. @throws ListStoreError where that is too much */
export function changed<Entry extends Listed>(
  format: Pick<ListFormat<Entry>, 'name' | 'maxEntries' | 'supersedes' | 'isOver'>,
  kept: ReadonlyMap<string, Entry>,
  changes: readonly Entry[],
  nowMs: number,
): Map<string, Entry> {
  const all = new Map(kept);
  for (const entry of changes) {
    const before = all.get(entry.id);
    if (before === undefined || format.supersedes(entry, before)) all.set(entry.id, entry);
  }
  for (const [id, entry] of all) if (format.isOver(entry, nowMs)) all.delete(id);
  if (all.size > format.maxEntries) throw tooMany(format);
  return all;
}

/** Writes an entry as its line. @throws ListStoreError one that readers refuse, and with it the whole list */
export function lineOf<Entry extends Listed>({ read, write }: ListFormat<Entry>, entry: Entry): string {
  const line = write(entry);
  if (read(line) !== undefined) return line;
  throw new ListStoreError('this could not be read again, and is not written');
}

export function tooMany({ name, maxEntries }: Pick<ListFormat<Listed>, 'name' | 'maxEntries'>): ListStoreError {
  return new ListStoreError(`the list of ${name} holds more than ${maxEntries} entries`);
}

/** The code of the system or the name: messages of others may hold anything. */
export function causeOf(error: unknown): Readonly<Record<string, string>> {
  const cause = error instanceof ListStoreError ? error.cause : error;
  if (!(cause instanceof Error)) return {};
  return { cause: 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.name };
}
