/** The signatures of the chunks of a body, each over the one before; the first follows that of the request. */
import type { KeyObject } from 'node:crypto';
import { GatewayError } from '../errors/gateway-error.ts';
import type { ChunkSignatures } from '../s3/aws-chunked.ts';
import type { SignatureClaims } from './parse-signature.ts';

/** Begins at a signature that has been verified. */
export function createChunkSignatures(claims: SignatureClaims, key: KeyObject): ChunkSignatures {
  throw new GatewayError('NotImplemented', 'authenticate', { detail: claims.kind + key.type });
}
