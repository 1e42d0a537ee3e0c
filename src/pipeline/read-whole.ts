import { GatewayError } from '../errors/gateway-error.ts';

/** Reads a store's answer of at most `limitBytes` into memory. @throws GatewayError ServiceUnavailable */
export async function readWhole(body: AsyncIterable<Buffer>, limitBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > limitBytes) {
      throw new GatewayError('ServiceUnavailable', 'respond', { detail: "the store's answer is too large" });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}
