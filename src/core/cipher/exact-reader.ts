/**
 * A stream of chunks of any size, read in pieces of a wanted size. A stream that ends before a piece is whole, or that
 * goes on after the end, is not what was stored. Holds one piece; copies only what lies across chunks. The chunks are its
 * own: it releases the memory of each when it goes on to the next.
 */
import { GatewayError } from '../../errors/gateway-error.ts';
import { releaseMemory } from '../../s3/body/release-memory.ts';

const NOTHING = Buffer.alloc(0);

export class ExactReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #chunk: Buffer = NOTHING;
  /** What is left of the chunk. */
  #rest: Buffer = NOTHING;
  #gathered: Buffer = NOTHING;

  constructor(source: AsyncIterable<Buffer>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** Gives exactly `sizeBytes`, valid until the next call. @throws GatewayError IntegrityFailure (the stream ended) */
  async take(sizeBytes: number): Promise<Buffer> {
    if (this.#rest.length === 0 && sizeBytes > 0) await this.#next();
    if (this.#rest.length >= sizeBytes) return this.#cut(sizeBytes);
    if (this.#gathered.length < sizeBytes) this.#gathered = Buffer.allocUnsafe(sizeBytes);
    const piece = this.#gathered.subarray(0, sizeBytes);
    for (let filled = 0; ;) {
      filled += this.#cut(Math.min(this.#rest.length, sizeBytes - filled)).copy(piece, filled);
      if (filled === sizeBytes) return piece;
      await this.#next();
    }
  }

  /** Passes over exactly `sizeBytes` without gathering them. @throws GatewayError IntegrityFailure (the stream ended) */
  async skip(sizeBytes: number): Promise<void> {
    for (let missing = sizeBytes; missing > 0; missing -= this.#cut(missing).length) {
      if (this.#rest.length === 0) await this.#next();
    }
  }

  /** Resolves when the stream has ended here. @throws GatewayError IntegrityFailure (it goes on) */
  async end(): Promise<void> {
    while (this.#rest.length === 0) {
      const next = await this.#chunks.next();
      if (next.done === true) return;
      this.#rest = next.value;
    }
    throw new GatewayError('IntegrityFailure', { detail: 'the store gave more bytes than it announced' });
  }

  /** Gives the stream up. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  #cut(sizeBytes: number): Buffer {
    const piece = this.#rest.subarray(0, sizeBytes);
    this.#rest = this.#rest.subarray(sizeBytes);
    return piece;
  }

  /** Goes on to the next chunk. Nothing of the one before is left, and pieces of it are not valid any more. */
  async #next(): Promise<void> {
    releaseMemory(this.#chunk);
    const next = await this.#chunks.next();
    if (next.done === true) {
      throw new GatewayError('IntegrityFailure', { detail: 'the store gave fewer bytes than it announced' });
    }
    this.#chunk = this.#rest = next.value;
  }
}
