/**
 * Plaintext of an announced size -> the stored bytes of one part: segments and, but for an ordinary part, a trailer. What
 * would complete it in the store (its last segment and the trailer) is given only when the plaintext has ended and was
 * exactly as long as announced: a body that dies, or whose source finds its checksum wrong, leaves nothing behind. Holds
 * one segment. The chunks of a stream are its own, and what it gives is the reader's: both are released when they are used.
 */
import type { KeyObject } from 'node:crypto';
import { GatewayError } from '../../errors/gateway-error.ts';
import { releasedOnceSent, releaseMemory } from '../../s3/body/release-memory.ts';
import { derive } from './derived-keys.ts';
import { SALT_BYTES, SEGMENT_BYTES, SEGMENT_OVERHEAD_BYTES, TRAILER_BYTES } from '../../contracts/object-format.ts';
import { segmentKey, SegmentSealer, type Part } from './segment.ts';
import { segmentCount } from './sizes.ts';
import { sealTrailer } from './trailer.ts';

export interface SealPlan {
  readonly dataKey: KeyObject;
  readonly part: Part;
  /** Two salts in turn, for the segments and the trailer: 24 random bytes, never used before with this data key. */
  readonly salts: Buffer;
  /** The 100 bytes to seal into the trailer, where there is one; asked for when the plaintext has ended. */
  readonly trailerFields: (() => Buffer) | undefined;
}

/** Encrypts a stream of chunks of any size. @throws GatewayError IncompleteBody */
export async function* sealBody(plan: SealPlan, plain: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  const sealer = new BodySealer(plan);
  for await (const chunk of plain) {
    yield* sealer.push(chunk);
    releaseMemory(chunk);
  }
  yield sealer.end();
}

/** Encrypts a body that is in memory whole, into one buffer. @throws GatewayError IncompleteBody */
export function sealWhole(plan: SealPlan, plain: Buffer): Buffer {
  const { part } = plan;
  if (plain.length !== part.plainSizeBytes) throw incomplete(part, plain.length);
  const count = segmentCount(part.role, plain.length);
  const stored = Buffer.allocUnsafe(plain.length + count * SEGMENT_OVERHEAD_BYTES + trailerBytesOf(plan));
  const key = keyOf(plan);
  for (let index = 0, at = 0; index < count && key !== undefined; index += 1) {
    const cell = stored.subarray(at, at + cellBytesOf(part, index));
    const segment = sealerOf(plan, key, index, cell);
    const start = index * SEGMENT_BYTES;
    segment.update(plain.subarray(start, start + segment.missingBytes));
    segment.finish();
    at += cell.length;
  }
  putTrailer(plan, stored);
  return stored;
}

class BodySealer {
  readonly #plan: SealPlan;
  readonly #key: KeyObject | undefined;
  readonly #lastIndex: number;
  #index = 0;
  #missing: number;
  #out: Buffer;
  #segment: SegmentSealer | undefined;

  constructor(plan: SealPlan) {
    const { part } = plan;
    this.#plan = plan;
    this.#key = keyOf(plan);
    this.#missing = part.plainSizeBytes;
    this.#lastIndex = segmentCount(part.role, part.plainSizeBytes) - 1;
    this.#out = Buffer.alloc(trailerBytesOf(plan));
  }

  /** Takes a chunk and gives the segments that it completed, except the last of the body. */
  *push(chunk: Buffer): Generator<Buffer, void, undefined> {
    if (chunk.length > this.#missing) throw this.#incomplete(chunk.length);
    this.#missing -= chunk.length;
    for (let rest = chunk; rest.length > 0;) {
      const segment = (this.#segment ??= this.#begin());
      const consumed = rest.subarray(0, segment.missingBytes);
      segment.update(consumed);
      rest = rest.subarray(consumed.length);
      if (segment.missingBytes === 0 && this.#index < this.#lastIndex) {
        segment.finish();
        yield releasedOnceSent(this.#out);
        this.#segment = undefined;
        this.#index += 1;
      }
    }
  }

  /** Gives the last segment and the trailer, where there is one. */
  end(): Buffer {
    if (this.#missing > 0) throw this.#incomplete(0);
    this.#segment?.finish();
    putTrailer(this.#plan, this.#out);
    return this.#out;
  }

  /** The last buffer has room for the trailer. */
  #begin(): SegmentSealer {
    if (this.#key === undefined) throw this.#incomplete(0);
    const cellBytes = cellBytesOf(this.#plan.part, this.#index);
    const trailerBytes = this.#index === this.#lastIndex ? trailerBytesOf(this.#plan) : 0;
    this.#out = Buffer.allocUnsafe(cellBytes + trailerBytes);
    return sealerOf(this.#plan, this.#key, this.#index, this.#out.subarray(0, cellBytes));
  }

  #incomplete(surplus: number): GatewayError {
    const { part } = this.#plan;
    return incomplete(part, part.plainSizeBytes - this.#missing + surplus);
  }
}

/** Of all segments; `undefined` where there is none. */
function keyOf({ dataKey, part, salts }: SealPlan): KeyObject | undefined {
  return part.plainSizeBytes > 0 ? segmentKey(dataKey, salts.subarray(0, SALT_BYTES), part, derive) : undefined;
}

function sealerOf({ part, salts }: SealPlan, key: KeyObject, index: number, cell: Buffer): SegmentSealer {
  return new SegmentSealer(key, salts.subarray(0, SALT_BYTES), { index, isLast: isLast(part, index) }, cell);
}

/** Stored bytes of a segment. The last one of an ordinary part takes its tail as well. */
function cellBytesOf(part: Part, index: number): number {
  const plainBytes = isLast(part, index) ? part.plainSizeBytes - index * SEGMENT_BYTES : SEGMENT_BYTES;
  return plainBytes + SEGMENT_OVERHEAD_BYTES;
}

function isLast({ role, plainSizeBytes }: Part, index: number): boolean {
  return index === segmentCount(role, plainSizeBytes) - 1;
}

function trailerBytesOf({ trailerFields }: SealPlan): number {
  return trailerFields === undefined ? 0 : TRAILER_BYTES;
}

/** Writes the trailer, where there is one, to the end of the stored bytes. */
function putTrailer({ dataKey, salts, trailerFields }: SealPlan, stored: Buffer): void {
  if (trailerFields === undefined) return;
  const trailer = sealTrailer(dataKey, salts.subarray(SALT_BYTES), trailerFields());
  trailer.copy(stored, stored.length - TRAILER_BYTES);
}

function incomplete({ plainSizeBytes }: Part, receivedBytes: number): GatewayError {
  return new GatewayError('IncompleteBody', { detail: `${receivedBytes} of ${plainSizeBytes} bytes` });
}
