/**
 * Small documents of clients, read whole and verified before anything is done with them. A document is read when its
 * request has been allowed; only DeleteObjects, whose document says what is to be decided, is read as soon as its caller
 * is known.
 */
import { GatewayError } from '../errors/gateway-error.ts';
import { readDeleteObjects } from '../s3/documents/delete-objects.ts';
import { MAX_DELETED_KEYS } from '../s3/limits.ts';
import type { Admission } from './admission.ts';
import type { Admitted, Authenticated, Credentialed, Documented, Listed } from './contexts.ts';
import { plainBody } from './plain-body.ts';
import type { Stage } from './stage.ts';

/** The shortest element that names a key. */
const BYTES_PER_KEY = '<Object><Key>k</Key></Object>'.length;

/**
 * The stage `read` of the class BATCH: a batch waits for its turn among those of its caller before it takes any memory.
 * @throws GatewayError EntityTooLarge, IncompleteBody, BadDigest, MalformedXML
 */
export function createReadList(admission: Admission): Stage<Admitted, Listed> {
  return {
    name: 'read',
    run: async (context) => {
      const { sizeBytes = 0 } = context.request.payload;
      await admission.spend(context.exchange, Math.min(MAX_DELETED_KEYS, Math.ceil(sizeBytes / BYTES_PER_KEY)));
      return { ...context, list: readDeleteObjects(await readDocument(context)) };
    },
  };
}

/** The stage `read` of the class DOCUMENT. @throws GatewayError EntityTooLarge, IncompleteBody, BadDigest */
export function createReadDocument(): Stage<Credentialed, Documented> {
  return {
    name: 'read',
    run: async (context) => {
      const takes = context.request.descriptor.body.kind === 'document';
      return { ...context, document: takes ? await readDocument(context) : undefined };
    },
  };
}

async function readDocument(context: Authenticated): Promise<Buffer> {
  const { descriptor, payload } = context.request;
  const { sizeBytes = 0 } = payload;
  if (descriptor.body.kind !== 'document' || sizeBytes > descriptor.body.maxBytes)
    throw new GatewayError('EntityTooLarge');
  return plainBody(context, sizeBytes).whole();
}
