/**
 * Which condition of a request failed, by the name that S3 gives it in the `<Condition>` of its error: clients decide by it
 * whether what they would have written is there already. Enters: the request alone, whose conditions were put to the store.
 */
import type { S3Request } from '../request/request.ts';

/** In the order in which they decide: where the first is there, the others of its line are not looked at (RFC 9110 section 13.2.2). */
const OF_TARGET = ['If-Match', 'If-None-Match', 'If-Unmodified-Since'];
const OF_SOURCE = ['If-Match', 'If-None-Match', 'If-Unmodified-Since', 'If-Modified-Since'];

/** Gives the name; `undefined` where several may be meant, or none that the client has sent. */
export function failedCondition({ headers, copySource, descriptor: { method } }: S3Request): string | undefined {
  const isRead = method === 'GET' || method === 'HEAD';
  // A read for which If-None-Match fails has an answer of its own, 304.
  const ofTarget = OF_TARGET.filter((name) => headers.has(name.toLowerCase()) && !(isRead && name === 'If-None-Match'));
  const ofSource =
    copySource === undefined ? [] : OF_SOURCE.filter((name) => headers.has(`x-amz-copy-source-${name.toLowerCase()}`));
  if (ofTarget.length > 0 && ofSource.length > 0) return undefined;
  if (!isRead && ofTarget.length > 1) return undefined;
  const [own] = ofTarget;
  const [source] = ofSource;
  return own ?? (source === undefined ? undefined : `x-amz-copy-source-${source}`);
}
