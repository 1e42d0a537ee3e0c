/**
 * Forwarded -> Opened. The plaintext view of a stored object: its size, the range that is given, and a body of which no
 * byte leaves before it is authenticated. Where the bucket requires encryption nothing else is served.
 */
import type { ObjectCipher } from '../contracts/object-cipher.ts';
import type { UpstreamResponse } from '../contracts/upstream.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { parseContentRange, resolveRange } from '../s3/range.ts';
import { ENVELOPE_HEADER } from '../s3/user-metadata.ts';
import type { Forwarded, Opened } from './contexts.ts';
import type { Stage } from './stage.ts';

/** The stage `open`. @throws GatewayError ObjectNotEncrypted, IntegrityFailure, InvalidRange, ServiceUnavailable */
export function createOpen(cipher: ObjectCipher, smallBodyBytes: number): Stage<Forwarded, Opened> {
  return {
    name: 'open',
    run: async (context) => {
      try {
        return { ...context, view: await viewOf(context, cipher, smallBodyBytes) };
      } catch (error) {
        await context.response.discard();
        throw error;
      }
    },
  };
}

async function viewOf(
  { request, bucket, response, ledger }: Forwarded,
  cipher: ObjectCipher,
  smallBodyBytes: number,
): Promise<Opened['view']> {
  const isHead = request.operation === 'HeadObject';
  const stored = storedExtent(response);
  if (bucket.encryption === 'off') {
    const { sizeBytes, first, last } = stored;
    return {
      sizeBytes,
      first,
      last,
      partial: response.status === 206,
      body: isHead ? undefined : response.body,
    };
  }
  const envelope = response.headers.get(ENVELOPE_HEADER);
  if (envelope === undefined) throw new GatewayError('ObjectNotEncrypted', 'open');
  if (isHead) {
    const sizeBytes = cipher.plainSize(stored.sizeBytes);
    if (sizeBytes === undefined) {
      throw new GatewayError('IntegrityFailure', 'open', {
        detail: `no object has the stored size ${stored.sizeBytes}`,
      });
    }
    // A part of an object in one piece is all of it.
    const { first, last } = request.range === undefined ? whole(sizeBytes) : resolveRange(request.range, sizeBytes);
    return {
      sizeBytes,
      first,
      last,
      partial: sizeBytes > 0 && (response.status === 206 || request.range !== undefined),
      body: undefined,
    };
  }
  // A store may answer a range with the whole object.
  const range = response.status === 206 ? request.range : undefined;
  const opened = await cipher.open(
    { bucketId: bucket.id, key: request.key },
    { envelope, storedSizeBytes: stored.sizeBytes, firstStoredByte: stored.first },
    range,
  );
  ledger.keyId = opened.keyId;
  // What the connection will really carry is its Content-Length, whatever a Content-Range says.
  const isSmall = Number(response.headers.get('content-length') ?? Infinity) <= smallBodyBytes;
  return {
    sizeBytes: opened.plainSizeBytes,
    first: opened.first,
    last: opened.last,
    partial: response.status === 206 && opened.plainSizeBytes > 0,
    // What is small is opened in one piece: no stream, and a failure is always a clean error.
    body: isSmall ? opened.whole(await response.whole()) : opened.body(response.body),
  };
}

const whole = (sizeBytes: number) => ({ first: 0, last: sizeBytes - 1 });

/** The stored size of the whole object and the stored bytes that the store announces. */
function storedExtent(response: UpstreamResponse): { sizeBytes: number; first: number; last: number } {
  if (response.status === 206) {
    const extent = parseContentRange(response.headers.get('content-range'));
    if (extent === undefined)
      throw new GatewayError('ServiceUnavailable', 'open', { detail: 'the store sent no usable Content-Range' });
    return extent;
  }
  const length = response.headers.get('content-length');
  if (length === undefined || !/^\d{1,15}$/.test(length)) {
    throw new GatewayError('ServiceUnavailable', 'open', { detail: 'the store sent no usable Content-Length' });
  }
  return { sizeBytes: Number(length), first: 0, last: Number(length) - 1 };
}
