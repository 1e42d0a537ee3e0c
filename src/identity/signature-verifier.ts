/**
 * Signed message -> who signed it. The session token says who, the signature proves that its sender knows the secret of
 * that session; neither is worth anything without the other. Secrets and session tokens must never leave in an error.
 */
import type { SignatureVerifier } from '../contracts/client-sessions.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { createChunkSignatures } from '../sigv4/chunk-signatures.ts';
import { parseSignature } from '../sigv4/parse-signature.ts';
import { createSigningKeys } from '../sigv4/signing-key.ts';
import { verifySignature } from '../sigv4/verify-signature.ts';
import type { OpenableSessions } from './client-sessions.ts';
import { invalidSession } from './refuse.ts';
import { ACCESS_KEY_ID } from './session-claims.ts';

export interface SignatureVerifierOptions {
  readonly sessions: Pick<OpenableSessions, 'open'>;
  /** Regions that clients may sign for; the first is told to those that signed for another one. */
  readonly regions: readonly string[];
}

/** The two literals of `x-amz-content-sha256` that announce chunks with signatures of their own. */
const SIGNED_CHUNKS = /^STREAMING-AWS4-HMAC-SHA256-PAYLOAD(?:-TRAILER)?$/;

/**
 * Makes the verifier of messages signed with credentials of these sessions.
 * @see AWS Signature Version 4
 */
export const createSignatureVerifier = ({ sessions, regions }: SignatureVerifierOptions): SignatureVerifier => {
  const signingKey = createSigningKeys();

  const verify: SignatureVerifier['verify'] = ({ raw, service, payloadHash, receivedAtMs }) => {
    const claims = parseSignature(raw);
    if (claims === undefined) return undefined;
    // Credentials of somebody else's, such as a key of the store's: their secret is not to be had here.
    if (!ACCESS_KEY_ID.test(claims.accessKeyId) || claims.sessionToken === undefined) {
      throw new GatewayError('InvalidAccessKeyId', 'authenticate');
    }
    const { principal, credentials } = sessions.open(claims.sessionToken, receivedAtMs);
    if (principal.accessKeyId !== claims.accessKeyId) throw invalidSession('of another access key id');
    const key = signingKey(credentials, claims);
    verifySignature(claims, { raw, payloadHash, nowMs: receivedAtMs, service, regions }, key);
    return SIGNED_CHUNKS.test(payloadHash)
      ? { principal, chunkSignatures: createChunkSignatures(claims, key) }
      : { principal };
  };

  return { verify };
};
