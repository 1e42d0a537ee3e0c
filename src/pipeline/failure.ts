/**
 * The end of a request that did not complete. One serializer: the table of codes decides what the client sees, details go
 * to the log. Its outcome is durable before the answer; after the first byte of a body the connection is broken instead.
 */
import type { OutcomeResult } from '../contracts/audit-sink.ts';
import type { Exchange } from '../contracts/exchange.ts';
import { failedEnd } from '../audit/failed-end.ts';
import type { Observer } from '../contracts/observer.ts';
import { challenge, messageWithHelp, type TokensFrom } from '../errors/challenge.ts';
import type { ErrorCode } from '../errors/codes.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { retryHeaders } from '../errors/retry-headers.ts';
import { errorDocument, HOST_ID } from '../s3/documents/xml.ts';
import { effectsOf } from './effects.ts';
import type { Arrived } from './receive.ts';

/** How a request ended that did not complete. */
export interface Failed {
  readonly result: OutcomeResult;
  readonly error: ErrorCode;
}

/** Records and answers a failure; says how the request ended. `reached`: the context before the stage that failed. Never throws. */
export async function fail(
  { exchange, trail, early, tokensFrom }: Arrived,
  cause: unknown,
  reached: Parameters<typeof effectsOf>[0],
  observer: Observer,
): Promise<Failed> {
  let error = asGatewayError(cause, exchange.signal.aborted);
  observer.failure(exchange, error);
  // What broke in the middle of a body reaches the client as a broken connection, which is all that it may look like.
  const isBroken = exchange.status() !== undefined && !early.isOpen;
  const end = failedEnd(error, isBroken || exchange.signal.aborted, exchange.status());
  let { result } = end;
  try {
    await trail.end({ result, status: end.status, error: error.code }, effectsOf(reached));
  } catch (auditError) {
    observer.failure(exchange, auditError);
    error = new GatewayError('AuditUnavailable', { cause: auditError });
    if (result !== 'aborted') result = 'failed';
  }
  // Asked again: the disk takes its time, and the client may have left meanwhile.
  if (isBroken || exchange.signal.aborted) exchange.destroy();
  else if (early.isOpen) early.end(documentOf(exchange, error));
  else sendError(exchange, error, tokensFrom);
  return { result, error: error.code };
}

/**
 * Answers with the S3 error document of a failure; HEAD, 304 and 412 to HEAD carry no body. `tokensFrom`: where a caller
 * gets a token.
 */
export function sendError(exchange: Exchange, error: GatewayError, tokensFrom?: TokensFrom): void {
  const { row } = error;
  const headers: Record<string, string> = { ...error.clientHeaders, ...retryHeaders(error), 'x-amz-id-2': HOST_ID };
  if (row.status === 401) headers['www-authenticate'] = challenge(error, tokensFrom);
  if (exchange.raw.method === 'HEAD' || row.status === 304) {
    exchange.writeHead(row.status, headers);
    exchange.end();
    return;
  }
  const body = Buffer.from(documentOf(exchange, error, messageWithHelp(error, tokensFrom)));
  headers['content-type'] = 'application/xml';
  headers['content-length'] = String(body.length);
  exchange.writeHead(row.status, headers);
  exchange.end(body);
}

function documentOf(
  { raw, requestId }: Exchange,
  { row, clientMessage, clientFields: fields }: GatewayError,
  message = clientMessage,
): string {
  const resource = raw.target.split('?', 1)[0] ?? '';
  return errorDocument({ code: row.s3Code, message, resource, requestId, fields });
}

function asGatewayError(cause: unknown, clientIsGone: boolean): GatewayError {
  // Whatever broke because the client went away is not a failure of ours or of the store.
  if (clientIsGone && (!(cause instanceof GatewayError) || isAbort(cause.cause))) {
    return new GatewayError('RequestTimeout', { detail: 'the client is gone' });
  }
  return cause instanceof GatewayError ? cause : new GatewayError('InternalError', { cause });
}

const isAbort = (cause: unknown): boolean => cause instanceof Error && cause.name === 'AbortError';
