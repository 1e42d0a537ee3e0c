import { GatewayError } from '../errors/gateway-error.ts';
import { ANSWER_LIMIT_BYTES, ANSWER_LIMIT_MS } from './limits.ts';

/**
 * Reads a store's answer of at most 16 MiB into memory, for ten minutes at most: one that goes on in blanks is never idle.
 * @throws GatewayError ServiceUnavailable (larger, or not at its end by then)
 */
export async function readAnswer(body: AsyncIterable<Buffer>, withinMs = ANSWER_LIMIT_MS): Promise<Buffer> {
  const endMs = performance.now() + withinMs;
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > ANSWER_LIMIT_BYTES) throw refused("the store's answer is too large");
    if (performance.now() > endMs) throw refused("the store's answer has no end");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

function refused(detail: string): GatewayError {
  return new GatewayError('ServiceUnavailable', { detail });
}
