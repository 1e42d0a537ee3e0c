/**
 * Forwarded -> Forwarded. The store has a part: what is kept of it is kept before its client is told, so that whatever a client
 * was told can be told again. What the store said of where the part waits is not for the client.
 */
import { unusable } from '../s3/documents/stored-document.ts';
import type { Forwarded, Sealed } from './contexts.ts';
import type { Stage } from './stage.ts';

/** @throws GatewayError what the store says */
export function createRecordPart(): Stage<Sealed & Forwarded, Sealed & Forwarded> {
  return {
    name: 'upload',
    run: (context) => {
      const onStored = context.sealed?.onStored;
      return onStored === undefined ? context : record(context, onStored);
    },
  };
}

async function record(
  context: Sealed & Forwarded,
  onStored: (etag: string) => Promise<void>,
): Promise<Sealed & Forwarded> {
  const { response } = context;
  const etag = response.headers.get('etag');
  await response.discard();
  if (etag === undefined) throw unusable('a part without an ETag');
  await onStored(etag);
  return { ...context, response: { ...response, headers: new Map([['etag', etag]]) } };
}
