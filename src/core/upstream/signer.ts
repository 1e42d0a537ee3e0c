/**
 * Enters: a request to a store as the pipeline built it, and the credentials to make it with. Leaves: the request that
 * goes on the wire. The body is not signed: it is streamed, and its integrity is the cipher's and TLS's matter.
 */
import type { StoredBucket } from '../../contracts/bucket.ts';
import type { SignedRequest, Signer } from '../../contracts/upstream.ts';
import { encodePath } from '../../s3/encode.ts';
import { createRequestSigner, EMPTY_PAYLOAD, UNSIGNED_PAYLOAD } from '../../sigv4/signer.ts';
import { addressOf, type BucketAddress } from './bucket-address.ts';

/** Creates the signer of requests to stores. */
export function createSigner(): Signer {
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
    sign: ({ bucket, method, key, query, headers, body }, credentials, nowMs): SignedRequest => {
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
      const sized = { ...signed, 'content-length': String(body.sizeBytes) };
      return { store, origin, method, target, headers: sized, body: body.content };
    },
  };
}
