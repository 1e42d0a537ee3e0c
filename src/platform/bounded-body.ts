/**
 * Bodies of messages, under a limit that holds while they are read. Enters: chunks as they arrive from a peer who may send
 * without end. Leaves: the bytes, or the caller's own error at the first chunk too many; leaving the loop over the chunks
 * destroys their stream, so that the rest is never read.
 */

/** What a body was aborted for. */
export type BodyFault = 'too long' | 'too slow';

export interface BodyLimits {
  readonly maxBytes: number;
  /**
   * Looked at with each chunk: against a peer that goes on for ever, however little it sends. One that stops is the matter
   * of the connection's own time limits. Left out: none.
   */
  readonly withinMs?: number;
  /** Makes the error that the reading ends with. */
  readonly refuse: (fault: BodyFault) => Error;
}

/** Passes chunks on. @throws what `refuse` makes, at the first chunk beyond a limit */
export async function* bounded(
  body: AsyncIterable<Buffer>,
  { maxBytes, withinMs = Infinity, refuse }: BodyLimits,
): AsyncGenerator<Buffer, void, undefined> {
  const endMs = performance.now() + withinMs;
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes) throw refuse('too long');
    if (performance.now() > endMs) throw refuse('too slow');
    yield chunk;
  }
}

/** Reads a body into memory. @throws as `bounded`, and what the body fails with */
export async function readBounded(body: AsyncIterable<Buffer>, limits: BodyLimits): Promise<Buffer<ArrayBuffer>> {
  // Copied together at once: the pieces of a body that comes byte by byte would take two hundred times its size.
  let content = Buffer.alloc(0);
  let length = 0;
  for await (const chunk of bounded(body, limits)) {
    const needed = length + chunk.length;
    if (needed > content.length) {
      const capacityBytes = Math.min(limits.maxBytes, Math.max(needed, 2 * content.length));
      const grown = Buffer.allocUnsafe(capacityBytes);
      content.copy(grown, 0, 0, length);
      content = grown;
    }
    length += chunk.copy(content, length);
  }
  return content.subarray(0, length);
}
