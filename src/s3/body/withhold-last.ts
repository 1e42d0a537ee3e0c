import type { GatewayError } from '../../errors/gateway-error.ts';
import { releasedOnceSent } from './release-memory.ts';

/**
 * Exactly `sizeBytes` of a body, the last of them only when it has ended: whoever stores it has nothing whole before the
 * source has held all its checks. The chunks are nobody else's. @throws what `incomplete` makes; the source's own errors
 */
export async function* withholdLast(
  plain: AsyncIterable<Buffer>,
  sizeBytes: number,
  incomplete: (gotBytes: number, expectedBytes: number) => GatewayError,
): AsyncGenerator<Buffer, void, undefined> {
  let held: Buffer | undefined;
  let length = 0;
  for await (const chunk of plain) {
    // An empty chunk in its place would let the last bytes go.
    if (chunk.length === 0) continue;
    length += chunk.length;
    if (length > sizeBytes) break;
    if (held !== undefined) yield releasedOnceSent(held);
    held = chunk;
  }
  if (length !== sizeBytes) throw incomplete(length, sizeBytes);
  if (held !== undefined) yield held;
}
