import { withoutFraming } from './payload.ts';
import type { S3Request } from './request.ts';
import { METADATA_PREFIX } from './user-metadata.ts';

/** The standard headers that S3 keeps beside an object and gives back with it. */
export const OBJECT_HEADERS: ReadonlySet<string> = new Set([
  'content-type',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'expires',
]);

/** Tells whether a lower-case header name of a PUT is kept beside the object. */
export function isStoredHeader(name: string): boolean {
  return OBJECT_HEADERS.has(name) || name.startsWith(METADATA_PREFIX);
}

/** Gives the headers that are kept beside an object: an allow-list, nothing else of the client's survives. */
export function storedHeaders(request: Pick<S3Request, 'headers'>): Record<string, string> {
  const stored: Record<string, string> = {};
  for (const [name, value] of request.headers) {
    if (!isStoredHeader(name)) continue;
    const kept = name === 'content-encoding' ? withoutFraming(value) : value;
    if (kept !== '' || name.startsWith(METADATA_PREFIX)) stored[name] = kept;
  }
  return stored;
}
