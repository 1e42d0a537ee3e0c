/**
 * Enters: chunks in wire order. Leaves: nothing, or a refusal. Each signature covers the one before, and the first that of
 * the request, so that no chunk can be left out, moved, or taken from another request.
 * @see Amazon S3 API Reference, "Signature Calculations for the Authorization Header: Transferring Payload in Multiple Chunks"
 */
import { createHmac, hash, timingSafeEqual, type KeyObject } from 'node:crypto';
import { GatewayError } from '../errors/gateway-error.ts';
import type { ChunkSignatures } from '../s3/body/aws-chunked.ts';
import type { SignatureClaims } from './parse-signature.ts';
import { EMPTY_PAYLOAD } from './signer.ts';
import { scopeOf } from './verify-signature.ts';

/** Begins at the signature of a request, which must have been verified with the same key. */
export function createChunkSignatures(claims: SignatureClaims, key: KeyObject): ChunkSignatures {
  const where = `${claims.amzDate}\n${scopeOf(claims)}`;
  let previous = claims.signature;
  const verify = (text: string, signature: string): void => {
    const expected = createHmac('sha256', key).update(text).digest();
    const provided = Buffer.from(signature, 'hex');
    if (provided.length !== expected.length || !timingSafeEqual(provided, expected)) {
      throw new GatewayError('SignatureDoesNotMatch', {
        clientFields: { StringToSign: text, SignatureProvided: signature },
      });
    }
    // Our own spelling of it: a digit in upper case would break the chain for no reason.
    previous = expected.toString('hex');
  };
  return {
    chunk: (sha256, signature) => {
      const digest = sha256.toString('hex');
      verify(`AWS4-HMAC-SHA256-PAYLOAD\n${where}\n${previous}\n${EMPTY_PAYLOAD}\n${digest}`, signature);
    },
    trailer: (trailer, signature) => {
      verify(`AWS4-HMAC-SHA256-TRAILER\n${where}\n${previous}\n${hash('sha256', trailer)}`, signature);
    },
  };
}
