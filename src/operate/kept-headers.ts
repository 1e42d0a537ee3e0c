/**
 * What an object keeps when it is written anew in its place. Enters: the head of the object. Leaves: the headers to write
 * beside it again. Never: an object that has lost, without a word, something that its owner had put beside it.
 */
import { GatewayError } from '../errors/gateway-error.ts';
import { isStoredHeader } from '../s3/stored-headers.ts';
import { isReservedMetadata } from '../s3/user-metadata.ts';

const ALSO_KEPT = new Set(['x-amz-storage-class', 'x-amz-website-redirect-location']);
/** The store's own encryption, where it is not what the bucket gives by default. */
const STORE_ENCRYPTION = /^x-amz-server-side-encryption(?:-aws-kms-key-id|-bucket-key-enabled)?$/;
const PRINTABLE_ASCII = /^[\t -~]*$/;

/** Gives these headers; `dropped` names those that belong to the object's present form. @throws GatewayError NotImplemented (metadata that cannot be written again as it is) */
export function keptHeaders(
  head: ReadonlyMap<string, string>,
  dropped: readonly string[] = [],
): Readonly<Record<string, string>> {
  if (head.has('x-amz-missing-meta')) throw notCarried('metadata that the store does not show');
  if (head.has('x-amz-server-side-encryption-customer-algorithm')) throw notCarried('a customer key');
  const isKms = head.get('x-amz-server-side-encryption')?.startsWith('aws:kms') === true;
  const kept: Record<string, string> = {};
  for (const [name, value] of head) {
    const wanted = isStoredHeader(name) || ALSO_KEPT.has(name) || (isKms && STORE_ENCRYPTION.test(name));
    if (!wanted || isReservedMetadata(name) || dropped.includes(name)) continue;
    if (!PRINTABLE_ASCII.test(value)) throw notCarried(`${name} with characters beyond ASCII`);
    kept[name] = value;
  }
  return kept;
}

function notCarried(what: string): GatewayError {
  return new GatewayError('NotImplemented', 'copy', { detail: `the object has ${what}; it cannot be carried over` });
}
