import type { UNSIGNED_TRAILER } from '../s3/body/frame-chunked.ts';
import type { StoredBucket } from './bucket.ts';

/** A request to a store, not yet signed. */
export interface OutboundRequest {
  readonly bucket: StoredBucket;
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** Empty for bucket-level operations. */
  readonly key: string;
  readonly query: readonly (readonly [string, string])[];
  /** Lower-case names. Neither `host`, `authorization`, `content-length` nor signing headers. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: OutboundBody;
}

export interface OutboundBody {
  readonly sizeBytes: number;
  readonly content: Buffer | AsyncIterable<Buffer>;
  /** What `x-amz-content-sha256` says of it; absent: that it is not signed. */
  readonly payloadHash?: typeof UNSIGNED_TRAILER;
}

export interface UpstreamResponse {
  readonly status: number;
  /** Lower-case names; repeated headers joined by a comma. */
  readonly headers: ReadonlyMap<string, string>;
  /** Must be consumed or discarded. Throws when the connection breaks or falls idle before the declared length. */
  readonly body: AsyncIterable<Buffer>;
  /** The whole body in memory, instead of `body`; for answers that are known to be small. At once where it is there. */
  readonly whole: () => Buffer | Promise<Buffer>;
  /** Gives up the body; small rests are read so that the connection can be used again. */
  readonly discard: () => Promise<void>;
}
