/**
 * An error as the log may show it. What enters: anything that was thrown, libraries' errors among them, which like to
 * carry whole requests. What leaves: type, code, message and the chain of causes, redacted later; never other properties.
 */
import { GatewayError } from '../errors/gateway-error.ts';

const MAX_CAUSES = 5;
const MAX_ERRORS = 3;

/** Describes an error and its causes, five deep; the stack only on demand. */
export function describeError(error: unknown, withStack: boolean, depth = 0): Record<string, unknown> {
  if (!(error instanceof Error))
    return { type: typeof error, ...(typeof error === 'string' ? { message: error } : {}) };
  const description: Record<string, unknown> = { type: error.name };
  if (error instanceof GatewayError) {
    description['code'] = error.code;
    if (error.stage !== undefined) description['stage'] = error.stage;
    if (error.detail !== undefined) description['detail'] = error.detail;
  } else {
    if ('code' in error && typeof error.code === 'string') description['code'] = error.code;
    description['message'] = error.message;
  }
  if (withStack && error.stack !== undefined) description['stack'] = error.stack;
  if (depth < MAX_CAUSES) {
    if (error.cause !== undefined) description['cause'] = describeError(error.cause, withStack, depth + 1);
    // What a connection attempt to several addresses gives: its own message is empty.
    if (error instanceof AggregateError) {
      const errors = error.errors.slice(0, MAX_ERRORS);
      description['errors'] = errors.map((each: unknown) => describeError(each, withStack, MAX_CAUSES));
    }
  }
  return description;
}
