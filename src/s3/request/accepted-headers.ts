/**
 * Enters: an operation and its headers. Leaves: nothing, or a refusal.
 * Every `x-amz-*`, `if-*` and body-framing header changes what a request means: one that the operation does not accept
 * is NotImplemented, never ignored; what is harmless was taken out before (ignored-headers.ts). All other headers
 * have no meaning here and are never forwarded.
 */
import { GatewayError } from '../../errors/gateway-error.ts';
import type { ErrorCode } from '../../errors/codes.ts';
import { operationOf, type OperationName } from '../operations/operations.ts';
import type { Presented } from './request.ts';
import { isStoredHeader } from './stored-headers.ts';
import { unsupportedHeader } from './unsupported.ts';
import { isReservedMetadata, MAX_USER_METADATA_BYTES, METADATA_PREFIX } from './user-metadata.ts';

const PRINTABLE_ASCII = /^[ -~]*$/;

/**
 * Refuses headers that the operation does not understand.
 * @throws GatewayError NotImplemented, InvalidArgument, MetadataTooLarge
 */
export function checkHeaders(
  operation: OperationName,
  headers: ReadonlyMap<string, string>,
  presented: Presented,
): void {
  const { acceptedHeaders, keepsHeaders } = operationOf(operation);
  let metadataBytes = 0;
  for (const [name, value] of headers) {
    if (keepsHeaders && isStoredHeader(name)) {
      // Some stores sign a tab as a tab, and what is not UTF-8 has no encoded word (encoded-word.ts).
      if (!PRINTABLE_ASCII.test(value)) throw refuse('InvalidArgument', name);
      if (name.startsWith(METADATA_PREFIX)) metadataBytes += metadataSize(name, value);
    } else if (name === 'x-amz-security-token') {
      // Where nothing is presented, authentication says what is missing.
      if (presented !== 'signed-header' && presented !== 'nothing') throw refuse('NotImplemented', name);
    } else if (name.startsWith('x-amz-') || name.startsWith('if-')) {
      const allowed = acceptedHeaders.get(name);
      if (allowed === undefined) throw refuse(unsupportedHeader(name), name);
      if (allowed.values !== true && !allowed.values.test(value)) throw refuse('InvalidArgument', name);
    } else if (name === 'content-range') {
      throw refuse('NotImplemented', name);
    }
  }
  if (metadataBytes > MAX_USER_METADATA_BYTES) throw new GatewayError('MetadataTooLarge');
}

function metadataSize(name: string, value: string): number {
  if (name === METADATA_PREFIX || isReservedMetadata(name)) throw refuse('InvalidArgument', name);
  return name.length - METADATA_PREFIX.length + value.length;
}

/** The name only: a value may be a credential. */
function refuse(code: ErrorCode, header: string): GatewayError {
  return new GatewayError(code, { detail: header, clientFields: { Header: header } });
}
