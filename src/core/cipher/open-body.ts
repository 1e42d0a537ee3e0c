/**
 * Stored bytes of a single PUT, as `storedRange` asked for them -> plaintext. No byte leaves before its segment is
 * authenticated, and the last chunk leaves only when the store has ended its answer at the right length and, where it
 * came, the trailer has been verified. Holds two segments.
 */
import { timingSafeEqual, type KeyObject } from 'node:crypto';
import { GatewayError } from '../../errors/gateway-error.ts';
import { deriveOnce } from './derived-keys.ts';
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

/** Verified: decrypts a read that comes as a stream. @throws GatewayError IntegrityFailure */
export async function* openBody(
  plan: OpenPlan,
  stored: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer, void, undefined> {
  const { read } = plan;
  const opener = new BodyOpener(plan);
  const reader = new ExactReader(stored);
  try {
    await reader.take(read.skippedBytes);
    let held: Buffer | undefined;
    for (let index = read.firstSegment; index <= read.lastSegment; index += 1) {
      const plain = opener.segment(index, await reader.take(opener.cellBytes(index)));
      if (index < read.lastSegment) yield plain;
      else held = plain;
    }
    opener.trailing(await reader.take(read.trailingBytes));
    await reader.end();
    if (held !== undefined) yield held;
  } finally {
    await reader.close();
  }
}

/** Verified: decrypts a read that is in memory whole. @throws GatewayError IntegrityFailure */
export function openWhole(plan: OpenPlan, stored: Buffer): Buffer {
  const { read } = plan;
  const opener = new BodyOpener(plan);
  let at = 0;
  const take = (sizeBytes: number): Buffer => {
    const piece = stored.subarray(at, at + sizeBytes);
    if (piece.length < sizeBytes) throw failure('the store gave fewer bytes than it announced');
    at += sizeBytes;
    return piece;
  };
  take(read.skippedBytes);
  const plain: Buffer[] = [];
  for (let index = read.firstSegment; index <= read.lastSegment; index += 1) {
    plain.push(opener.segment(index, take(opener.cellBytes(index))));
  }
  opener.trailing(take(read.trailingBytes));
  if (at !== stored.length) throw failure('the store gave more bytes than it announced');
  return plain.length === 1 && plain[0] !== undefined ? plain[0] : Buffer.concat(plain);
}

/** The segments of one read, in order, and what comes after them. */
class BodyOpener {
  readonly #plan: OpenPlan;
  #part: { readonly salt: Buffer; readonly key: KeyObject } | undefined;

  constructor(plan: OpenPlan) {
    this.#plan = plan;
  }

  /** Stored size of a segment. */
  cellBytes(index: number): number {
    return Math.min(SEGMENT_BYTES, this.#plan.plainSizeBytes - index * SEGMENT_BYTES) + SEGMENT_OVERHEAD_BYTES;
  }

  /** Verified: gives what the read asked for of a segment. */
  segment(index: number, cell: Buffer): Buffer {
    const { plainSizeBytes, read } = this.#plan;
    const part = (this.#part ??= partOf(this.#plan, cell));
    if (!timingSafeEqual(part.salt, saltOf(cell))) throw failure(`segment ${index} is of another upload`);
    const isLast = index * SEGMENT_BYTES + cell.length - SEGMENT_OVERHEAD_BYTES === plainSizeBytes;
    return clip(openSegment(part.key, { index, isLast }, cell), index, read);
  }

  /** Verifies the trailer where it came whole. */
  trailing(bytes: Buffer): void {
    const { dataKey, plainSizeBytes } = this.#plan;
    if (bytes.length === TRAILER_BYTES) verifyTrailer(dataKey, bytes, plainSizeBytes);
  }
}

function partOf({ dataKey, plainSizeBytes }: OpenPlan, cell: Buffer): { salt: Buffer; key: KeyObject } {
  const salt = Buffer.from(saltOf(cell));
  return { salt, key: segmentKey(dataKey, salt, { role: 0, number: 0, plainSizeBytes }, deriveOnce) };
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
