/** The loads that several sections put on a target. */
import type { Load } from './measure.ts';
import { get, parallel, put, SMALL } from './target.ts';

const AT_ONCE = 32;

/** Reads one object of 1 KiB so often. */
export function smallGets(count: number, atOnce = AT_ONCE): Load {
  return (pool, target) => parallel(atOnce, count, () => get(pool, target, '/box/keep/small'));
}

/** Writes so many objects of 1 KiB. */
export function smallPuts(count: number, atOnce = AT_ONCE): Load {
  return (pool, target) => parallel(atOnce, count, (index) => put(pool, target, smallPath(index), SMALL));
}

/** The path of one of the objects that `smallPuts` writes. */
export function smallPath(index: number): string {
  return `/box/discard/${index}`;
}

/** Reads what `keepLarge` has written, in a bucket that is encrypted (`box`) or not (`plain`). */
export function largeGet(bucket: 'box' | 'plain' = 'box'): Load {
  return (pool, target) => get(pool, target, `/${bucket}/keep/large`);
}

/** Writes one object of so many bytes, which the store forgets. */
export function largePut(sizeBytes: number, bucket: 'box' | 'plain' = 'box'): Load {
  return (pool, target) => put(pool, target, `/${bucket}/discard/large`, sizeBytes);
}

/** Writes the object of so many bytes that `largeGet` reads. */
export function keepLarge(sizeBytes: number, bucket: 'box' | 'plain' = 'box'): Load {
  return (pool, target) => put(pool, target, `/${bucket}/keep/large`, sizeBytes);
}
