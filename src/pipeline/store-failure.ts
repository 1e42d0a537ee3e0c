/**
 * What a store's refusal means to our client. The store's words never reach the client: they can name roles, sessions and
 * the store's own buckets.
 */
import type { OutboundRequest, UpstreamResponse } from '../contracts/upstream.ts';
import type { ErrorCode } from '../errors/codes.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { parseStoreError, STORE_ERROR_LIMIT_BYTES } from '../s3/xml.ts';

/** The store does not take our temporary credentials (any more); new ones may do. */
export class CredentialsRefused extends GatewayError {}

const CREDENTIALS_REFUSED = new Set([
  'ExpiredToken',
  'InvalidAccessKeyId',
  'InvalidClientTokenId',
  'InvalidToken',
  'TokenRefreshRequired',
]);

const BY_CODE: Readonly<Record<string, ErrorCode>> = {
  AccessDenied: 'AccessDeniedByStore',
  ConditionalRequestConflict: 'ConditionalRequestConflict',
  EntityTooLarge: 'EntityTooLarge',
  InvalidArgument: 'InvalidArgument',
  InvalidObjectState: 'InvalidObjectState',
  InvalidRange: 'InvalidRange',
  KeyTooLongError: 'KeyTooLong',
  MetadataTooLarge: 'MetadataTooLarge',
  MethodNotAllowed: 'MethodNotAllowed',
  NoSuchBucket: 'NoSuchBucket',
  NoSuchKey: 'NoSuchKey',
  NoSuchVersion: 'NoSuchVersion',
  OperationAborted: 'OperationAborted',
  PreconditionFailed: 'PreconditionFailed',
  RequestTimeTooSkewed: 'ServiceUnavailable',
  SignatureDoesNotMatch: 'InternalError',
  SlowDown: 'SlowDown',
  TooManyRequests: 'SlowDown',
};

const BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  304: 'NotModified',
  400: 'InvalidRequest',
  403: 'AccessDeniedByStore',
  404: 'NoSuchKey',
  405: 'MethodNotAllowed',
  409: 'OperationAborted',
  412: 'PreconditionFailed',
  416: 'InvalidRange',
  429: 'SlowDown',
};

/** Reads a store's refusal (bounded) and says what it means. Consumes the response. `shownEtag`: the client's view of an ETag. */
export async function storeFailure(
  response: UpstreamResponse,
  outbound: OutboundRequest,
  shownEtag: (stored: string) => string,
): Promise<GatewayError> {
  const storeCode = parseStoreError(await readBounded(response));
  const code: ErrorCode =
    (storeCode === undefined ? undefined : BY_CODE[storeCode]) ??
    BY_STATUS[response.status] ??
    (response.status >= 500 ? 'ServiceUnavailable' : 'InternalError');
  const etag = response.headers.get('etag');
  const options = {
    detail: `store ${outbound.store.name} answered ${response.status} ${storeCode ?? ''}`.trimEnd(),
    ...(code === 'NotModified' && etag !== undefined ? { clientHeaders: { etag: shownEtag(etag) } } : {}),
  };
  if (storeCode !== undefined && CREDENTIALS_REFUSED.has(storeCode)) {
    return new CredentialsRefused('ServiceUnavailable', 'forward', options);
  }
  return new GatewayError(code, 'forward', options);
}

async function readBounded(response: UpstreamResponse): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response.body) {
      length += chunk.length;
      if (length > STORE_ERROR_LIMIT_BYTES) return Buffer.alloc(0);
      chunks.push(chunk);
    }
  } catch {
    // The status alone says enough.
  }
  return Buffer.concat(chunks);
}
