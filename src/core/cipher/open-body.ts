/**
 * Stored bytes of a planned read -> plaintext. No byte leaves before its segment is authenticated, and the last chunk
 * leaves only when the store has ended its answer where it said and, where it came, the trailer has been verified. Layout
 * parts between are passed over. Holds two segments.
 */
import { timingSafeEqual, type KeyObject } from 'node:crypto';
import type { ObjectLayout, StoredExtent } from '../../contracts/object-cipher.ts';
import { GatewayError } from '../../errors/gateway-error.ts';
import { deriveOnce } from './derived-keys.ts';
import { ExactReader } from './exact-reader.ts';
import { segmentsInMemory, segmentsOf, type PositionedPart, type PositionedSegment } from './layout.ts';
import type { ReadPlan } from './read-plan.ts';
import { CELL_BYTES, SALT_BYTES, TRAILER_BYTES } from '../../contracts/object-format.ts';
import { openSegment, segmentKey } from './segment.ts';
import { openTrailer } from './trailer.ts';
import { requireTrailerOf } from './lookup.ts';

export interface OpenPlan {
  readonly dataKey: KeyObject;
  readonly layout: ObjectLayout;
  readonly read: ReadPlan;
}

/** Verified: decrypts a read that comes as a stream of what `given` says. @throws GatewayError IntegrityFailure */
export async function* openBody(
  plan: OpenPlan,
  stored: AsyncIterable<Buffer>,
  extent: StoredExtent,
): AsyncGenerator<Buffer, void, undefined> {
  const { layout, read } = plan;
  const reader = new ExactReader(stored);
  try {
    requireCover(plan, extent);
    const opener = new SegmentOpener(plan);
    let at = extent.first;
    let held: Buffer | undefined;
    for (const segment of segmentsOf(layout, read.first, read.last)) {
      await reader.skip(segment.storedStart - at);
      const plain = opener.open(segment, await reader.take(segment.storedBytes));
      at = segment.storedStart + segment.storedBytes;
      if (segment.plainStart + segment.plainBytes <= read.last) yield plain;
      else held = plain;
    }
    const trailerStart = trailerStartIn(layout, extent);
    if (trailerStart !== undefined) {
      await reader.skip(trailerStart - at);
      verifyTrailer(plan, await reader.take(TRAILER_BYTES));
      at = trailerStart + TRAILER_BYTES;
    }
    await reader.skip(extent.last + 1 - at);
    await reader.end();
    if (held !== undefined) yield held;
  } finally {
    await reader.close();
  }
}

/** Verified: decrypts a read that is in memory whole. @throws GatewayError IntegrityFailure */
export function openWhole(plan: OpenPlan, stored: Buffer, extent: StoredExtent): Buffer {
  const { layout, read } = plan;
  requireCover(plan, extent);
  if (stored.length !== extent.last + 1 - extent.first) throw failure('the store gave other bytes than it announced');
  const opener = new SegmentOpener(plan);
  const plain: Buffer[] = [];
  for (const segment of segmentsInMemory(layout, read.first, read.last)) {
    const at = segment.storedStart - extent.first;
    plain.push(opener.open(segment, stored.subarray(at, at + segment.storedBytes)));
  }
  if (trailerStartIn(layout, extent) !== undefined) verifyTrailer(plan, stored.subarray(-TRAILER_BYTES));
  return plain.length === 1 && plain[0] !== undefined ? plain[0] : Buffer.concat(plain);
}

/** The segments of one read, in order. */
class SegmentOpener {
  readonly #plan: OpenPlan;
  #current: { readonly part: PositionedPart; readonly salt: Buffer; readonly key: KeyObject } | undefined;

  constructor(plan: OpenPlan) {
    this.#plan = plan;
  }

  /** Verified: gives what the read asks for of a segment. */
  open({ part, index, isLast, plainStart }: PositionedSegment, cell: Buffer): Buffer {
    const { dataKey, read } = this.#plan;
    const salt = cell.subarray(0, SALT_BYTES);
    // Parts are new objects for every read, and one for all segments of a part.
    if (this.#current?.part !== part) {
      const kept = Buffer.from(salt);
      this.#current = { part, salt: kept, key: segmentKey(dataKey, kept, part, deriveOnce) };
    }
    if (!timingSafeEqual(this.#current.salt, salt)) throw failure(`segment ${index} is of another upload`);
    const plain = openSegment(this.#current.key, { index, isLast }, cell);
    return plain.subarray(Math.max(0, read.first - plainStart), read.last + 1 - plainStart);
  }
}

/** The most that a request made before the layout was known begins too early. */
const MAX_SKIPPED_BYTES = 2 * CELL_BYTES;

function requireCover({ layout, read: { extent } }: OpenPlan, { first, last }: StoredExtent): void {
  const skipped = extent.first - first;
  const begins = first >= 0 && skipped >= 0 && skipped <= MAX_SKIPPED_BYTES;
  if (!(begins && last >= extent.last && last < layout.storedSizeBytes))
    throw failure('the store gave other bytes than were requested');
}

/** Offset of the object's last trailer where it comes whole. */
function trailerStartIn({ storedSizeBytes }: ObjectLayout, { first, last }: StoredExtent): number | undefined {
  const start = storedSizeBytes - TRAILER_BYTES;
  return last === storedSizeBytes - 1 && start >= first ? start : undefined;
}

function verifyTrailer({ dataKey, layout }: OpenPlan, bytes: Buffer): void {
  requireTrailerOf(layout, openTrailer(dataKey, bytes));
}

function failure(detail: string): GatewayError {
  return new GatewayError('IntegrityFailure', { detail });
}
