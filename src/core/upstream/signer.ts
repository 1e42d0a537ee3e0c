/**
 * Enters: a request to a store as the pipeline built it, and the credentials to make it with. Leaves: the request that
 * goes on the wire. The body is not signed: it is streamed, and its integrity is the cipher's and TLS's matter.
 */
import type { Store, StoredBucket } from '../../contracts/bucket.ts';
import type { StoreCredentials } from '../../contracts/credential-broker.ts';
import type { OutboundRequest } from '../../contracts/upstream.ts';
import { encodePath } from '../../s3/encode.ts';
import { createRequestSigner, EMPTY_PAYLOAD, UNSIGNED_PAYLOAD } from '../../sigv4/signer.ts';
import { addressOf, type BucketAddress } from './bucket-address.ts';

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

export type Signer = ReturnType<typeof createSigner>;

/** Creates the signer of requests to stores. */
export function createSigner() {
  const signRequest = createRequestSigner();
  const addresses = new WeakMap<StoredBucket, BucketAddress>();
  const knownAddressOf = (bucket: StoredBucket): BucketAddress => {
    let address = addresses.get(bucket);
    if (address === undefined) {
      address = addressOf(bucket);
      addresses.set(bucket, address);
    }
    return address;
  };
  return {
    sign: (request: OutboundRequest, credentials: StoreCredentials, nowMs: number): SignedRequest => {
      const { bucket, method, key, query, headers, body } = request;
      const { store } = bucket;
      const { origin, host, path } = knownAddressOf(bucket);
      const { target, headers: signed } = signRequest(
        {
          method,
          host,
          // Whatever a key begins with stands behind a slash of its own, a further slash too.
          path: key === '' ? path || '/' : `${path}/${encodePath(key)}`,
          query,
          headers,
          payloadHash: body === undefined ? EMPTY_PAYLOAD : (body.payloadHash ?? UNSIGNED_PAYLOAD),
          region: store.region,
        },
        credentials,
        nowMs,
      );
      if (body === undefined) return { store, origin, method, target, headers: signed };
      // Beside those that are signed.
      signed['content-length'] = String(body.sizeBytes);
      return { store, origin, method, target, headers: signed, body: body.content };
    },
  };
}
