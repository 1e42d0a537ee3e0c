/**
 * Work on many things in slices: between two of them every other request has its turn of the event loop, so that what one
 * request is about, however much, delays nobody for longer than a slice takes.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Keys that are decided or recorded in one turn: milliseconds. */
export const KEYS_PER_SLICE = 100;

/** Calls `work` for each item in order, not waiting for what it begins; after each whole slice others have their turn. */
export async function inSlices<Item>(items: readonly Item[], work: (item: Item, index: number) => void): Promise<void> {
  for (const [index, item] of items.entries()) {
    work(item, index);
    if ((index + 1) % KEYS_PER_SLICE === 0) await nextTurn();
  }
}
