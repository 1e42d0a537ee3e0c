import type { StoreRequest, StoreSession } from '../contracts/store-session.ts';
import type { UpstreamResponse } from '../contracts/upstream.ts';
import { GatewayError } from '../errors/gateway-error.ts';

/** Sends a request about an upload. Ceph calls the key gone where the upload is. @throws GatewayError NoSuchUpload; what the store says */
export async function sendForUpload({ send }: StoreSession, request: StoreRequest): Promise<UpstreamResponse> {
  try {
    return await send(request);
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'NoSuchKey') throw error;
    throw new GatewayError('NoSuchUpload', { cause: error });
  }
}
