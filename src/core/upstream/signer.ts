/**
 * Enters: a request to a store as the pipeline built it, and the credentials to make it with. Leaves: the request that
 * goes on the wire. The body is not signed: it is streamed, and its integrity is the cipher's and TLS's matter.
 */
import type { Store } from '../../contracts/bucket.ts';
import type { OutboundRequest, SignedRequest, Signer } from '../../contracts/upstream.ts';
import { encodePath } from '../../s3/encode.ts';
import { createRequestSigner, EMPTY_PAYLOAD, UNSIGNED_PAYLOAD } from '../../sigv4/signer.ts';

/** Creates the signer of requests to stores, path-style. */
export function createSigner(): Signer {
  const signRequest = createRequestSigner();
  const hosts = new WeakMap<Store, string>();
  const hostOf = (store: Store): string => {
    let host = hosts.get(store);
    if (host === undefined) {
      host = new URL(store.endpoint).host;
      hosts.set(store, host);
    }
    return host;
  };
  return {
    sign: (request, credentials, nowMs): SignedRequest => {
      const { store, method, query, headers, body } = request;
      const { target, headers: signed } = signRequest(
        {
          method,
          host: hostOf(store),
          path: pathOf(request),
          query,
          headers,
          payloadHash: body === undefined ? EMPTY_PAYLOAD : UNSIGNED_PAYLOAD,
          region: store.region,
        },
        credentials,
        nowMs,
      );
      if (body === undefined) return { store, method, target, headers: signed };
      const sized = { ...signed, 'content-length': String(body.sizeBytes) };
      return { store, method, target, headers: sized, body: body.content };
    },
  };
}

function pathOf({ bucket, key }: OutboundRequest): string {
  return key === '' ? `/${bucket}` : `/${bucket}/${encodePath(key)}`;
}
