/**
 * The end of a request that did not complete. One serializer: the table of codes decides what the client sees, details go
 * to the log. Its outcome is durable before the answer; after the first byte of a body the connection is broken instead.
 */
import type { OutcomeResult } from '../contracts/audit-sink.ts';
import type { Exchange } from '../contracts/exchange.ts';
import type { Observer } from '../contracts/observer.ts';
import type { ErrorCode } from '../errors/codes.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { errorDocument, HOST_ID } from '../s3/xml.ts';
import type { Arrived } from './receive.ts';

/** Records and answers a failure; says how the request ended. Never throws. */
export async function fail(
  { exchange, ledger, early }: Arrived,
  cause: unknown,
  observer: Observer,
): Promise<OutcomeResult> {
  let error = asGatewayError(cause, exchange.signal.aborted);
  observer.failure(exchange.requestId, error);
  const aborted = exchange.signal.aborted || (exchange.status() !== undefined && !early.isOpen);
  let result = resultOf(error.code, aborted);
  try {
    await ledger.end(result, exchange.status() ?? (aborted ? 0 : error.row.status), error.code);
  } catch (auditError) {
    observer.failure(exchange.requestId, auditError);
    error = new GatewayError('AuditUnavailable', 'respond', { cause: auditError });
    result = aborted ? 'aborted' : 'failed';
  }
  if (aborted) exchange.destroy();
  else if (early.isOpen) early.end(documentOf(exchange, error));
  else sendError(exchange, error);
  return result;
}

function resultOf(code: ErrorCode, aborted: boolean): OutcomeResult {
  if (aborted) return 'aborted';
  if (code === 'AccessDenied') return 'denied';
  // A conditional read whose condition says that the caller has it already.
  return code === 'NotModified' ? 'completed' : 'failed';
}

/** Answers with the S3 error document of a failure; HEAD, 304 and 412 to HEAD carry no body. */
export function sendError(exchange: Exchange, error: GatewayError): void {
  const { row } = error;
  const headers: Record<string, string> = { ...error.clientHeaders, 'x-amz-id-2': HOST_ID };
  if (row.retryAfterSeconds !== undefined) headers['retry-after'] = String(row.retryAfterSeconds);
  if (row.status === 401) {
    headers['www-authenticate'] =
      error.code === 'MissingToken' ? 'Bearer realm="sallyport"' : 'Bearer realm="sallyport", error="invalid_token"';
  }
  if (exchange.raw.method === 'HEAD' || row.status === 304) {
    exchange.writeHead(row.status, headers);
    exchange.end();
    return;
  }
  const body = Buffer.from(documentOf(exchange, error));
  headers['content-type'] = 'application/xml';
  headers['content-length'] = String(body.length);
  exchange.writeHead(row.status, headers);
  exchange.end(body);
}

function documentOf({ raw, requestId }: Exchange, { row, clientFields }: GatewayError): string {
  const resource = raw.target.split('?', 1)[0] ?? '';
  return errorDocument({ code: row.s3Code, message: row.message, resource, requestId, fields: clientFields });
}

function asGatewayError(cause: unknown, clientIsGone: boolean): GatewayError {
  // Whatever broke because the client went away is not a failure of ours or of the store.
  if (clientIsGone && (!(cause instanceof GatewayError) || isAbort(cause.cause))) {
    return new GatewayError('RequestTimeout', 'respond', { detail: 'the client is gone' });
  }
  return cause instanceof GatewayError ? cause : new GatewayError('InternalError', 'respond', { cause });
}

const isAbort = (cause: unknown): boolean => cause instanceof Error && cause.name === 'AbortError';
