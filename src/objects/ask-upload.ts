import type { StoreQuestion, StoreSession } from '../contracts/store-session.ts';
import type { UpstreamResponse } from '../contracts/upstream.ts';
import { GatewayError } from '../errors/gateway-error.ts';

/** Asks about an upload. Ceph calls the key gone where the upload is. @throws GatewayError NoSuchUpload; what the store says */
export async function askUpload({ ask }: StoreSession, question: StoreQuestion): Promise<UpstreamResponse> {
  try {
    return await ask(question);
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'NoSuchKey') throw error;
    throw new GatewayError('NoSuchUpload', { cause: error });
  }
}
