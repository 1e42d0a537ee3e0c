/** What POST Object answers with `success_action_status` 201. */
import { objectUrl } from '../response/object-url.ts';
import type { S3Request } from '../request/request.ts';
import { textElement, XML_DECLARATION } from './xml.ts';

/** Writes PostResponse; `etag` in quotes. @see Amazon S3 API Reference, "POST Object" */
export function writePostResponse(request: Pick<S3Request, 'bucket' | 'bucketUrl' | 'key'>, etag: string): string {
  const { bucket, key } = request;
  const inner =
    textElement('Location', objectUrl(request)) +
    textElement('Bucket', bucket) +
    textElement('Key', key) +
    textElement('ETag', etag);
  return `${XML_DECLARATION}<PostResponse>${inner}</PostResponse>`;
}
