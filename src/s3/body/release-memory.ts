/**
 * Releases the memory of a buffer that nobody will read any more at once: left to the collector, the pieces of a streamed
 * body double what it costs. Memory that the buffer shares with others is left alone.
 */
export function releaseMemory(done: Buffer): void {
  if (done.buffer instanceof ArrayBuffer && done.buffer.byteLength === done.length) done.buffer.transfer(0);
}

/** Releases each chunk when the next one is requested: for a consumer that is done with it then, and no other. */
export async function* releasing(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  for await (const chunk of chunks) {
    yield chunk;
    releaseMemory(chunk);
  }
}
