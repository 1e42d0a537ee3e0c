/**
 * Signed S3 request -> who signed it, and how the chunks of its body are to be verified. The signature covers what the
 * request says of its body; the body itself is verified against that where it is read.
 */
import type { Authenticator } from '../contracts/authenticator.ts';
import type { SignatureVerifier } from '../contracts/client-sessions.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import type { S3Request } from '../s3/request/request.ts';
import { UNSIGNED_PAYLOAD } from '../sigv4/signer.ts';

/**
 * Makes the authenticator of signed requests.
 * @see Amazon S3 API Reference, "Authenticating Requests"
 */
export const createSignatureAuthenticator = (signatures: SignatureVerifier): Authenticator => ({
  name: 'signature',
  authenticate: (request) => {
    const { raw, presented, payload, receivedAtMs } = request;
    if (presented === 'signed-form') return signatures.verifyPolicy(request.form ?? new Map(), receivedAtMs);
    if (presented !== 'signed-header' && presented !== 'signed-query') return undefined;
    const identification = signatures.verify({ raw, service: 's3', payloadHash: payloadHash(request), receivedAtMs });
    // Nobody may fall through to another authenticator, or to none, because two parsers disagree.
    if (identification === undefined) throw invalid('signed to one parser, and not to the other');
    const { chunkSignatures } = identification;
    if ((chunkSignatures !== undefined) !== (payload.chunked?.signed === true)) {
      throw invalid('framed otherwise than the signature says');
    }
    return identification;
  },
});

const payloadHash = ({ presented, payload }: S3Request): string => {
  if (payload.declaredHash !== undefined) return payload.declaredHash;
  if (presented === 'signed-query') return UNSIGNED_PAYLOAD;
  throw new GatewayError('InvalidRequest', { clientFields: { Header: 'x-amz-content-sha256' } });
};

const invalid = (detail: string): GatewayError => new GatewayError('InvalidRequest', { detail });
