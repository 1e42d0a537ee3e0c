/** Breakers, and a store of them in memory, for tests. */
import { breakerFormat, breakerId, type Breaker, type Breakers } from '../../../src/guardrails/breaker.ts';
import { changed, ListStoreError, type ListStore } from '../../../src/lists/list-store.ts';

export const NOW_MS = Date.UTC(2026, 11, 2, 12);
export const FORMAT = breakerFormat(Buffer.alloc(32, 7));
export const ALICE = { issuer: 'https://issuer.invalid', subject: 'alice' };

export function breakerOf(more: Partial<Breaker> = {}): Breaker {
  const made = {
    guardrail: 'ci/hourly',
    whose: ALICE,
    turn: 1,
    openedAtMs: NOW_MS,
    why: 'more than 2 deletions in 1 h',
  };
  const breaker = { ...made, ...more };
  return { id: breakerId(breaker.guardrail, breaker.whose), ...breaker };
}

/** A store that can be down, read and written apart, and lose what it has. */
export class BreakerStore implements ListStore<Breaker> {
  kept: Breakers = new Map();
  isDown = false;
  isFull = false;
  writes = 0;
  readonly isRestorable: boolean;

  constructor(isRestorable = true) {
    this.isRestorable = isRestorable;
  }

  put(...breakers: readonly Breaker[]): void {
    this.kept = new Map([...this.kept, ...breakers.map((each) => [each.id, each] as const)]);
  }

  read = (): Promise<Breakers> =>
    this.isDown ? Promise.reject(new ListStoreError('down')) : Promise.resolve(this.kept);

  update = (change: (kept: Breakers) => readonly Breaker[]): Promise<void> => {
    if (this.isFull) return Promise.reject(new ListStoreError('full'));
    const changes = change(this.kept);
    this.writes += changes.length;
    this.kept = changed(FORMAT, this.kept, changes, NOW_MS);
    return Promise.resolve();
  };

  close = (): Promise<void> => Promise.resolve();
}
