import { GatewayError } from '../errors/gateway-error.ts';
import { ANSWER_LIMIT_BYTES } from './limits.ts';

/** Reads a store's answer of at most 16 MiB into memory. @throws GatewayError ServiceUnavailable (larger) */
export async function readAnswer(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > ANSWER_LIMIT_BYTES) {
      throw new GatewayError('ServiceUnavailable', 'respond', { detail: "the store's answer is too large" });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}
