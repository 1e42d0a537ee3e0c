import { GatewayError } from '../../errors/gateway-error.ts';
import { readBounded, type BodyFault } from '../../platform/bounded-body.ts';
import { ANSWER_LIMIT_BYTES, ANSWER_LIMIT_MS } from '../limits.ts';

/**
 * Reads a store's answer of at most 16 MiB into memory, for ten minutes at most: one that goes on in blanks is never idle.
 * @throws GatewayError ServiceUnavailable (larger, or not at its end by then)
 */
export async function readAnswer(body: AsyncIterable<Buffer>, withinMs = ANSWER_LIMIT_MS): Promise<Buffer> {
  return readBounded(body, { maxBytes: ANSWER_LIMIT_BYTES, withinMs, refuse });
}

function refuse(fault: BodyFault): GatewayError {
  const detail = `the store's answer ${fault === 'too long' ? 'is too large' : 'has no end'}`;
  return new GatewayError('ServiceUnavailable', { detail });
}
