/**
 * Plaintext of an announced size -> the stored bytes of one part: segments and, but for an ordinary part, a trailer. What
 * would complete it in the store (its last segment and the trailer) is given only when the plaintext has ended and was
 * exactly as long as announced: a body that dies, or whose source finds its checksum wrong, leaves nothing behind. Holds
 * one segment.
 */
import type { KeyObject } from 'node:crypto';
import { GatewayError } from '../../errors/gateway-error.ts';
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
  for await (const chunk of plain) yield* sealer.push(chunk);
  yield sealer.end();
}

/** Encrypts a body that is in memory whole. @throws GatewayError IncompleteBody */
export function sealWhole(plan: SealPlan, plain: Buffer): Buffer {
  const sealer = new BodySealer(plan);
  const cells = [...sealer.push(plain)];
  const end = sealer.end();
  return cells.length === 0 ? end : Buffer.concat([...cells, end]);
}

class BodySealer {
  readonly #plan: SealPlan;
  readonly #salt: Buffer;
  readonly #key: KeyObject | undefined;
  readonly #lastIndex: number;
  readonly #trailerBytes: number;
  #index = 0;
  #missing: number;
  #out: Buffer;
  #segment: SegmentSealer | undefined;

  constructor(plan: SealPlan) {
    const { dataKey, part, salts } = plan;
    this.#plan = plan;
    this.#salt = salts.subarray(0, SALT_BYTES);
    this.#missing = part.plainSizeBytes;
    this.#lastIndex = segmentCount(part.role, part.plainSizeBytes) - 1;
    this.#trailerBytes = plan.trailerFields === undefined ? 0 : TRAILER_BYTES;
    this.#out = Buffer.alloc(this.#trailerBytes);
    if (part.plainSizeBytes > 0) this.#key = segmentKey(dataKey, this.#salt, part, derive);
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
        yield this.#out;
        this.#segment = undefined;
        this.#index += 1;
      }
    }
  }

  /** Gives the last segment and the trailer, where there is one. */
  end(): Buffer {
    if (this.#missing > 0) throw this.#incomplete(0);
    const { dataKey, salts, trailerFields } = this.#plan;
    this.#segment?.finish();
    if (trailerFields !== undefined) {
      const trailer = sealTrailer(dataKey, salts.subarray(SALT_BYTES), trailerFields());
      trailer.copy(this.#out, this.#out.length - TRAILER_BYTES);
    }
    return this.#out;
  }

  /** The last segment of an ordinary part takes its tail as well; the last buffer has room for the trailer. */
  #begin(): SegmentSealer {
    if (this.#key === undefined) throw this.#incomplete(0);
    const isLast = this.#index === this.#lastIndex;
    const rest = this.#plan.part.plainSizeBytes - this.#index * SEGMENT_BYTES;
    const cellBytes = (isLast ? rest : SEGMENT_BYTES) + SEGMENT_OVERHEAD_BYTES;
    this.#out = Buffer.allocUnsafe(isLast ? cellBytes + this.#trailerBytes : cellBytes);
    return new SegmentSealer(this.#key, this.#salt, { index: this.#index, isLast }, this.#out.subarray(0, cellBytes));
  }

  #incomplete(surplus: number): GatewayError {
    const { plainSizeBytes } = this.#plan.part;
    const received = plainSizeBytes - this.#missing + surplus;
    return new GatewayError('IncompleteBody', { detail: `${received} of ${plainSizeBytes} bytes` });
  }
}
