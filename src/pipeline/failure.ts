/**
 * The end of a request that did not complete. One serializer: the table of codes decides what the client sees, details go
 * to the log. Its outcome is durable before the answer; after the first byte the connection is broken instead.
 */
import type { OutcomeResult } from '../contracts/audit-sink.ts';
import type { Exchange } from '../contracts/exchange.ts';
import type { Observer } from '../contracts/observer.ts';
import type { ErrorCode } from '../errors/codes.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { errorDocument, HOST_ID } from '../s3/xml.ts';
import type { Ledger } from './ledger.ts';

/** Records and answers a failure; says how the request ended. Never throws. */
export async function fail(
  exchange: Exchange,
  ledger: Ledger,
  cause: unknown,
  observer: Observer,
): Promise<OutcomeResult> {
  let error = asGatewayError(cause, exchange.signal.aborted);
  observer.failure(exchange.requestId, error);
  const aborted = exchange.signal.aborted || exchange.status() !== undefined;
  let result = resultOf(error.code, aborted);
  try {
    await ledger.end(result, aborted ? (exchange.status() ?? 0) : error.row.status, error.code);
  } catch (auditError) {
    observer.failure(exchange.requestId, auditError);
    error = new GatewayError('AuditUnavailable', 'respond', { cause: auditError });
    result = aborted ? 'aborted' : 'failed';
  }
  if (aborted) exchange.destroy();
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
  const body = Buffer.from(
    errorDocument({
      code: row.s3Code,
      message: row.message,
      resource: exchange.raw.target.split('?', 1)[0] ?? '',
      requestId: exchange.requestId,
      fields: error.clientFields,
    }),
  );
  headers['content-type'] = 'application/xml';
  headers['content-length'] = String(body.length);
  exchange.writeHead(row.status, headers);
  exchange.end(body);
}

function asGatewayError(cause: unknown, clientIsGone: boolean): GatewayError {
  // Whatever broke because the client went away is not a failure of ours or of the store.
  if (clientIsGone && (!(cause instanceof GatewayError) || isAbort(cause.cause))) {
    return new GatewayError('RequestTimeout', 'respond', { detail: 'the client is gone' });
  }
  return cause instanceof GatewayError ? cause : new GatewayError('InternalError', 'respond', { cause });
}

const isAbort = (cause: unknown): boolean => cause instanceof Error && cause.name === 'AbortError';
