/**
 * Is a bucket there for this session? Enters: a session that may list it. Nothing leaves where it is; else the store's own
 * reason. An answer to HEAD has no document that tells one refusal from another, so one refused is requested by GET.
 */
import type { StoreSession } from '../contracts/store-session.ts';
import { GatewayError } from '../errors/gateway-error.ts';

/** @throws GatewayError NoSuchBucket, AccessDeniedByStore, and what else the store says */
export async function checkBucket(session: StoreSession): Promise<void> {
  try {
    const head = await session.send({ method: 'HEAD', key: '', query: [], headers: {} });
    await head.discard();
  } catch (error) {
    if (!(error instanceof GatewayError) || !isUnexplained(error)) throw error;
    const query = [['list-type', '2'] as const, ['max-keys', '1'] as const];
    const listing = await session.send({ method: 'GET', key: '', query, headers: {} });
    await listing.discard();
  }
}

function isUnexplained({ refusal }: GatewayError): boolean {
  const { status, code } = refusal ?? {};
  return status !== undefined && status !== 404 && status < 500 && code === undefined;
}
