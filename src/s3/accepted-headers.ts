/**
 * Enters: an operation and its headers. Leaves: nothing, or a refusal.
 * Every `x-amz-*`, `if-*` and body-framing header changes what a request means: one that the operation does not list
 * here is NotImplemented, never ignored. All other headers have no meaning here and are never forwarded.
 */
import { GatewayError } from '../errors/gateway-error.ts';
import type { ErrorCode } from '../errors/codes.ts';
import { CHECKSUM_HEADERS } from './body-claims.ts';
import type { OperationClass } from './operations.ts';
import { isStoredHeader } from './stored-headers.ts';
import { isReservedMetadata, MAX_USER_METADATA_BYTES, METADATA_PREFIX } from './user-metadata.ts';

/** Accepted with any value that its own reader takes (`true`), or with one value only: S3's default, a no-op. */
type Accepted = ReadonlyMap<string, string | true>;

const EVERYWHERE: readonly (readonly [string, string | true])[] = [
  ['x-amz-date', true],
  ['x-amz-content-sha256', true],
  ['x-amz-user-agent', true],
];

const ACCEPTED: Readonly<Record<OperationClass, Accepted>> = {
  READ: new Map([
    ...EVERYWHERE,
    ['x-amz-checksum-mode', 'ENABLED'],
    ['if-match', true],
    ['if-none-match', true],
    ['if-modified-since', true],
    ['if-unmodified-since', true],
  ]),
  WRITE: new Map([
    ...EVERYWHERE,
    ...[...CHECKSUM_HEADERS.keys()].map((name) => [name, true] as const),
    ['x-amz-sdk-checksum-algorithm', true],
    ['x-amz-checksum-algorithm', true],
    ['x-amz-acl', 'private'],
    ['x-amz-storage-class', 'STANDARD'],
    ['if-match', true],
    ['if-none-match', true],
  ]),
  LIST: new Map(EVERYWHERE),
  DELETE: new Map(EVERYWHERE),
  LOCAL: new Map(EVERYWHERE),
};

const PRINTABLE_ASCII = /^[ -~]*$/;

/**
 * Refuses headers that the operation does not understand.
 * @throws GatewayError NotImplemented, InvalidArgument, MetadataTooLarge
 */
export function checkHeaders(operationClass: OperationClass, headers: ReadonlyMap<string, string>): void {
  const accepted = ACCEPTED[operationClass];
  const isWrite = operationClass === 'WRITE';
  let metadataBytes = 0;
  for (const [name, value] of headers) {
    if (isWrite && isStoredHeader(name)) {
      // Stores re-encode other bytes each in their way, and some sign a tab as a tab: neither can be stored byte-exact.
      if (!PRINTABLE_ASCII.test(value)) throw refuse('InvalidArgument', name);
      if (name.startsWith(METADATA_PREFIX)) metadataBytes += metadataSize(name, value);
      else if (name === 'content-encoding' && /aws-chunked/i.test(value)) throw refuse('NotImplemented', name);
    } else if (name.startsWith('x-amz-') || name.startsWith('if-')) {
      const allowed = accepted.get(name);
      if (allowed !== true && allowed !== value) throw refuse('NotImplemented', name);
    } else if (name === 'authorization') {
      if (/^AWS/i.test(value)) throw refuse('NotImplemented', name);
    } else if (name === 'content-range') {
      throw refuse('NotImplemented', name);
    }
  }
  if (metadataBytes > MAX_USER_METADATA_BYTES) throw new GatewayError('MetadataTooLarge', 'receive');
}

function metadataSize(name: string, value: string): number {
  if (name === METADATA_PREFIX || isReservedMetadata(name)) throw refuse('InvalidArgument', name);
  return name.length - METADATA_PREFIX.length + value.length;
}

/** The name only: a value may be a credential. */
function refuse(code: ErrorCode, header: string): GatewayError {
  return new GatewayError(code, 'receive', { detail: header, clientFields: { Header: header } });
}
