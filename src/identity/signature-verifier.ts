/**
 * Signed message -> who signed it. The session token says who, the signature proves that its sender knows the secret of
 * that session; neither is worth anything without the other. Secrets and session tokens must never leave in an error.
 */
import type { SignatureVerifier } from '../contracts/client-sessions.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { createChunkSignatures } from '../sigv4/chunk-signatures.ts';
import { parseSignature, type SignatureClaims } from '../sigv4/parse-signature.ts';
import { parsePolicySignature, verifyPolicySignature } from '../sigv4/policy-signature.ts';
import { createSigningKeys } from '../sigv4/signing-key.ts';
import { verifySignature } from '../sigv4/verify-signature.ts';
import type { OpenableSessions } from './client-sessions.ts';
import { invalidSession } from './refuse.ts';
import { ACCESS_KEY_ID } from './session-claims.ts';

export interface SignatureVerifierOptions {
  readonly sessions: Pick<OpenableSessions, 'open'>;
  /** Regions that clients may sign for; the first is told to those that signed for another one. */
  readonly regions: readonly string[];
  /** Whether Content-Type and Content-MD5 must be signed where they are sent; absent: no. */
  readonly requireSignedContentHeaders?: boolean;
}

/** The two literals of `x-amz-content-sha256` that announce chunks with signatures of their own. */
const SIGNED_CHUNKS = /^STREAMING-AWS4-HMAC-SHA256-PAYLOAD(?:-TRAILER)?$/;

/**
 * Makes the verifier of messages signed with credentials of these sessions.
 * @see AWS Signature Version 4
 */
export const createSignatureVerifier = ({ sessions, ...expected }: SignatureVerifierOptions): SignatureVerifier => {
  const signingKey = createSigningKeys();

  const open = (
    { accessKeyId, sessionToken }: Pick<SignatureClaims, 'accessKeyId' | 'sessionToken'>,
    receivedAtMs: number,
  ): ReturnType<OpenableSessions['open']> => {
    // Credentials of somebody else's, such as a key of the store's: their secret is not to be had here.
    if (!ACCESS_KEY_ID.test(accessKeyId) || sessionToken === undefined) {
      throw new GatewayError('InvalidAccessKeyId');
    }
    const opened = sessions.open(sessionToken, receivedAtMs);
    if (opened.principal.accessKeyId !== accessKeyId) throw invalidSession('of another access key id');
    return opened;
  };

  const verify: SignatureVerifier['verify'] = ({ raw, service, payloadHash, receivedAtMs }) => {
    const claims = parseSignature(raw);
    if (claims === undefined) return undefined;
    const { principal, credentials } = open(claims, receivedAtMs);
    const key = signingKey(credentials, claims);
    verifySignature(claims, { ...expected, raw, payloadHash, nowMs: receivedAtMs, service }, key);
    return SIGNED_CHUNKS.test(payloadHash)
      ? { principal, chunkSignatures: createChunkSignatures(claims, key) }
      : { principal };
  };

  const verifyPolicy: SignatureVerifier['verifyPolicy'] = (fields, receivedAtMs) => {
    const claims = parsePolicySignature(fields);
    const { principal, credentials } = open(claims, receivedAtMs);
    verifyPolicySignature(claims, { nowMs: receivedAtMs, regions: expected.regions }, signingKey(credentials, claims));
    return { principal };
  };

  return { verify, verifyPolicy };
};
