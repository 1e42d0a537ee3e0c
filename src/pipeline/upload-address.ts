import type { UploadAddress } from '../contracts/stored-objects.ts';
import type { Documented } from './contexts.ts';

/** Names the upload that a request is about. */
export function uploadAddress({ request: { key, query } }: Pick<Documented, 'request'>): UploadAddress {
  return { key, uploadId: query.get('uploadId') ?? '' };
}
