/**
 * Keeps a flood of lines from filling the disk of the log. What enters: what makes lines alike, and the time. What
 * leaves: whether to write this one, and how many like it were left out before. It never keeps more than a bounded number
 * of kinds.
 */
import type { Clock } from '../contracts/clock.ts';

const WINDOW_MS = 10_000;
const MAX_SAME = 10;
const MAX_LINES = 200;
const MAX_KINDS = 500;
const OTHERS = '(others)';

interface Kind {
  sinceMs: number;
  written: number;
  suppressed: number;
}

/** Admits so many lines of one kind, and so many in all, in ten seconds. */
export class LineLimiter {
  readonly #clock: Clock;
  readonly #kinds = new Map<string, Kind>();
  readonly #all: Kind = { sinceMs: 0, written: 0, suppressed: 0 };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Gives how many lines alike were left out since the last one that was written; `undefined`: leave this one out. */
  admit(kindName: string): number | undefined {
    const nowMs = this.#clock.now();
    const kind = this.#kindOf(kindName, nowMs);
    renew(kind, nowMs);
    renew(this.#all, nowMs);
    if (kind.written >= MAX_SAME || this.#all.written >= MAX_LINES) {
      kind.suppressed += 1;
      return undefined;
    }
    kind.written += 1;
    this.#all.written += 1;
    const { suppressed } = kind;
    kind.suppressed = 0;
    return suppressed;
  }

  #kindOf(name: string, nowMs: number): Kind {
    const known = this.#kinds.get(name);
    if (known !== undefined) return known;
    if (this.#kinds.size >= MAX_KINDS) {
      for (const [other, { sinceMs, suppressed }] of this.#kinds) {
        if (isOver(sinceMs, nowMs) && suppressed === 0) this.#kinds.delete(other);
      }
    }
    if (this.#kinds.size >= MAX_KINDS && name !== OTHERS) return this.#kindOf(OTHERS, nowMs);
    const kind = { sinceMs: nowMs, written: 0, suppressed: 0 };
    this.#kinds.set(name, kind);
    return kind;
  }
}

function renew(kind: Kind, nowMs: number): void {
  if (!isOver(kind.sinceMs, nowMs)) return;
  kind.sinceMs = nowMs;
  kind.written = 0;
}

/** A clock that was set back ends the window, too. */
function isOver(sinceMs: number, nowMs: number): boolean {
  return Math.abs(nowMs - sinceMs) >= WINDOW_MS;
}
