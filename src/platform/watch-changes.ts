/**
 * Looks at something on disk again and again: what changed is told once it has stayed as it is for a while, so that nobody
 * reads what is being written. Polls, since the kernel's notifications miss network file systems and swapped links.
 */

export interface WatchOptions {
  /** Says in one text what it is like. */
  readonly stamp: () => Promise<string>;
  /** The stamp that was last read at. */
  readonly readAt: () => string;
  /** Reads again. */
  readonly changed: () => Promise<unknown>;
  /** Whether it is read again although nothing changed. */
  readonly isDue: () => boolean;
  readonly pollMs?: number | undefined;
  readonly settleMs?: number | undefined;
}

const POLL_MS = 1000;
const SETTLE_MS = 500;

/** Begins to look, until what it gives is called. */
export function watchChanges(options: WatchOptions): () => void {
  const { stamp, readAt, changed, isDue, pollMs = POLL_MS, settleMs = SETTLE_MS } = options;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  let changing: string | undefined;
  const look = async (): Promise<void> => {
    const seen = await stamp();
    const isSettled = seen === readAt() || seen === changing;
    changing = seen === readAt() ? undefined : seen;
    if (isSettled && (changing !== undefined || isDue())) {
      changing = undefined;
      await changed();
    }
  };
  const schedule = (): void => {
    timer = setTimeout(
      () => {
        void look()
          .catch(() => undefined)
          .then(() => {
            if (!closed) schedule();
          });
      },
      changing === undefined ? pollMs : settleMs,
    ).unref();
  };
  schedule();
  return () => {
    closed = true;
    clearTimeout(timer);
  };
}
