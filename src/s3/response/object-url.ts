/** Where an object is, as S3 says it in the `Location` of what was written. */
import type { Addressed } from '../request/addressed.ts';
import { encodePath } from '../encode.ts';

/** Gives the URL by which the client addresses the object; a path where the request does not tell all of it. */
export function objectUrl({ bucketUrl, key }: Pick<Addressed, 'bucketUrl' | 'key'>): string {
  return `${bucketUrl}/${encodePath(key)}`;
}
