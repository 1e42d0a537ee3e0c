/**
 * Any S3 request -> the one workload that this sidecar stands beside. Whoever reaches the port is that workload: its
 * signature, in the header or in the query, is made with a secret that nobody here knows. It is read as far as its form
 * goes, so that it can be left behind, and neither it nor its expiry counts for anything.
 */
import type { Authenticator } from '../contracts/authenticator.ts';
import type { ChunkSignatures } from '../contracts/chunk-signatures.ts';
import type { Principal } from '../contracts/principal.ts';
import { GatewayError } from '../errors/gateway-error.ts';

/** The issuer of workloads in the audit. */
export const SIDECAR_ISSUER = 'urn:sallyport:sidecar';
/** Its name in policies. */
export const SIDECAR_ISSUER_NAME = 'sidecar';

/**
 * They prove to whoever knows the client's secret that a chunk is the client's. Nobody here knows it, and everybody who
 * reaches the port may send chunks. What they add beside is that the body arrived as it was sent: that is what the digests
 * and checksums of the request are for, which are verified all the same, and so is the framing around the chunks.
 */
const NOT_VERIFIED: ChunkSignatures = { chunk: () => undefined, trailer: () => undefined };

/** Makes the authenticator that takes every request for the workload's. */
export function createWorkloadAuthenticator(subject: string): Authenticator {
  // One object for all requests: what was worked out for a principal is kept as long as it lives.
  const principal: Principal = Object.freeze({
    issuerName: SIDECAR_ISSUER_NAME,
    issuer: SIDECAR_ISSUER,
    subject,
    groups: [],
    claims: {},
    tokenIdHash: '',
    expiresAtMs: Infinity,
  });
  return {
    name: 'workload',
    authenticate: ({ presented, payload }) => {
      // Who sends a token expects its holder's rights, and would have the workload's without a word.
      if (presented === 'bearer') {
        const detail = 'a bearer token, and the sidecar knows no identities; send it to a gateway';
        throw new GatewayError('InvalidRequest', { detail });
      }
      return payload.chunked?.signed === true ? { principal, chunkSignatures: NOT_VERIFIED } : { principal };
    },
  };
}
