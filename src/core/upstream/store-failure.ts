/**
 * What a store's refusal means to our client. The store's words never reach the client: they can name roles, sessions and
 * the store's own buckets.
 */
import type { Bucket } from '../../contracts/bucket.ts';
import type { StoreRequest } from '../../contracts/store-session.ts';
import type { UpstreamResponse } from '../../contracts/upstream.ts';
import type { ErrorCode } from '../../errors/codes.ts';
import { GatewayError } from '../../errors/gateway-error.ts';
import { readBounded } from '../../platform/bounded-body.ts';
import { isKeptPlain } from '../../s3/encryption.ts';
import { clientEtag } from '../../s3/response/etag.ts';
import { errorOfStore } from '../../s3/response/store-errors.ts';
import { parseStoreError, STORE_ERROR_LIMIT_BYTES } from '../../s3/documents/xml.ts';

/** The store does not take our credentials (any more); other ones may do. */
export class CredentialsRefused extends GatewayError {}

const CREDENTIALS_REFUSED = new Set([
  'ExpiredToken',
  'InvalidAccessKeyId',
  'InvalidClientTokenId',
  'InvalidToken',
  // Of a static key whose secret was replaced under the same id; or else our signer is wrong, and stays so.
  'SignatureDoesNotMatch',
  'TokenRefreshRequired',
]);

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
  501: 'NotImplemented',
};

/** Reads a store's refusal, bounded in size and time, and says what it means. Consumes the response. */
export async function storeFailure(
  response: UpstreamResponse,
  request: StoreRequest,
  bucket: Bucket,
  withinMs = REFUSAL_LIMIT_MS,
): Promise<GatewayError> {
  const storeCode = parseStoreError(await readRefusal(response, withinMs));
  const region = response.headers.get('x-amz-bucket-region');
  const code = errorOfStore(storeCode) ?? byStatus(response.status, request);
  const options = {
    detail: `store ${bucket.store.name} answered ${response.status} ${storeCode ?? ''}`.trimEnd(),
    refusal: {
      ...{ by: 'store' as const, status: response.status, code: storeCode },
      ...(region !== undefined && REGION.test(region) ? { region } : {}),
    },
    clientHeaders: shownHeaders(response, code, !isKeptPlain(bucket, request.key)),
  };
  if (storeCode !== undefined && CREDENTIALS_REFUSED.has(storeCode)) {
    return new CredentialsRefused(errorOfStore(storeCode) ?? 'ServiceUnavailable', options);
  }
  return new GatewayError(code, options);
}

/** A refusal without a document, as all are that answer HEAD. */
function byStatus(status: number, { query, key }: StoreRequest): ErrorCode {
  if (status === 404 && key === '') return 'NoSuchBucket';
  if (status === 416 && query.some(([name]) => name === 'partNumber')) return 'InvalidPartNumber';
  return BY_STATUS[status] ?? (status >= 500 ? 'ServiceUnavailable' : 'InternalError');
}

/** What a client needs to know of a refusal: the entity that it has already, or that a delete marker is in the way. */
function shownHeaders({ headers }: UpstreamResponse, code: ErrorCode, encrypted: boolean): Record<string, string> {
  const shown: Record<string, string> = {};
  const etag = headers.get('etag');
  if (code === 'NotModified' && etag !== undefined) shown['etag'] = encrypted ? clientEtag(etag) : etag;
  if (headers.get('x-amz-delete-marker') === 'true') shown['x-amz-delete-marker'] = 'true';
  const range = headers.get('content-range');
  // Of an encrypted object it would tell the size of the ciphertext.
  if (code === 'InvalidRange' && !encrypted && range !== undefined && UNSATISFIED.test(range)) {
    shown['content-range'] = range;
  }
  return shown;
}

const REGION = /^[a-z0-9-]{1,64}$/;
const UNSATISFIED = /^bytes \*\/\d{1,15}$/;

/** A store that tells why byte by byte is not waited for: the client waits meanwhile. */
const REFUSAL_LIMIT_MS = 10_000;

/** What came of a document that breaks off; nothing of one beyond its limits. The status alone says enough. */
async function readRefusal({ body }: UpstreamResponse, withinMs: number): Promise<Buffer> {
  const limits = { maxBytes: STORE_ERROR_LIMIT_BYTES, withinMs, refuse: () => new Error('beyond its limits') };
  return readBounded(untilItBreaks(body), limits).catch(() => Buffer.alloc(0));
}

async function* untilItBreaks(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield* body;
  } catch {
    // What came before is all there is.
  }
}
