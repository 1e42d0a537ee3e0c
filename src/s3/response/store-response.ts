/**
 * Enters: the headers of a store's answer to a read or a write. Leaves: those that a client may see.
 * An allow-list. The store's checksums of a sealed object are those of ciphertext, and clients verify what they are given:
 * none may pass. Content-Length and Content-Range are for the caller to set, who knows the plaintext's.
 */
import { decodeWord } from '../request/encoded-word.ts';
import { clientEtag } from './etag.ts';
import { OBJECT_HEADERS } from '../request/stored-headers.ts';
import { isReservedMetadata, METADATA_PREFIX } from '../request/user-metadata.ts';

const ALWAYS = new Set([
  ...OBJECT_HEADERS,
  'last-modified',
  'etag',
  'accept-ranges',
  'x-amz-version-id',
  'x-amz-storage-class',
  'x-amz-delete-marker',
  'x-amz-missing-meta',
  'x-amz-copy-source-version-id',
  'x-amz-mp-parts-count',
  'x-amz-tagging-count',
  'x-amz-object-lock-mode',
  'x-amz-object-lock-retain-until-date',
  'x-amz-object-lock-legal-hold',
]);

/** True of stored bytes, and so of the object only where the stored bytes are the object's. */
const PLAIN_ONLY = /^x-amz-checksum-[a-z0-9]+$/;

const PRINTABLE_ASCII = /^[\t -~]*$/;

/** A name of a file is for browsers, which know no encoded word there: its bytes go out as they came in. */
function shown(name: string, value: string, encrypted: boolean): string {
  if (name === 'content-disposition') return decodeWord(value);
  return encrypted && name === 'etag' ? clientEtag(value) : value;
}

/**
 * Gives the headers of a store's answer that go on to the client, names in lower case. `encrypted`: clients see mapped
 * ETags there; `isPlaintext`: the stored bytes are the object's all the same.
 */
export function objectHeaders(
  stored: ReadonlyMap<string, string>,
  encrypted: boolean,
  isPlaintext = !encrypted,
): Record<string, string> {
  const headers: Record<string, string> = {};
  let missing = 0;
  for (const [name, value] of stored) {
    if (name.startsWith(METADATA_PREFIX)) {
      if (isReservedMetadata(name)) continue;
      // S3's own way with metadata that cannot be a header: left out, and counted.
      if (PRINTABLE_ASCII.test(value)) headers[name] = value;
      else missing += 1;
    } else if (ALWAYS.has(name) || (isPlaintext && PLAIN_ONLY.test(name))) {
      if (PRINTABLE_ASCII.test(value)) headers[name] = shown(name, value, encrypted);
    }
  }
  if (missing > 0) headers['x-amz-missing-meta'] = String(missing + (Number(headers['x-amz-missing-meta']) || 0));
  return headers;
}
