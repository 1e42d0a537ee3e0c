/**
 * The arithmetic of stored sizes: what a plaintext of so many bytes takes in the store, and what a stored size says of
 * its plaintext. Pure numbers; nothing here is authenticated. A size that no object has gives `undefined`, never a guess.
 * @see docs/spec/object-format.md, "Sizes"
 */
import { CELL_BYTES, SEGMENT_BYTES, SEGMENT_OVERHEAD_BYTES, TRAILER_BYTES } from '../../contracts/object-format.ts';

/** S3's smallest part that is not the last one (MIN in the specification). */
export const MIN_PART_BYTES = 5_242_880;
/** Largest plaintext of an ordinary part: its stored size is exactly S3's 5 GiB. */
export const MAX_ORDINARY_PLAIN_BYTES = 5_366_416_340;
/** S3's largest object. */
export const MAX_OBJECT_BYTES = 5 * 2 ** 40;
/** No object is larger (8 TiB); offsets of ranges are cut here so that arithmetic on them stays exact. */
export const MAX_OFFSET = 2 ** 43;
/** S3's most parts of one upload. */
export const MAX_PARTS = 10_000;

/** Gives the stored size of a single PUT or of a final part (f in the specification). */
export function singleStoredSize(plainSizeBytes: number): number {
  return plainSizeBytes + SEGMENT_OVERHEAD_BYTES * Math.ceil(plainSizeBytes / SEGMENT_BYTES) + TRAILER_BYTES;
}

/** Gives the plaintext size that `singleStoredSize` maps to this stored size, or `undefined` where there is none. */
export function singlePlainSize(storedSizeBytes: number): number | undefined {
  const segmentBytes = storedSizeBytes - TRAILER_BYTES;
  if (segmentBytes < 0) return undefined;
  const full = Math.floor(segmentBytes / CELL_BYTES);
  const rest = segmentBytes % CELL_BYTES;
  if (rest === 0) return full * SEGMENT_BYTES;
  return rest > SEGMENT_OVERHEAD_BYTES ? full * SEGMENT_BYTES + rest - SEGMENT_OVERHEAD_BYTES : undefined;
}

/** Gives the stored size of an ordinary part (g in the specification), whose last segment takes the tail. */
export function ordinaryStoredSize(plainSizeBytes: number): number {
  return plainSizeBytes + SEGMENT_OVERHEAD_BYTES * Math.floor(plainSizeBytes / SEGMENT_BYTES);
}

/** Gives the plaintext size that `ordinaryStoredSize` maps to this stored size, or `undefined` where there is none. */
export function ordinaryPlainSize(storedSizeBytes: number): number | undefined {
  const full = Math.floor(storedSizeBytes / CELL_BYTES);
  const rest = storedSizeBytes % CELL_BYTES;
  return rest < SEGMENT_BYTES ? full * SEGMENT_BYTES + rest : undefined;
}

/** Role of a part: 0 the body of a single PUT, 1 an ordinary part, 2 a final part. */
export type PartRole = 0 | 1 | 2;

/** Gives the number of segments of a part; the last one of an ordinary part takes the tail. */
export function segmentCount(role: PartRole, plainSizeBytes: number): number {
  return role === 1 ? Math.floor(plainSizeBytes / SEGMENT_BYTES) : Math.ceil(plainSizeBytes / SEGMENT_BYTES);
}

/** What a stored size says of an object's layout before anything of it is read. */
export type SizeMark = 'regular' | 'layout' | 'corrupt';

/** Tells a regular size from one that points to a layout part and from one that no writer produces. */
export function sizeMark(storedSizeBytes: number): SizeMark {
  if (storedSizeBytes < TRAILER_BYTES) return 'corrupt';
  const rest = (storedSizeBytes - TRAILER_BYTES) % CELL_BYTES;
  if (rest === 1) return 'layout';
  return rest > 1 && rest <= SEGMENT_OVERHEAD_BYTES ? 'corrupt' : 'regular';
}

/** From this stored size on an upload may have all 10,000 parts, and its size says nothing (L0 in the specification). */
export const LOOKUP_FROM_BYTES = (MAX_PARTS - 1) * ordinaryStoredSize(MIN_PART_BYTES);

/** Gives the plaintext size to list for a stored size, or `undefined` where the object has to be looked at. */
export function listedPlainSize(storedSizeBytes: number): number | undefined {
  return storedSizeBytes < LOOKUP_FROM_BYTES ? singlePlainSize(storedSizeBytes) : undefined;
}
