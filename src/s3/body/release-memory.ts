/**
 * Releases the memory of the chunks of a body at once, where nobody reads them any more: left to the collector, they double
 * what the body costs. Enters: a chunk of which the caller is the only user. Memory that may be shared with others is left
 * to the collector, and so is what a connection did not send: the system may still read it.
 */

/** Releases a buffer that nobody will read any more, if its memory is its own. */
export function releaseMemory({ buffer, length }: Buffer): void {
  // That of an empty one may be anybody's: undici gives out one of all its connections.
  if (length > 0 && buffer instanceof ArrayBuffer && buffer.byteLength === length) buffer.transfer(0);
}

const marked = new WeakSet<Buffer>();

/** Marks a buffer that nobody else will read: the connection to which it is handed next releases it when it is sent. */
export function releasedOnceSent(chunk: Buffer): Buffer {
  marked.add(chunk);
  return chunk;
}

/** For connections: the system has taken over all of a buffer, which is released if it is marked. */
export function releaseSent(chunk: unknown): void {
  if (Buffer.isBuffer(chunk) && marked.delete(chunk)) releaseMemory(chunk);
}
