/** What a connection to a store failed of, in a word, for logs. */
import { GatewayError } from '../../errors/gateway-error.ts';

/** Gives the code of an error or of what caused it, such as `ECONNRESET`; else its name. */
export function codeOf(error: unknown): string {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const { code } = at as { code?: unknown };
    if (typeof code === 'string') return code;
  }
  return error instanceof Error ? error.name : 'unknown';
}

/** Gives the error of an answer that has begun and does not come to its end. */
export function brokenOff(storeName: string, cause: unknown): GatewayError {
  return new GatewayError('ServiceUnavailable', {
    detail: `store ${storeName} broke off its answer: ${codeOf(cause)}`,
    cause,
  });
}
