/**
 * Stored bytes of a single PUT, as `storedRange` asked for them -> plaintext. No byte leaves before its segment is
 * authenticated, and the last chunk leaves only when the store has ended its answer at the right length and, where it
 * came, the trailer has been verified. Holds two segments.
 */
import { timingSafeEqual, type KeyObject } from 'node:crypto';
import { GatewayError } from '../../errors/gateway-error.ts';
import { ExactReader } from './exact-reader.ts';
import type { ReadPlan } from './read-plan.ts';
import { openSegment, SALT_BYTES, segmentKey } from './segment.ts';
import { SEGMENT_BYTES, SEGMENT_OVERHEAD_BYTES, singleStoredSize, TRAILER_BYTES } from './sizes.ts';
import { openTrailer } from './trailer.ts';

export interface OpenPlan {
  readonly dataKey: KeyObject;
  /** Of the whole object. */
  readonly plainSizeBytes: number;
  readonly read: ReadPlan;
}

/** Verified: decrypts a read. @throws GatewayError IntegrityFailure */
export async function* openBody(
  plan: OpenPlan,
  stored: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer, void, undefined> {
  const { dataKey, plainSizeBytes, read } = plan;
  const reader = new ExactReader(stored);
  try {
    await reader.take(read.skippedBytes);
    let part: { readonly salt: Buffer; readonly key: KeyObject } | undefined;
    let held: Buffer | undefined;
    for (let index = read.firstSegment; index <= read.lastSegment; index += 1) {
      const segmentBytes = Math.min(SEGMENT_BYTES, plainSizeBytes - index * SEGMENT_BYTES);
      const cell = await reader.take(segmentBytes + SEGMENT_OVERHEAD_BYTES);
      part ??= partOf(plan, cell);
      if (!timingSafeEqual(part.salt, saltOf(cell))) throw failure(`segment ${index} is of another upload`);
      const isLast = index * SEGMENT_BYTES + segmentBytes === plainSizeBytes;
      const plain = clip(openSegment(part.key, { index, isLast }, cell), index, read);
      if (index < read.lastSegment) yield plain;
      else held = plain;
    }
    const trailing = await reader.take(read.trailingBytes);
    if (trailing.length === TRAILER_BYTES) verifyTrailer(dataKey, trailing, plainSizeBytes);
    await reader.end();
    if (held !== undefined) yield held;
  } finally {
    await reader.close();
  }
}

function partOf({ dataKey, plainSizeBytes }: OpenPlan, cell: Buffer): { salt: Buffer; key: KeyObject } {
  const salt = Buffer.from(saltOf(cell));
  return { salt, key: segmentKey(dataKey, salt, { role: 0, number: 0, plainSizeBytes }) };
}

function saltOf(cell: Buffer): Buffer {
  return cell.subarray(0, SALT_BYTES);
}

function clip(plain: Buffer, index: number, { first, last }: ReadPlan): Buffer {
  const start = index * SEGMENT_BYTES;
  return plain.subarray(Math.max(0, first - start), last + 1 - start);
}

function verifyTrailer(dataKey: KeyObject, bytes: Buffer, plainSizeBytes: number): void {
  const trailer = openTrailer(dataKey, bytes);
  const isOurs =
    trailer.kind === 'single' &&
    trailer.plainSizeBytes === plainSizeBytes &&
    trailer.storedSizeBytes === singleStoredSize(plainSizeBytes);
  if (!isOurs) throw failure('the trailer is of another object');
}

function failure(detail: string): GatewayError {
  return new GatewayError('IntegrityFailure', 'open', { detail });
}
