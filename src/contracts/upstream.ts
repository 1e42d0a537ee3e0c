import type { UNSIGNED_TRAILER } from '../s3/frame-chunked.ts';
import type { Store, StoredBucket } from './bucket.ts';
import type { StoreCredentials } from './credential-broker.ts';

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

/** Method, encoded target and all headers, ready to send. */
export interface SignedRequest {
  readonly store: Store;
  /** Scheme, host and port to connect to: those of the endpoint, or the bucket's own below it. */
  readonly origin: string;
  readonly method: string;
  /** Encoded path and query, exactly as signed. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer | AsyncIterable<Buffer>;
}

/** Pure. @see AWS Signature Version 4, "S3: Authenticating Requests" */
export interface Signer {
  readonly sign: (request: OutboundRequest, credentials: StoreCredentials, nowMs: number) => SignedRequest;
}

export interface UpstreamResponse {
  readonly status: number;
  /** Lower-case names; repeated headers joined by a comma. */
  readonly headers: ReadonlyMap<string, string>;
  /** Must be consumed or discarded. Throws when the connection breaks or falls idle before the declared length. */
  readonly body: AsyncIterable<Buffer>;
  /** The whole body in memory, instead of `body`; for answers that are known to be small. */
  readonly whole: () => Promise<Buffer>;
  /** Gives up the body; small rests are read so that the connection can be used again. */
  readonly discard: () => Promise<void>;
}

/** Streams with backpressure; never retries a consumed body. Without a signal a request is carried to its end. */
export interface Upstream {
  /** @throws GatewayError ServiceUnavailable (no connection, no answer in time); the body's own errors pass through */
  readonly send: (request: SignedRequest, signal: AbortSignal | undefined) => Promise<UpstreamResponse>;
}
