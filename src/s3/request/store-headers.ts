/**
 * Enters: a parsed request. Leaves: the headers that go to the store with it: what is kept beside the object, the
 * conditions in the store's ETags, and what was decided as a verb of its own. An allow-list; a default is not passed on.
 */
import { SOURCE_PREFIX, sourceConditions, storeConditions } from './conditions.ts';
import { copySourceHeader } from './copy-source.ts';
import type { S3Request } from './request.ts';
import { storedHeaders } from './stored-headers.ts';
import { isPrivate } from './verbs.ts';

export interface StoreHeadersOptions {
  readonly encrypted: boolean;
  /** Whether the store's checksums are the object's, and it keeps those of uploads and copies. */
  readonly keepsChecksums?: boolean;
  /** The store's name of the bucket that the store itself copies a plain object from; absent: it is not asked to. */
  readonly sourceBucket?: string;
}

/** True of stored bytes, and so only where the stored bytes are the object's; put to a store that keeps them all. */
const CHECKSUMS = /^x-amz-checksum-/;

const NAMES: ReadonlySet<string> = new Set(['x-amz-checksum-algorithm', 'x-amz-checksum-type']);

/** Gives the headers for the store, names in lower case. @throws GatewayError InvalidArgument, NotImplemented */
export function storeHeaders(request: S3Request, options: StoreHeadersOptions): Record<string, string> {
  const { descriptor } = request;
  const headers = Object.assign(keptHeaders(request), storeConditions(request, options.encrypted));
  for (const [name, value] of request.headers) {
    if (!name.startsWith('x-amz-')) continue;
    const toStore = descriptor.acceptedHeaders.get(name)?.toStore;
    if (toStore === 'passed' || (toStore === 'decided' && !isDefault(name, value))) headers[name] = value;
    else if (options.keepsChecksums === true && CHECKSUMS.test(name) && descriptor.objectChecksum !== undefined) {
      // What is claimed of a body goes with it (`outbound.ts`).
      // Names are taken in any case here; a value is base64.
      headers[name] = NAMES.has(name) ? value.toUpperCase() : value;
    }
  }
  return options.sourceBucket === undefined ? headers : { ...headers, ...copyHeaders(request, options.sourceBucket) };
}

function copyHeaders(request: S3Request, sourceBucket: string): Record<string, string> {
  const { copySource, descriptor } = request;
  if (copySource === undefined) return {};
  const headers: Record<string, string> = { 'x-amz-copy-source': copySourceHeader(copySource, sourceBucket) };
  for (const [name, value] of Object.entries(sourceConditions(request, false))) headers[SOURCE_PREFIX + name] = value;
  for (const [name, value] of request.headers) {
    if (descriptor.acceptedHeaders.get(name)?.toStore === 'of-copy') headers[name] = value;
  }
  return headers;
}

function keptHeaders(request: S3Request): Record<string, string> {
  return request.descriptor.keepsHeaders ? storedHeaders(request) : {};
}

function isDefault(name: string, value: string): boolean {
  switch (name) {
    case 'x-amz-acl':
      return isPrivate(value);
    case 'x-amz-tagging':
      return value === '';
    case 'x-amz-storage-class':
      return value === 'STANDARD';
    case 'x-amz-bypass-governance-retention':
      return value === 'false';
    default:
      return false;
  }
}
